import FoundationEssentials
import Logging
import SelatCore
import SelatExchange
import SelatFederation
import SelatStore

/// Opens the register of policy editions. Its bytes lie in the database; the configured folder is
/// input for a node that holds none yet.
enum PolicyActivation {
    static func open(
        directory: String, store: Store, membership: MembershipRegister, clock: any WallClock,
        logger: Logger
    ) async throws -> EditionRegister {
        do {
            return try await EditionRegister.open(
                store: store, membership: membership, clock: clock, logger: logger,
                input: { try read(directory) })
        } catch let refused as EditionsRefused {
            throw StartFailure.invalid("policies in `\(directory)`: \(refused)")
        }
    }

    private static func read(_ directory: String) throws -> [SignedEdition] {
        guard let names = try? FileManager.default.contentsOfDirectory(atPath: directory) else {
            throw StartFailure.invalid("policies `\(directory)` cannot be listed")
        }
        return try names.filter { $0.hasSuffix(".yaml") }.sorted().map { name in
            SignedEdition(
                file: "\(directory)/\(name)",
                bytes: try bytes(of: "\(directory)/\(name)", max: Limits.policyFileBytesMax),
                signatures: names.contains("\(name).p7s")
                    ? try bytes(
                        of: "\(directory)/\(name).p7s",
                        max: FederationLimits.editionSignaturesBytesMax) : nil)
        }
    }

    /// - Returns: at most one byte more than `max`, so that what is too large is refused as such.
    private static func bytes(of path: String, max: Int) throws -> [UInt8] {
        guard let file = FileManager.default.contents(atPath: path) else {
            throw StartFailure.invalid(
                "reading the policy file `\(path)`: \(Hindrance.ofReading(path))")
        }
        return Array(file.prefix(max + 1))
    }
}
