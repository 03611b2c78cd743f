package import SelatCore

/// How a sender's verdict differs from the recipient's own, made from the same pinned inputs.
package enum VerdictMismatch: Error, Hashable, Sendable, CustomStringConvertible {
    /// The record, or the question in it, means nothing here.
    case question(QuestionError)
    /// The sender judged by an edition that is not the one held here. Not final: whoever is behind
    /// fetches it, and the sender decides again.
    case staleEdition(_ name: String, pinned: Digest, held: Digest?)
    /// The same inputs give another verdict here: final.
    case differs(_ part: String)

    package var description: String {
        switch self {
        case .question(let error): "\(error)"
        case .staleEdition(let name, let pinned, let held):
            "the verdict pins edition \(pinned) of `\(name)`; held here: \(held?.text ?? "none")"
        case .differs(let part):
            "the same inputs give another verdict here: `\(part)` differs"
        }
    }
}

extension PolicySet {
    /// Makes a sender's verdict again from what its record pins.
    /// - Returns: the verdict, whose record is byte for byte the one given.
    /// - Throws: `VerdictMismatch` naming the edition or the part of the record that differs.
    package func verify(record: [UInt8]) throws(VerdictMismatch) -> Verdict {
        let stated = try Self.asked { () throws(QuestionError) in try Verdict(record: record) }
        if let mismatch = staleEdition(of: stated) { throw mismatch }
        let own = try Self.asked { () throws(QuestionError) in
            try decide(stated.question).verdict
        }
        guard own.record == record else { throw .differs(Self.part(stated, own)) }
        return own
    }

    private static func asked(
        _ body: () throws(QuestionError) -> Verdict
    ) throws(VerdictMismatch) -> Verdict {
        do throws(QuestionError) { return try body() } catch { throw .question(error) }
    }

    private func staleEdition(of verdict: Verdict) -> VerdictMismatch? {
        for (name, edition) in verdict.editions.sorted(by: { $0.key < $1.key })
        where editions[name]?.digest != edition.digest {
            return .staleEdition(name, pinned: edition.digest, held: editions[name]?.digest)
        }
        return nil
    }

    private static func part(_ stated: Verdict, _ own: Verdict) -> String {
        guard case .object(let a) = stated.json, case .object(let b) = own.json else {
            return "type"
        }
        return Set(a.keys).union(b.keys).sorted().first { a[$0] != b[$0] } ?? "type"
    }
}
