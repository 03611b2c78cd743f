import SelatCore
import SelatCrypto
import SelatEnvelope
import SelatEvidence
import SelatFederation

/// The suite of an envelope and the keys to which it is sealed (Exchange.docc, *Suites*).
struct SuiteChoice: Sendable {
    let suite: Suite
    let keys: RecipientKeys

    /// Between whom, with what, at what time.
    struct Question: Sendable {
        let federation: Federation
        let to: NodeID
        /// The curves on which this node can sign.
        let signing: Set<KeyKind>
        let debts: [SuiteDebt]
        let time: Timestamp
    }

    /// Takes the best suite that the list allows, both ends have keys for, and that is at least what
    /// is owed. A recipient with ML-KEM keys is never sent an envelope without.
    init(_ question: Question) throws(SuiteShortage) {
        let acceptable = try question.acceptable
        for suite in acceptable where question.signing.contains(suite.curve) {
            if let keys = try? question.keys(for: suite) {
                (self.suite, self.keys) = (suite, keys)
                return
            }
        }
        throw question.shortage(of: acceptable)
    }
}

extension SuiteChoice.Question {
    func keys(for suite: Suite) throws(FederationError) -> RecipientKeys {
        try federation.recipientKeys(of: to, suite: suite, at: time)
    }

    /// Best first: allowed, not below what is owed, and with ML-KEM where the recipient has keys.
    fileprivate var acceptable: [Suite] {
        get throws(SuiteShortage) {
            let allowed = federation.list.suites(at: time)
            let taken = federation.suites(takenBy: to, at: time)
            let owesPostQuantum = taken.contains(where: \.isPostQuantum)
            let found = Suite.bestFirst.filter { suite in
                allowed.contains(suite) && (suite.isPostQuantum || !owesPostQuantum)
                    && debts.allSatisfy { suite.satisfies($0.least) }
            }
            guard found.isEmpty else { return found }
            throw SuiteShortage.notAllowed(allowed, debts)
        }
    }

    /// What is missing for the least of the suites that would do.
    fileprivate func shortage(of acceptable: [Suite]) -> SuiteShortage {
        guard let least = acceptable.last else { return .notAllowed([], debts) }
        var lacks: [String] = []
        if !signing.contains(least.curve) {
            lacks.append("this node has no \(least.curve.rawValue) key that signs")
        }
        do throws(FederationError) {
            _ = try federation.agreementCertificate(of: to, curve: least.curve, at: time)
        } catch { lacks.append("\(error)") }
        if let kind = least.mlkem {
            do throws(FederationError) {
                _ = try federation.mlkemKey(of: to, kind: kind, at: time)
            } catch { lacks.append("\(error)") }
        }
        return .keysMissing(least, to: to, lacks: lacks, debts)
    }
}

/// Why no suite can carry a transfer.
enum SuiteShortage: Error, Hashable, Sendable, CustomStringConvertible {
    case notAllowed(Set<Suite>, [SuiteDebt])
    case keysMissing(Suite, to: NodeID, lacks: [String], [SuiteDebt])

    var description: String {
        switch self {
        case .notAllowed(let allowed, let debts):
            let numbers = allowed.map(\.rawValue).sorted().map { "\($0)" }.joined(separator: ", ")
            let list = allowed.isEmpty ? "no suite" : "suites \(numbers) and nothing above"
            return "the membership list allows \(list)\(Self.words(debts))"
        case .keysMissing(let suite, _, let lacks, let debts):
            return "\(suite) is needed\(Self.words(debts)): " + lacks.joined(separator: "; ")
        }
    }

    /// What the sender's operator can do.
    var remedy: String {
        switch self {
        case .notAllowed(_, let debts):
            debts.isEmpty
                ? "ask the members for a list with a suite in use"
                : "ask the members to allow a suite that does, or lower the label"
        case .keysMissing(_, let to, let lacks, _):
            lacks.contains { $0.hasPrefix("this node") }
                ? "make such a key here and have the member's record list its certificate"
                : "ask the operator of `\(to)` to make such keys and publish them in the record"
        }
    }

    private static func words(_ debts: [SuiteDebt]) -> String {
        debts.isEmpty
            ? ""
            : " ("
                + debts.map { "suite \($0.least.rawValue) or above is owed by \($0.by)" }
                .joined(separator: ", ") + ")"
    }
}
