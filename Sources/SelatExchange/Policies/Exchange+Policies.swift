import Logging
import SelatAudit
package import SelatCore
import SelatCrypto
import SelatFederation
import SelatHTTP
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
    /// Sees to it that what judges now is what is in force now, also within the second in which that
    /// changes.
    /// - Throws: `Problem` where that is not known.
    func followLaw() async throws {
        try await editions.followList()
        guard editions.isBehind else { return }
        await lookAtClock()
        try requireLaw()
        try await editions.activateDue()
    }

    /// - Throws: `Problem` while an edition is due by a clock that nobody has borne out: it may not judge
    ///   yet, nor the one before any more.
    func requireLaw() throws {
        guard editions.isBehind, !witnesses.mayEnd else { return }
        try witnesses.requireClock()
        throw ServiceProblem.clockInDoubt(
            "a policy edition is due by the clock, which nobody has borne out yet",
            until: witnesses.doubtEnd)
    }

    /// Lines for people: what stands still by `requireLaw`, and until when. A clock that cannot be right has a line of
    /// its own.
    package var lawWarnings: [String] {
        do { try requireLaw() } catch {
            guard witnesses.clockFault == nil else { return [] }
            return ["nothing is sent or taken: \((error as? Problem)?.detail ?? "\(error)")"]
        }
        return []
    }

    /// Asks every other member's nodes, soon after the start and then every ten minutes; between that,
    /// every ten seconds, those of members whose law is not known here yet: they have just joined. A
    /// node that is slow holds up no other member's.
    func keepPolicies() async {
        await withDiscardingTaskGroup { group in
            var round = ContinuousClock.now
            while !Task.isCancelled {
                let pause = Duration.seconds(5) + .milliseconds(jitter(seconds: 5))
                guard (try? await Task.sleep(for: pause)) != nil else { break }
                let isDue = ContinuousClock.now >= round
                let known = isDue ? [] : Set(policies.countries)
                let own = identity.node.country
                for node in federation.nodes.keys
                where node.country != own && !known.contains(node.country) {
                    group.addTask { await self.catchUp(with: node) }
                }
                guard isDue else { continue }
                round =
                    .now + .seconds(Limits.policyRoundSeconds) + .milliseconds(jitter(seconds: 60))
            }
            group.cancelAll()
        }
    }

    private func jitter(seconds: Int) -> Int {
        let bytes = entropy.bytes(2)
        return (Int(bytes[0]) << 8 | Int(bytes[1])) * seconds * 1_000 / 65_536
    }

    /// Takes what `node` goes by and this one lacks; what fails is in the log, and tried again.
    /// - Parameters:
    ///   - bytesMax: how much of all nodes' is in memory before it is taken; the members have equal shares.
    ///   - limit: how long the node has for all of it, its turn among its member's nodes awaited.
    func catchUp(
        with node: NodeID, upTo bytesMax: Int = Limits.editionBytesAtOnceMax,
        within limit: Duration = .seconds(60)
    ) async {
        guard catchingUp.withLock({ $0.insert(node).inserted }) else { return }
        defer { _ = catchingUp.withLock { $0.remove(node) } }
        do {
            try await within(limit) {
                let offered = try await self.peers.connected(to: node) { client in
                    try await client.offeredEditions().filter { self.editions.lacks($0) }
                }
                guard !offered.isEmpty, self.isNews(offered, from: node) else { return }
                // Whoever waits for a sibling holds no connection, which it would lose where that takes too long.
                try await self.policyTurns.take(of: node.country) {
                    let share = max(1, bytesMax / self.federation.members.count)
                    try await self.peers.connected(to: node) { client in
                        try await self.takeLacking(of: offered, at: client, upTo: share)
                    }
                }
            }
        } catch {
            logger.debug(
                "no policies obtained", metadata: ["peer": "\(node)", "error": "\(error)"])
        }
    }

    /// Takes what the node at the other end offers above what is active here by now, some of it at a time:
    /// what load only together come together, as far as memory has room.
    private func takeLacking(
        of offered: [OfferedEdition], at client: PeerClient, upTo bytesMax: Int
    ) async throws {
        let node = client.node
        let offered = offered.filter { editions.lacks($0) }
        var rest = offered[...]
        // Where it breaks off, the whole is not asked for again and again.
        note(offered, of: node, for: 60)
        while !rest.isEmpty {
            let files = try await nextFiles(of: &rest, at: client, upTo: bytesMax)
            do {
                await lookAtClock()
                _ = try await editions.take(files, from: .node(node), together: false)
            } catch let refused as EditionsRefused {
                logger.warning(
                    "policy editions refused",
                    metadata: ["peer": "\(node)", "first": "\(refused.reasons.first ?? "")"])
            }
        }
        note(offered, of: node, for: Self.offeredSeconds)
    }

    /// - Parameter seconds: for how long the same is no news.
    private func note(_ offered: [OfferedEdition], of node: NodeID, for seconds: Int64) {
        let until = clock.now() + seconds
        offeredBefore.withLock { $0[node] = (Set(offered.map(\.digest)), until) }
    }

    private static let offeredSeconds: Int64 = 3_600

    /// The next files of those that are offered, until they are enough or a slow link has had its
    /// share of the time: what has come is better taken than lost.
    private func nextFiles(
        of rest: inout ArraySlice<OfferedEdition>, at client: PeerClient, upTo bytesMax: Int
    ) async throws -> [SignedEdition] {
        let start = ContinuousClock.now
        var files: [SignedEdition] = []
        var bytes = 0
        while bytes < bytesMax, ContinuousClock.now - start < .seconds(20),
            let edition = rest.popFirst()
        {
            let file = try await client.signedFile(edition.digest)
            guard SHA256.digest(file.bytes) == edition.digest else {
                throw TransportFault.unexpectedAnswer(
                    "other bytes than those of edition \(edition.digest)")
            }
            bytes += file.bytes.count + file.signatures.count
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
            guard let (known, until) = before[node] else { return true }
            // Further ahead than it is ever set: the clock was set back.
            return known != digests || now >= until || until - now > Self.offeredSeconds
        }
    }
}

extension EditionRegister {
    /// Whether an edition that somebody offers is neither held nor below what is active, nor the file of
    /// a country that is no member, nor one too many of its name today: that would only be passed over,
    /// or refused.
    func lacks(_ offered: OfferedEdition) -> Bool {
        let schedule = state.withLock { $0.schedule }
        let country = try? Country(offered.name)
        let isNew =
            schedule.mark(offered.digest) == nil
            && offered.number > schedule.activeMark(offered.name)?.number ?? 0
            && country.map { federation.list.member($0) != nil } ?? true
        return isNew
            && schedule.cameWithinADay(offered.name, of: clock.now()) < Limits.editionsPerDayMax
    }
}
