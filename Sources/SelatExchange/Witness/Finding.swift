import SelatAudit
import SelatCore
import SelatStore

/// What can be wrong with another node's log, as far as it is seen from here.
enum Finding: String, CaseIterable, Sendable {
    case forked, behind, unproven, silent

    var kind: EntryKind {
        switch self {
        case .forked: "witness.forked"
        case .behind: "witness.behind"
        case .unproven: "witness.unproven"
        case .silent: "witness.silent"
        }
    }
}

extension Transaction {
    /// Keeps a finding with the two notes that prove it, and enters it if it is new.
    func enter(
        _ finding: Finding, of node: NodeID, _ note: SignedNote, last: WitnessedRow?
    ) throws {
        let shown = try Checkpoint(parsing: note.text)
        try enter(
            finding, of: node, detail: "it showed \(shown.size) entries of `\(shown.origin)`",
            notes: [note.bytes, last?.note].compactMap { $0 })
    }

    func enter(
        _ finding: Finding, of node: NodeID, detail: String, notes: [[UInt8]]
    ) throws {
        guard try find(finding.rawValue, of: node, detail) else { return }
        try append(
            EntryDraft(
                kind: finding.kind, actor: .node(node),
                details: [
                    "detail": .string(detail),
                    "checkpoints": .strings(notes.map { String(decoding: $0, as: UTF8.self) }),
                ]))
    }

    /// Ends a finding; a proven fork never ends by itself.
    func withdraw(_ finding: Finding, of node: NodeID) throws {
        guard try clear(finding.rawValue, of: node) else { return }
        try append(
            EntryDraft(
                kind: "witness.heard", actor: .node(node),
                details: ["finding": .string(finding.rawValue)]))
    }

    func enterEpoch(_ origin: String, of node: NodeID, after last: WitnessedRow) throws {
        try append(
            EntryDraft(
                kind: "witness.epoch", actor: .node(node),
                details: [
                    "origin": .string(origin), "before": .string(last.origin),
                    "size": .integer(last.size),
                ]))
    }
}
