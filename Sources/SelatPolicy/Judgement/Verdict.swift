package import SelatCore
import SelatCrypto
import Synchronization

/// One policy file as a verdict pins it.
package struct Edition: Hashable, Sendable {
    /// Grows with every published edition of the file.
    package let number: UInt64
    /// SHA-256 of the file's bytes.
    package let digest: Digest
    package let standing: Standing
}

/// The law, or the decision, that a rule cites.
package struct Citation: Hashable, Sendable {
    package let title: String
    package let cite: String
    package let kind: SourceKind
    package let clause: String
    /// Whether the source binds the operator's sector; otherwise its country adopted the rule.
    package let binds: Bool
    /// The clause of an exemption that the rule relies on.
    package let exemption: String?
}

/// A rule that had a part in a verdict.
package struct Clause: Hashable, Sendable {
    package enum Kind: String, CaseIterable, Sendable {
        case ground, prohibition, duty
        /// A rule of the language itself, above all files (Language, *Built-in rules*).
        case builtIn = "built-in"
    }

    package let kind: Kind
    package let rule: String
    /// False where the facts leave open whether the rule applies.
    package let isCertain: Bool
    /// Nil for built-in rules.
    package let citation: Citation?
}

/// What one file says about one flow of the transfer.
package struct Judgement: Hashable, Sendable {
    /// A country's code, `ASEAN`, or `selat` for the built-in rules.
    package let jurisdiction: String
    /// Nil for the federation's file and the built-in rules: they hold in any flow.
    package let flow: Flow?
    package let outcome: Verdict.Outcome
    /// What decided: the ground that counts and the duties; or the prohibitions, or their lack.
    package internal(set) var clauses: [Clause]
}

/// The answer to a question, with everything that it depends on.
///
/// `record` is its canonical form; see Verdict in this module's documentation.
package struct Verdict: Hashable, Sendable {
    package enum Outcome: String, CaseIterable, Sendable {
        case permitted, refused, incomplete
    }

    package let question: Question
    /// Stated, inspected and assumed facts of the vocabulary; assumed ones bind alike.
    package let facts: Facts
    /// Every file that the verdict depends on, by name: countries, federation, instruments,
    /// vocabulary.
    package let editions: [String: Edition]
    /// The instruments that are signed, in force and cover this transfer.
    package let instruments: [String]
    package let outcome: Outcome
    package let judgements: [Judgement]
    /// What is owed, joined over all files; empty unless permitted.
    package let obligations: [Obligation]
    /// The facts to state, in order; empty unless incomplete.
    package let missing: [String]
    /// What is made of all that once, for it never changes.
    let form = VerdictForm()
}

/// The record of a verdict, made when it is first asked for: a transfer's verdict is entered, sealed and
/// shown several times.
///
/// It says nothing that the verdict does not, so all are equal.
final class VerdictForm: Sendable, Hashable {
    struct Made: Sendable {
        let json: JSON
        let record: [UInt8]
    }

    private let made = Mutex<Made?>(nil)

    func made(_ make: () -> JSON) -> Made {
        made.withLock { made in
            if let made { return made }
            let json = make()
            let new = Made(json: json, record: json.canonical)
            made = new
            return new
        }
    }

    static func == (a: VerdictForm, b: VerdictForm) -> Bool { true }
    func hash(into hasher: inout Hasher) {}
}

extension Verdict {
    /// Whether two verdicts on one transfer rest on the same facts, grounds and obligations, so
    /// that approvals given under one hold under the other.
    /// - Parameter onAnyRoute: leaves aside the relays, and on what ground their countries let it
    ///   pass.
    package func hasSameBasis(as other: Verdict, onAnyRoute: Bool = false) -> Bool {
        question.source == other.question.source
            && question.destination == other.question.destination
            && (onAnyRoute || question.relays == other.question.relays)
            && question.label == other.question.label
            && question.received == other.question.received && declared == other.declared
            && grounds(withTransit: !onAnyRoute) == other.grounds(withTransit: !onAnyRoute)
            && obligations == other.obligations
    }

    /// Digest of exactly what `hasSameBasis` compares: what an approval is about, since the record
    /// differs with each moment of decision (Verdict, *The basis*).
    package var basis: Digest { SHA256.digest(basisJSON.canonical) }

    private var basisJSON: JSON {
        var members: JSON.Object = [
            "facts": declared.json, "from": .string(question.source.text),
            "grounds": .strings(grounds), "obligations": .array(obligations.map(\.json)),
            "relays": .strings(question.relays.map(\.text)),
            "to": .string(question.destination.text), "type": "selat basis",
        ]
        members["label"] = question.label?.json
        if !question.received.isEmpty {
            members["received"] = .array(Received.inOrder(question.received).map(\.json))
        }
        return .object(members)
    }

    /// The facts but for the counters: what others send meanwhile changes no approval.
    private var declared: Facts {
        Facts(facts.byName.filter { question.counters[$0.key] == nil })
    }

    /// When the recipient destroys the dataset at the latest, because somebody before it must.
    package var destroyBy: Timestamp? { question.received.compactMap(\.destroyBy).min() }

    /// The grounds that count, `SG/not-personal`, in the order of judgement.
    package var grounds: [String] { grounds(withTransit: true) }

    private func grounds(withTransit: Bool) -> [String] {
        judgements.filter { withTransit || $0.flow != .transit }.flatMap { judgement in
            judgement.clauses.filter { $0.kind == .ground && $0.isCertain }
                .map { "\(judgement.jurisdiction)/\($0.rule)" }
        }
    }

    /// The edition of each relay's country by which its transit was judged.
    package var transitEditions: [Country: Digest] {
        let digests = Set(question.relays.map(\.country)).compactMap { country in
            editions[country.code].map { (country, $0.digest) }
        }
        return Dictionary(uniqueKeysWithValues: digests)
    }

    /// The prohibitions that apply, `VN/core-or-important-data`, in the order of judgement.
    package var prohibitions: [String] {
        judgements.flatMap { judgement in
            judgement.clauses.filter { $0.kind == .prohibition && $0.isCertain }
                .map { "\(judgement.jurisdiction)/\($0.rule)" }
        }
    }

    /// The built-in rules that decided, `selat/no-label` or `SG/no-ground`, in the order of judgement.
    package var builtIn: [String] {
        judgements.flatMap { judgement in
            judgement.clauses.filter { $0.kind == .builtIn }
                .map { "\(judgement.jurisdiction)/\($0.rule)" }
        }
    }
}
