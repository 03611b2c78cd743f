package import SelatCore

/// How a sender's verdict differs from the recipient's own, made from the same pinned inputs.
package enum VerdictMismatch: Error, Hashable, Sendable, CustomStringConvertible {
    /// The record, or the question in it, means nothing here.
    case question(QuestionError)
    /// The sender judged by an edition that is not the one held here. Not final: whoever is behind
    /// fetches it, and the sender decides again.
    case staleEdition(_ name: String, pinned: Digest, held: Digest?)
    /// The same inputs give another verdict here: final. The part is a path into the record,
    /// `facts.ai-use`, with both values as canonical JSON; nil where there is none.
    case differs(_ part: String, sent: String?, own: String?)

    package var description: String {
        switch self {
        case .question(let error): "\(error)"
        case .staleEdition(let name, let pinned, let held):
            "the verdict pins edition \(pinned) of `\(name)`; held here: \(held?.text ?? "none")"
        case .differs(let part, let sent, let own):
            "the same inputs give another verdict here: `\(part)` is \(Self.short(sent)) in the"
                + " sender's record and \(Self.short(own)) here"
        }
    }

    /// The path of the part that differs, `editions.SG.digest`; nil where nothing could be compared.
    package var part: String? {
        switch self {
        case .question: nil
        case .staleEdition(let name, _, _): "editions.\(name).digest"
        case .differs(let part, _, _): part
        }
    }

    private static func short(_ value: String?) -> String {
        guard let value else { return "absent" }
        return value.count <= 120 ? value : "\(value.prefix(120))…"
    }
}

extension PolicySet {
    /// Makes a sender's verdict again from what its record pins.
    /// - Returns: the verdict, whose record is byte for byte the one given.
    /// - Throws: `VerdictMismatch` naming the edition or the part of the record that differs.
    package func verify(record: [UInt8]) throws(VerdictMismatch) -> Verdict {
        let stated = try Self.asked { () throws(QuestionError) in try Verdict(stated: record) }
        return try verify(stated, record: record).verdict
    }

    /// The same of a record that was read already.
    /// - Parameter stated: what `record` says.
    package func verify(
        _ stated: Verdict, record: [UInt8]
    ) throws(VerdictMismatch) -> Decision {
        if let mismatch = staleEdition(of: stated) { throw mismatch }
        let own = try Self.asked { () throws(QuestionError) in try decide(stated.question) }
        guard own.verdict.record == record else {
            throw Self.difference(stated.json, own.verdict.json, at: "")
                ?? .question(Verdict.otherForm)
        }
        return own
    }

    private static func asked<Answer>(
        _ body: () throws(QuestionError) -> Answer
    ) throws(VerdictMismatch) -> Answer {
        do throws(QuestionError) { return try body() } catch { throw .question(error) }
    }

    private func staleEdition(of verdict: Verdict) -> VerdictMismatch? {
        for (name, edition) in verdict.editions.sorted(by: { $0.key < $1.key })
        where editions[name]?.digest != edition.digest {
            return .staleEdition(name, pinned: edition.digest, held: editions[name]?.digest)
        }
        return nil
    }

    /// The first difference, going down into objects and arrays. Inputs come before what follows
    /// from them.
    private static func difference(
        _ sent: JSON?, _ own: JSON?, at path: String
    ) -> VerdictMismatch? {
        guard sent != own else { return nil }
        func below(_ key: String) -> String { path.isEmpty ? key : "\(path).\(key)" }
        switch (sent, own) {
        case (.object(let a)?, .object(let b)?):
            let keys = Set(a.keys).union(b.keys).sorted { (rank($0), $0) < (rank($1), $1) }
            for key in keys {
                if let found = difference(a[key], b[key], at: below(key)) { return found }
            }
            return nil
        case (.array(let a)?, .array(let b)?) where a.contains { $0.objectValue != nil }:
            for index in 0..<max(a.count, b.count) {
                let (one, other) = (
                    index < a.count ? a[index] : nil, index < b.count ? b[index] : nil
                )
                if let found = difference(one, other, at: below("\(index)")) { return found }
            }
            return nil
        default:
            return .differs(
                path, sent: sent.map { String(decoding: $0.canonical, as: UTF8.self) },
                own: own.map { String(decoding: $0.canonical, as: UTF8.self) })
        }
    }

    /// What a verdict rests on, before what it says.
    private static func rank(_ key: String) -> Int {
        switch key {
        case "semantics": 0
        case "editions", "membership", "instruments": 1
        case "facts": 2
        case "outcome": 4
        case "judgements", "obligations", "missing": 5
        default: 3
        }
    }
}
