import FoundationEssentials
import Logging
import SelatAudit
import SelatCore
import SelatCrypto
import SelatPolicy
import SelatStore

/// Makes the policy files active: the bytes in force lie in the database, files are input.
///
/// An invalid set never replaces a valid one: the last good one stays, and `status` says so.
enum PolicyActivation {
    struct Active {
        let set: PolicySet
        /// For `status`, when the files are not what is in force.
        let warning: String?
    }

    private static let key = "policies"

    static func run(
        directory: String, store: Store, clock: any WallClock, logger: Logger
    ) async throws -> Active {
        let kept = try await store.read { try $0.value(key) }
        let files: [PolicySource]
        let set: PolicySet
        do {
            files = try read(directory)
            set = try PolicySet.load(files: files, now: clock.now())
        } catch let errors as PolicyErrors {
            let reasons = errors.diagnostics.map(\.description)
            return try await keep(kept, reasons, directory, store, logger)
        } catch {
            return try await keep(kept, ["\(error)"], directory, store, logger)
        }
        let bytes = stored(files)
        for warning in set.warnings { logger.warning("\(warning)") }
        if bytes != kept { try await activate(set, bytes, store) }
        return Active(set: set, warning: nil)
    }

    private static func activate(_ set: PolicySet, _ bytes: [UInt8], _ store: Store) async throws {
        let editions = set.editions.mapValues { JSON.string($0.digest.text) }
        _ = try await store.commit { transaction in
            try transaction.setValue(key, bytes)
            try transaction.append(
                EntryDraft(kind: "policy.activated", details: ["editions": .object(editions)]))
        }
    }

    private static func keep(
        _ stored: [UInt8]?, _ reasons: [String], _ directory: String, _ store: Store,
        _ logger: Logger
    ) async throws -> Active {
        guard let stored else { throw StartFailure.invalid(reasons.joined(separator: "\n")) }
        for reason in reasons { logger.error("\(reason)") }
        let first = reasons.first ?? ""
        _ = try await store.commit { transaction in
            try transaction.append(
                EntryDraft(
                    kind: "policy.refused",
                    details: [
                        "errors": .integer(Int64(reasons.count)),
                        "first": .string(first),
                    ]))
        }
        let set = try PolicySet.load(files: try sources(stored))
        return Active(
            set: set,
            warning: "the policy files in `\(directory)` are not usable (\(first)); "
                + "the last good editions are in force")
    }

    private static func read(_ directory: String) throws -> [PolicySource] {
        guard let names = try? FileManager.default.contentsOfDirectory(atPath: directory) else {
            throw StartFailure.invalid("policies `\(directory)` cannot be listed")
        }
        return try names.filter { $0.hasSuffix(".yaml") }.sorted().map { name in
            guard let contents = FileManager.default.contents(atPath: "\(directory)/\(name)") else {
                throw StartFailure.invalid("policy file `\(directory)/\(name)` cannot be read")
            }
            return PolicySource(name: "\(directory)/\(name)", bytes: Array(contents))
        }
    }

    private static func stored(_ files: [PolicySource]) -> [UInt8] {
        let documents = files.map { file -> JSON in
            ["name": .string(file.name), "bytes": .string(Base64.encode(file.bytes))]
        }
        return JSON.array(documents).canonical
    }

    private static func sources(_ stored: [UInt8]) throws -> [PolicySource] {
        try (try JSON(parsing: stored).arrayValue ?? []).map { document in
            var reader = try ObjectReader(document, "stored policy file")
            return PolicySource(
                name: try reader.string("name"), bytes: try reader.base64("bytes"))
        }
    }
}
