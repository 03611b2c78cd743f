// C2SP tlog-policy: which logs and witnesses count, and how many of them.

import SelatCore

/// A quorum over witnesses, with the logs that it is for.
package struct LogPolicy: Hashable, Sendable {
    /// A witness under its name in the policy, which means nothing outside of it.
    package struct Witness: Hashable, Sendable {
        package let name: String
        package let key: CosignerKey
        /// Kept as it stands.
        package let url: String?

        package init(name: String, key: CosignerKey, url: String? = nil) {
            self.name = name
            self.key = key
            self.url = url
        }
    }

    /// At least `threshold` of `members`, each a witness or an earlier group; never met with fewer members.
    package struct Group: Hashable, Sendable {
        package let name: String
        package let threshold: Int
        package let members: [String]

        package init(name: String, threshold: Int, members: [String]) {
            self.name = name
            self.threshold = threshold
            self.members = members
        }
    }

    /// Empty where the log is known from elsewhere.
    package let logs: [VerifierKey]
    package let witnesses: [Witness]
    /// Each after those that it names.
    package let groups: [Group]
    /// A witness or a group; nil for `none`.
    package let quorum: String?

    /// - Throws: `AuditError.malformed` for a name or key that stands twice, a name used before it is
    ///   defined or as a member twice, a threshold that is always met, or too many of anything.
    package init(
        logs: [VerifierKey] = [], witnesses: [Witness], groups: [Group], quorum: String?
    ) throws(AuditError) {
        self.logs = logs
        self.witnesses = witnesses
        self.groups = groups
        self.quorum = quorum
        if let reason = contradiction { throw .malformed("witness policy", reason) }
    }

    /// What a checkpoint's signatures amount to.
    package struct Standing: Hashable, Sendable {
        /// Of witnesses of the policy, one for each at most.
        package let cosignatures: [Cosignature]
        /// Whether they meet the quorum.
        package let isWitnessed: Bool
    }

    /// Judges the cosignatures of a checkpoint; the log's own signature is judged elsewhere.
    /// - Throws: `AuditError.signatureInvalid` when a line of a witness does not verify.
    package func standing(of note: SignedNote) throws(AuditError) -> Standing {
        let cosignatures = try note.cosignatures(by: witnesses.map(\.key))
        let keys = Set(cosignatures.map(\.key))
        return Standing(cosignatures: cosignatures, isWitnessed: isMet(by: keys))
    }

    /// Believes a checkpoint that one of the policy's logs has signed and that meets the quorum.
    /// - Throws: `AuditError.unsigned` without a signature of a log, `AuditError.quorumMissing`, and
    ///   what verification throws.
    package func verify(_ bytes: [UInt8]) throws(AuditError) -> SignedCheckpoint {
        let note = try SignedNote(parsing: bytes)
        let origin = try Checkpoint(parsing: note.text).origin
        guard let log = logs.first(where: { $0.name == origin }) else { throw .unsigned(origin) }
        let checkpoint = try SignedCheckpoint(note, key: log)
        guard try standing(of: note).isWitnessed else { throw .quorumMissing(origin) }
        return checkpoint
    }

    /// Whether the witnesses with these keys meet the quorum; other keys count nothing.
    package func isMet(by keys: Set<CosignerKey>) -> Bool {
        guard let quorum else { return true }
        var met = Set(witnesses.filter { keys.contains($0.key) }.map(\.name.octets))
        for group in groups
        where group.members.count(where: { met.contains($0.octets) }) >= group.threshold {
            met.insert(group.name.octets)
        }
        return met.contains(quorum.octets)
    }

    /// Whether the quorum would be met if every witness cosigned.
    package var canBeMet: Bool { isMet(by: Set(witnesses.map(\.key))) }

    /// Logs, witnesses and groups, each; C2SP asks for 32 at least.
    static let partsMax = 1_024

    private var contradiction: String? {
        if max(logs.count, witnesses.count, groups.count) > Self.partsMax {
            return "over \(Self.partsMax) logs, witnesses or groups"
        }
        if Set(logs.map(\.key)).count != logs.count { return "a log stands twice" }
        return misuse
    }

    /// A name that stands twice, or for nothing.
    private var misuse: String? {
        var defined: Set<[UInt8]> = []
        var used: Set<[UInt8]> = []
        for name in witnesses.map(\.name) {
            if !Self.isName(name) || !defined.insert(name.octets).inserted { return taken(name) }
        }
        for group in groups {
            if group.threshold < 1 { return "group `\(group.name.quotable)` is always met" }
            for member in group.members {
                if !defined.contains(member.octets) {
                    return "`\(member.quotable)` is not defined before"
                }
                if !used.insert(member.octets).inserted {
                    return "`\(member.quotable)` is a member twice"
                }
            }
            if !Self.isName(group.name) || !defined.insert(group.name.octets).inserted {
                return taken(group.name)
            }
        }
        if let quorum, !defined.contains(quorum.octets) {
            return "`\(quorum.quotable)` is not defined"
        }
        return nil
    }

    private func taken(_ name: String) -> String {
        "the name `\(name.quotable)` cannot be given, or stands twice"
    }

    /// A word of the file: `none` is taken, and a leading `#` would make the line a comment.
    private static func isName(_ name: String) -> Bool {
        !name.isEmpty && name.octets != "none".octets
            && name.utf8.allSatisfy { $0 > 0x20 && $0 != 0x7F }
    }
}

extension String {
    /// What names are compared by: two of other bytes are two, however they look.
    var octets: [UInt8] { Array(utf8) }
}
