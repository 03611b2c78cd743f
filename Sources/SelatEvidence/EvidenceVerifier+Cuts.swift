import SelatAudit
import SelatCore
import SelatEnvelope
import SelatFederation

// Who was cut off since the transfer was settled, and what of theirs does not count (Format.md,
// *Verification*, step 2).

extension EvidenceVerifier {
    /// Follows the later lists from the one by which the transfer was settled.
    mutating func checkLaterLists(_ federation: Federation) {
        var last = federation
        do throws(FederationError) {
            for list in evidence.laterLists {
                let serial = last.serial
                // Judged at their own issue: revocation lists of today are not here.
                last = try last.taking(list: list, isNewest: false, at: evidence.subject.made)
                guard last.serial > serial else {
                    throw .contradiction(
                        "membership list", reason: "list \(serial) stands here twice")
                }
            }
        } catch {
            report.wrong.append("later membership lists: \(error)")
            return
        }
        newest = last.list
        let cuts = [subject.from, subject.to].filter { last.list.cut(of: $0) != nil }
        for node in cuts {
            report.proven.append(
                "membership list \(last.serial) cuts \(node) off: of what it states, only what was "
                    + "witnessed before that counts")
        }
        report.unproven.append(
            "that nobody was cut off by a membership list after \(last.serial)")
        // A maker may show what was good once, and leave out what came later.
        let ends = Set([subject.from.country, subject.to.country]).sorted().map { country in
            let issued = federation.records[country]?.issued
            return "\(country)" + (issued.map { " (record issued at \($0))" } ?? "")
        }
        report.unproven.append(
            "that no later record or revocation list of \(ends.joined(separator: ", ")) than those "
                + "here was in force")
    }

    /// Why what an entry states does not count, by the newest list that is shown.
    func distrust(
        of node: NodeID, _ entry: UInt64, _ note: [UInt8], _ federation: Federation
    ) throws -> Distrust? {
        guard let newest, newest.cut(of: node) != nil else { return nil }
        return newest.distrust(
            of: node, entry: entry, in: note,
            by: try federation.witnessPolicy(of: node.country))
    }

    /// Why a header of a sender that was cut off does not count. It lies in no log of its signer's that anybody here
    /// shows, but its recipient has entered it: it counts if that was witnessed before its signer was distrusted.
    func distrust(of header: Header, _ federation: Federation) throws -> String? {
        guard !isSenders, let cut = newest?.cut(of: subject.from) else { return nil }
        guard let entry = entered(header) else {
            // One whose details are not here may be that of another header.
            return "the members have cut `\(subject.from)` off, and no entry whose details are "
                + "here names it"
        }
        let policy = try federation.witnessPolicy(of: subject.maker.country)
        return policy.isWitnessed(entry.proof.checkpoint, before: cut.distrustFrom)
            ? nil
            : Distrust(node: subject.from, reason: .notWitnessedBefore(cut.distrustFrom))
                .description
    }
}
