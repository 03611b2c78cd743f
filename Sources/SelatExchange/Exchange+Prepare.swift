import SelatAudit
import SelatCore
import SelatCrypto
import SelatEnvelope
import SelatFederation
package import SelatPolicy
import SelatStore

// Before the verdict: what the request says, and what the node's own books say beside it.

extension Exchange {
    /// The decision on a request as it stands now, nothing recorded.
    /// - Throws: `Problem` where the question means nothing, or the destination is not known.
    package func decide(_ request: OutboundRequest) async throws -> Decision {
        try await decide(
            request, through: try await chooseRelays(for: request))
    }

    /// The decision on a request over one route as it stands now, nothing recorded.
    func decide(_ request: OutboundRequest, through relays: [NodeID]) async throws -> Decision {
        let prepared = try await prepare(request, through: relays)
        let nobody = TransferID(milliseconds: 0, entropy: [UInt8](repeating: 0, count: 10))
        return try await store.read { snapshot in
            try self.decide(prepared, nobody) { try snapshot.counted(in: $0) }.decision
        }
    }

    /// A request with everything that a verdict needs beside the counters.
    struct Prepared: Sendable {
        let request: OutboundRequest
        var question: Question
        let presented: Presented
        /// The editions that were active then: everything about one verdict is by the same.
        let policies: PolicySet
    }

    /// Gathers what the node's own books say about a request.
    /// - Parameter relays: the nodes of its route between the two ends.
    func prepare(
        _ request: OutboundRequest, through relays: [NodeID], lineage known: Lineage? = nil
    ) async throws -> Prepared {
        try await followLaw()
        let (now, policies) = (clock.now(), policies)
        guard request.to != identity.node else {
            throw ServiceProblem.badDataset("`\(request.to)` is this node itself")
        }
        _ = try recipient(request.to, at: now)
        let presented = try await presented(for: request, by: policies, at: now)
        var asked = request
        let lineage: Lineage
        if let known {
            lineage = known
        } else {
            lineage = try await self.lineage(of: request.derivedFrom)
            // Another sender may use one of the ids later: what is recorded names this one.
            asked.derivedFrom = lineage.parts
        }
        let question = Question(
            source: identity.node, destination: request.to, relays: relays,
            sectors: federation.sectors,
            membershipSerial: federation.serial, decided: now, label: request.label,
            facts: request.facts, ground: request.ground, lineage: lineage.countries,
            received: lineage.received, documents: Set(presented.documents.keys),
            isEmergency: presented.emergency != nil)
        return Prepared(
            request: asked, question: question, presented: presented,
            policies: policies)
    }

    /// Decides with the counters as they are where `sums` reads them.
    func decide(
        _ prepared: Prepared, _ id: TransferID,
        sums: (CounterWindow) throws -> [String?: UInt64]
    ) throws -> (decision: Decision, raised: [CountedRow]) {
        do {
            var question = prepared.question
            let counters = try counters(
                for: question, by: prepared.policies, id, prepared.request.series, sums: sums)
            question.counters = counters.values
            return (try prepared.policies.decide(question), counters.raised)
        } catch let error as QuestionError {
            throw ServiceProblem.badFacts("\(error)")
        }
    }

    func recipient(_ node: NodeID, at now: Timestamp) throws -> MemberRecord.Node {
        try membership.requireSending(at: now)
        let found: MemberRecord.Node
        do { found = try federation.node(node, at: now) } catch {
            throw ServiceProblem.badDataset("\(error)")
        }
        guard found.roles.contains(.exchange) else {
            throw ServiceProblem.badDataset(
                "`\(node)` takes no datasets: its member's record or the membership list does not "
                    + "give it the role `exchange`")
        }
        return found
    }
}
