package import SelatCore
import SelatCrypto
import SelatEnvelope
import SelatEvidence
import SelatFederation
import SelatPolicy

// Which suite this node seals with, and which it takes (Exchange.docc, *Suites*).

extension Exchange {
    /// The suite for a transfer that a verdict permits.
    /// - Throws: `SuiteShortage` where no suite will do.
    func chooseSuite(
        to node: NodeID, label: Label, _ verdict: Verdict, at time: Timestamp
    ) throws(SuiteShortage) -> SuiteChoice {
        try SuiteChoice(
            question(
                to: node, SuiteDebt.owed(by: [verdict], label, under: federation.list), at: time,
                federation))
    }

    /// Why a sealed envelope may not leave now, if it may not: what was right when it was sealed need
    /// not be any more.
    func suiteFault(_ core: EnvelopeCore, _ verdict: Verdict) -> String? {
        let allowed = federation.list.suites(at: clock.now())
        guard allowed.contains(core.suite) else {
            return "\(core.suite) is no longer allowed by the membership list; send it anew"
        }
        return core.weakness(by: [verdict], under: federation.list).map { "\($0); send it anew" }
    }

    private func question(
        to node: NodeID, _ debts: [SuiteDebt], at time: Timestamp, _ federation: Federation
    ) -> SuiteChoice.Question {
        SuiteChoice.Question(
            federation: federation, to: node, signing: Set(identity.signers.keys), debts: debts,
            time: time)
    }

    /// How a transfer without further duties would travel to a peer now.
    package struct PeerSuite: Hashable, Sendable {
        package let node: NodeID
        /// Nil where nothing can travel; then `fault` says why.
        package let suite: Suite?
        package let fault: String?
    }

    /// The suite for each other node that takes datasets, ordered by node.
    package func peerSuites() -> [PeerSuite] {
        let (federation, now) = (federation, clock.now())
        let label = Label(classification: .unclassified, releasableTo: [])
        let debts = SuiteDebt.owed(by: [], label, under: federation.list)
        let peers = federation.nodes.values.filter {
            $0.roles.contains(.exchange) && $0.id != identity.node
        }
        return peers.map(\.id).sorted().map { peer in
            do throws(SuiteShortage) {
                let choice = try SuiteChoice(
                    question(to: peer, debts, at: now, federation))
                return PeerSuite(node: peer, suite: choice.suite, fault: nil)
            } catch {
                return PeerSuite(node: peer, suite: nil, fault: "\(error)")
            }
        }
    }

    /// What this node lacks for the profiles of the membership list, in words.
    package func keyShortages() -> [String] {
        let (federation, identity, now) = (federation, identity, clock.now())
        let (list, allowed) = (federation.list, federation.list.suites(at: now))
        let taken = federation.suites(takenBy: identity.node, at: now)
        let lacksPostQuantum = !taken.contains(where: \.isPostQuantum)
        var needed: [Suite] = []
        if list.profile == .standard, allowed.contains(.p256MLKEM768), lacksPostQuantum {
            needed.append(.p256MLKEM768)
        }
        let isHigh = list.profile == .high || list.highFrom != nil
        if isHigh { needed.append(.p384MLKEM1024) }
        var lacks: [String] = []
        for suite in needed {
            do throws(FederationError) {
                _ = try federation.recipientKeys(of: identity.node, suite: suite, at: now)
            } catch {
                lacks.append("nothing can be received in \(suite): \(error)")
            }
            if identity.signers[suite.curve] == nil {
                lacks.append(
                    "nothing can be sent in \(suite): no listed signing key on "
                        + suite.curve.rawValue)
            }
        }
        let tls = identity.tls.certificate.publicKey.kind
        if isHigh, tls != .p384 {
            lacks.append(
                "the profile `high` asks for a TLS key on P-384, this one is on \(tls.rawValue)")
        }
        return lacks
    }
}
