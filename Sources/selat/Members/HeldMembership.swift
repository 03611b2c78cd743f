import ArgumentParser
import SelatControl
import SelatCore
import SelatFederation

/// The membership against which a verb works: the daemon's, or one in a folder, which needs no
/// daemon.
struct HeldMembership: ParsableArguments {
    @Option(help: "A folder with membership.cms, records and crls, instead of the daemon's.")
    var membership: String?

    @Option(help: "With --membership: the digest of the first list, obtained elsewhere.")
    var trust: Digest?

    var isOffline: Bool { membership != nil }

    func validate() throws {
        if (membership == nil) != (trust == nil) {
            throw ValidationError("--membership and --trust go together")
        }
    }

    /// Loads and verifies it; with a daemon, what that node has verified.
    /// - Throws: `Ending`, `ControlError`, `Problem`.
    func load(_ client: ClientOptions, at time: Timestamp) async throws -> Federation {
        if let membership, let trust {
            return try Self.folder(membership, trust, at: time)
        }
        let answer = try await client.withDaemon { daemon in
            try await daemon.getJSON("/v1/membership?documents=1")
        }
        do {
            return try Self.verified(try Self.documents(of: answer), nil, at: time)
        } catch let error as FederationError {
            throw Ending(.verificationFailed, "the daemon's membership: \(error)")
        }
    }

    static func folder(
        _ path: String, _ trust: Digest, at time: Timestamp
    ) throws -> Federation {
        do throws(FederationError) {
            return try verified(try FederationLoader.documents(in: path), trust, at: time)
        } catch {
            throw Ending(error.status, "membership `\(path)`: \(error)")
        }
    }

    /// A list that is over is still the one before the next, so it is judged as it last stood.
    static func verified(
        _ documents: MembershipDocuments, _ trust: Digest?, at time: Timestamp
    ) throws(FederationError) -> Federation {
        let list = try Proposal(unverified: documents.list)
        guard list.expires <= time else {
            return try Federation(
                verifying: documents, trusted: trust, allowsSandbox: true, at: time)
        }
        Terminal.warning("the membership list has expired at \(list.expires)")
        let last = list.expires + -1
        let records = documents.records.filter { _, record in
            (try? Proposal(unverified: record)).map { $0.expires > last } ?? true
        }
        return try Federation(
            verifying: MembershipDocuments(
                lists: documents.lists, records: records,
                revocationLists: documents.revocationLists),
            trusted: trust, allowsSandbox: true, at: last)
    }

    private static func documents(of answer: JSON) throws -> MembershipDocuments {
        func all(_ key: String) throws -> [Country: [UInt8]] {
            var found: [Country: [UInt8]] = [:]
            for (code, text) in answer["documents"]?[key]?.objectValue ?? [:] {
                found[try Country(code)] = text.stringValue.flatMap { Base64.decode($0) }
            }
            return found
        }
        let lists = (answer["documents"]?["lists"]?.arrayValue ?? [])
            .compactMap { $0.stringValue.flatMap { Base64.decode($0) } }
        guard !lists.isEmpty else {
            throw Ending(.failed, "the daemon gave no membership list")
        }
        return MembershipDocuments(
            lists: lists, records: try all("records"), revocationLists: try all("crls"))
    }
}

extension FederationError {
    /// A file that cannot be read says nothing about what it holds.
    var status: ExitStatus {
        if case .fileUnreadable = self { .failed } else { .verificationFailed }
    }
}
