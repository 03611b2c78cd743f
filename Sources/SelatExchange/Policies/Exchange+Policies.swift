import Logging
import SelatAudit
package import SelatCore
import SelatCrypto
import SelatFederation
import SelatPolicy
import SelatStore
package import SelatTransport
import Synchronization

// Nodes obtain each other's editions: whoever brings one, its signatures speak for it.

extension Exchange: PolicyService {
    package func offeredEditions() async throws -> [OfferedEdition] {
        editions.index.map {
            OfferedEdition(
                name: $0.name, number: $0.number, digest: $0.digest, inForce: $0.inForce)
        }
    }

    package func signedFile(_ digest: Digest) async throws -> SignedFile? {
        try await editions.edition(digest).map {
            SignedFile(name: $0.name, bytes: $0.bytes, signatures: $0.signatures)
        }
    }
}

extension Exchange {
    /// Asks every other member's nodes, soon after the start and then every ten minutes; between that,
    /// every ten seconds, those of members whose law is not known here yet: they have just joined.
    func keepPolicies() async {
        var round = ContinuousClock.now
        while !Task.isCancelled {
            let pause = Duration.seconds(5) + .milliseconds(jitter(seconds: 5))
            guard (try? await Task.sleep(for: pause)) != nil else { return }
            let isDue = ContinuousClock.now >= round
            let known = isDue ? [] : Set(policies.countries)
            let own = identity.node.country
            await withDiscardingTaskGroup { group in
                for node in federation.nodes.keys
                where node.country != own && !known.contains(node.country) {
                    group.addTask { await self.catchUp(with: node) }
                }
            }
            guard isDue else { continue }
            round =
                .now + .seconds(Limits.policyRoundSeconds) + .milliseconds(jitter(seconds: 60))
        }
    }

    private func jitter(seconds: Int) -> Int {
        let bytes = entropy.bytes(2)
        return (Int(bytes[0]) << 8 | Int(bytes[1])) * seconds * 1_000 / 65_536
    }

    /// Takes what `node` goes by and this one lacks; what fails is in the log, and tried again.
    func catchUp(with node: NodeID) async {
        guard catchingUp.withLock({ $0.insert(node).inserted }) else { return }
        defer { _ = catchingUp.withLock { $0.remove(node) } }
        do {
            let client = try await peers.take(node)
            do {
                let files = try await lacking(at: client)
                await peers.keep(client)
                guard !files.isEmpty else { return }
                _ = try await editions.take(files, from: .node(node), together: false)
            } catch {
                await peers.drop(client)
                throw error
            }
        } catch let refused as EditionsRefused {
            logger.warning(
                "policy editions refused",
                metadata: ["peer": "\(node)", "first": "\(refused.reasons.first ?? "")"])
        } catch {
            logger.debug(
                "no policies obtained", metadata: ["peer": "\(node)", "error": "\(error)"])
        }
    }

    /// What the node at the other end offers above what is active here.
    private func lacking(at client: PeerClient) async throws -> [SignedEdition] {
        let offered = try await client.offeredEditions().filter { editions.lacks($0) }
        guard !offered.isEmpty, isNews(offered, from: client.node) else { return [] }
        var files: [SignedEdition] = []
        for edition in offered {
            let file = try await client.signedFile(edition.digest)
            guard SHA256.digest(file.bytes) == edition.digest else {
                throw TransportFault.unexpectedAnswer(
                    "other bytes than those of edition \(edition.digest)")
            }
            // Its name is in its bytes; the peer's word for it only has to agree.
            files.append(
                SignedEdition(
                    file: "\(file.name).yaml", bytes: file.bytes, signatures: file.signatures))
        }
        return files
    }

    /// What was offered within the hour was taken, or refused and entered.
    private func isNews(_ offered: [OfferedEdition], from node: NodeID) -> Bool {
        let (digests, now) = (Set(offered.map(\.digest)), clock.now())
        return offeredBefore.withLock { before in
            if let (known, at) = before[node], known == digests, now - at < 3_600, now >= at {
                return false
            }
            before[node] = (digests, now)
            return true
        }
    }
}

extension EditionRegister {
    /// Whether an edition that somebody offers is neither held nor below what is active.
    func lacks(_ offered: OfferedEdition) -> Bool {
        let schedule = state.withLock { $0.schedule }
        return schedule.mark(offered.digest) == nil
            && offered.number > schedule.activeMark(offered.name)?.number ?? 0
    }
}
