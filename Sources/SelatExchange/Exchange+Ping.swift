package import SelatCore
import SelatCrypto
import SelatFederation
package import SelatTransport

/// What one call on another node found.
package struct Ping: Sendable {
    package let node: NodeID
    /// Where it was dialled, `host:port`.
    package let address: String
    /// TCP and the TLS handshake, in which both ends judged each other's certificate.
    package let handshake: Duration
    /// One question and its answer on the open connection.
    package let roundTrip: Duration
    /// The list that each end goes by.
    package let ours: MembershipIndex.Mark
    package let theirs: MembershipIndex.Mark
    /// Whether list, records and revocation lists are the same at both ends.
    package let hasSameDocuments: Bool
}

extension Exchange {
    /// Calls a node on a connection of its own: a kept one would only show that it was good before.
    /// - Throws: what dialling and asking throw; `Overdue` after ten seconds.
    package func ping(_ node: NodeID) async throws -> Ping {
        let endpoint = try federation.node(node, at: clock.now()).endpoint
        return try await within(.seconds(10)) {
            let start = ContinuousClock.now
            let client = try await self.peers.dial(node)
            do {
                // A peer that refuses this node says so at the first question.
                _ = try await client.membershipIndex()
                let connected = ContinuousClock.now
                let theirs = try await client.membershipIndex()
                let answered = ContinuousClock.now
                await client.close()
                let ours = self.membership.current.index
                return Ping(
                    node: node, address: "\(endpoint.host):\(endpoint.port)",
                    handshake: connected - start, roundTrip: answered - connected,
                    ours: ours.list, theirs: theirs.list,
                    hasSameDocuments: ours.digest == theirs.digest)
            } catch {
                await client.close()
                throw error
            }
        }
    }
}
