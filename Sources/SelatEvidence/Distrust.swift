package import SelatAudit
package import SelatCore
package import SelatFederation

/// Why a statement in the log of a node does not count although it is signed: the members have cut the
/// node off (Federation.docc, *Cuts*).
package struct Distrust: Hashable, Sendable, CustomStringConvertible {
    package enum Reason: Hashable, Sendable {
        /// The entry lies behind the last one that is trusted.
        case behind(entry: UInt64, size: UInt64)
        /// No quorum of other countries had cosigned it by then.
        case notWitnessedBefore(Timestamp)
    }

    package let node: NodeID
    package let reason: Reason

    package var description: String {
        let cut = "the members have cut `\(node)` off, and"
        switch reason {
        case .behind(let entry, let size):
            return "\(cut) trust \(size) entries of its log, of which entry \(entry) is none"
        case .notWitnessedBefore(let time):
            return "\(cut) distrust what was not witnessed before \(time)"
        }
    }
}

extension MembershipList {
    /// Why what an entry of a node's log states does not count; nil where it does.
    /// - Parameters:
    ///   - note: a checkpoint that holds the entry, signed by that log.
    ///   - policy: the quorum of the node's country, with the keys by which it cosigned then.
    package func distrust(
        of node: NodeID, entry: UInt64, in note: [UInt8], by policy: LogPolicy
    ) -> Distrust? {
        guard let cut = cut(of: node) else { return nil }
        if let size = cut.logSize, entry >= size {
            return Distrust(node: node, reason: .behind(entry: entry, size: size))
        }
        guard policy.isWitnessed(note, before: cut.distrustFrom) else {
            return Distrust(node: node, reason: .notWitnessedBefore(cut.distrustFrom))
        }
        return nil
    }
}

extension LogPolicy {
    /// Whether the quorum had cosigned a checkpoint by a moment. Where nobody witnesses nothing is
    /// witnessed, whatever the quorum.
    func isWitnessed(_ note: [UInt8], before time: Timestamp) -> Bool {
        guard quorum != nil, let signed = try? SignedNote(parsing: note),
            let standing = try? standing(of: signed)
        else { return false }
        return isMet(by: Set(standing.cosignatures.filter { $0.time < time }.map(\.key)))
    }
}
