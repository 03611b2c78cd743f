import SelatCore
import SelatCrypto
import SelatHTTP
import SelatStore
import SelatTestSupport
import SelatTransport
import Testing

@testable import SelatExchange

/// What happens while a node is out of reach, and when it is back.
struct OutageTests {
    let world: TestFederation
    var sender: TestNode { world.sender }
    var recipient: TestNode { world.recipient }

    init() throws { world = try TestFederation() }

    /// Breaks off every connection to the recipient while `body` runs, which is told how many there were.
    private func slammed<Value: Sendable>(
        _ body: (SlammedPort) async throws -> Value
    ) async throws -> Value {
        let port = try SlammedPort(recipient.port)
        let slamming = Task { await port.run() }
        let outcome: Result<Value, any Error>
        do { outcome = .success(try await body(port)) } catch { outcome = .failure(error) }
        slamming.cancel()
        await slamming.value
        return try outcome.get()
    }

    @Test func manyThatWaitDialOneAtATimeAndAllGoOnWhenTheNodeIsBack() async throws {
        let (world, sender, recipient) = (world, sender, recipient)
        try await sender.running {
            let ids = try await slammed { port in
                var sent: [TransferID] = []
                for _ in 0..<60 { sent.append(try await sender.send(world.request())) }
                let ids = sent
                // Each is told that it is blocked, and may look for another route.
                try await RelayTests.until {
                    for id in ids {
                        guard try await sender.outbound(id)?.cause != nil else { return false }
                    }
                    return true
                }
                try await Task.sleep(for: .seconds(1))
                #expect(port.count < ids.count)
                return ids
            }
            try await recipient.serving {
                await sender.exchange.peers.hear(from: recipient.id)
                for id in ids {
                    let row = try await sender.ended(id)
                    #expect(row.state == "delivered")
                }
            }
        }
    }

    @Test func whoeverIsNotToTryIsToldSoAtOnce() async throws {
        let (peers, to) = (sender.exchange.peers, recipient.id)
        try await slammed { port in
            // After the seventh it is left alone for twelve seconds.
            for _ in 0..<7 { _ = try? await peers.take(to) }
            #expect(port.count == 7)
            await #expect(throws: OutOfReach.self) { _ = try await peers.take(to, for: .routine) }
            #expect(port.count == 7)
            #expect(await peers.isOutOfReach(to))
            // A flash waits for a second, and so does everybody once the node has shown that it is up.
            try await Task.sleep(for: .milliseconds(1_100))
            _ = try? await peers.take(to, for: .flash)
            #expect(port.count == 8)
            await peers.hear(from: to)
            try await Task.sleep(for: .milliseconds(1_100))
            _ = try? await peers.take(to, for: .routine)
            #expect(port.count == 9)
            // That was one try.
            try await Task.sleep(for: .milliseconds(1_100))
            _ = try? await peers.take(to, for: .routine)
            #expect(port.count == 9)
        }
    }

    @Test func pausesBetweenTriesGrowAndEnd() {
        let start = ContinuousClock.now
        func pause(
            _ failures: Int, _ precedence: Precedence = .routine, isHeard: Bool = false
        ) -> Duration? {
            let outage = Peers.Outage(last: start, failures: failures, isHeard: isHeard)
            return (0...20_000).lazy.map { Duration.milliseconds($0) }
                .first { outage.isDue(for: precedence, at: start + $0) }
        }
        #expect(pause(1) == .milliseconds(187))
        #expect(pause(5) == .seconds(3))
        #expect(pause(9) == .seconds(15))
        #expect(pause(9, .immediate) == .seconds(15))
        #expect(pause(1, .flash) == .milliseconds(187))
        #expect(pause(9, .flash) == .seconds(1))
        #expect(pause(9, isHeard: true) == .seconds(1))
    }

    @Test func whoComesDuringATryIsToldWhatCameOfIt() async throws {
        let (peers, to) = (sender.exchange.peers, recipient.id)
        _ = try? await peers.take(to)
        // It takes connections, and says nothing on them.
        let port = try SlammedPort(recipient.port)
        let trying = Task { try await peers.take(to) }
        try await RelayTests.until { await peers.outages[to]?.isTried == true }
        let waiting = Task { try await peers.take(to, for: .flash) }
        try await RelayTests.until { await peers.outages[to]?.onlookers.count == 1 }
        let impatient = Task { try await peers.take(to, for: .routine) }
        try await RelayTests.until { await peers.outages[to]?.onlookers.count == 2 }
        impatient.cancel()
        await #expect(throws: CancellationError.self) { _ = try await impatient.value }
        // Nobody wakes it in place of another.
        #expect(await peers.outages[to]?.onlookers.count == 1)
        let slamming = Task { await port.run() }
        await #expect(throws: OutOfReach.self) { _ = try await trying.value }
        await #expect(throws: OutOfReach.self) { _ = try await waiting.value }
        slamming.cancel()
        await slamming.value
    }

    @Test func aConnectionThatIsGivenBackDuringATryGoesToTheMostUrgent() async throws {
        let (world, peers, to) = (world, sender.exchange.peers, recipient.id)
        let (membership, tls) = (sender.membership, sender.identity.tls)
        _ = try? await peers.take(to)
        // It takes connections, and says nothing on them.
        let port = try SlammedPort(recipient.port)
        let trying = Task { try await peers.take(to) }
        try await RelayTests.until { await peers.outages[to]?.isTried == true }
        let routine = Task { try await peers.take(to, for: .routine) }
        try await RelayTests.until { await peers.outages[to]?.onlookers.count == 1 }
        let flash = Task { try await peers.take(to, for: .flash) }
        try await RelayTests.until { await peers.outages[to]?.onlookers.count == 2 }
        let other = try FreePort.any()
        try await recipient.servingAt(port: other) { _ in
            let given = try await PeerClient.connect(
                to: .tcp(host: "127.0.0.1", port: Int(other)), expecting: to, identity: tls,
                verifyPeer: membership.peerVerification(.tlsServer, world.clock),
                membership: membership.link)
            await peers.keep(given)
            let taken = try await flash.value
            #expect(taken === given)
            let outage = await peers.outages[to]
            #expect(outage?.isTried == true && outage?.onlookers.count == 1)
            await peers.drop(taken)
        }
        let slamming = Task { await port.run() }
        await #expect(throws: OutOfReach.self) { _ = try await trying.value }
        await #expect(throws: OutOfReach.self) { _ = try await routine.value }
        slamming.cancel()
        await slamming.value
    }

    /// So it holds no lane meanwhile.
    @Test func whoWantsToBeLeftAloneIsNotWaitedFor() async throws {
        let (peers, to) = (sender.exchange.peers, recipient.id)
        try await recipient.serving {
            let client = try await peers.take(to)
            await peers.keep(client, after: .tooManyRequests(.seconds(60)))
            let start = ContinuousClock.now
            await #expect(throws: Resting.self) { _ = try await peers.take(to, for: .flash) }
            #expect(.now - start < .seconds(10))
            #expect(await peers.rest(of: to) > .seconds(40))
            await peers.closeAll()
        }
    }

    @Test func theMostUrgentGoFirstAndOfThoseThatAreAsUrgentWhoCameFirst() {
        var line = WaitingLine()
        let precedences: [Precedence] = [.routine, .flash, .priority, .flash, .routine]
        for number in 0..<500 {
            let turn = AsyncStream<Void>.makeStream().continuation
            line.append(turn, as: UInt64(number), precedences[number % 5])
        }
        // Of most nobody waits any more: the few that are left keep their order.
        for number in 5..<490 { line.remove(UInt64(number), precedences[number % 5]) }
        #expect(line.count == 15 && line.precedence == .flash)
        for number in [1, 3, 491, 493, 496, 498, 2, 492, 497, 0, 4, 490, 494, 495, 499] {
            line.popFirst()?.finish()
            #expect(!line.numbers.contains(UInt64(number)))
        }
        #expect(line.isEmpty && line.precedence == nil)
    }

    @Test func whoConnectsIsHeard() async throws {
        let (exchange, to) = (sender.exchange, recipient.id)
        // It is left alone for twelve seconds.
        for _ in 0..<7 { _ = try? await exchange.peers.take(to) }
        let start = ContinuousClock.now
        let pursuit = Pursuit.letters(to: to)
        _ = await exchange.pursuits.begin(pursuit)
        let waiting = Task {
            try await exchange.pause(pursuit, .seconds(3_600), for: [to], .routine)
        }
        try await sender.serving {
            let client = try await recipient.exchange.peers.take(sender.id)
            await recipient.exchange.peers.drop(client)
            try await RelayTests.until { await exchange.peers.nodesToTry == [to] }
        }
        #expect(.now - start < .seconds(10))
        waiting.cancel()
        _ = await waiting.result
        #expect(await exchange.peers.nodesToTry.isEmpty)
    }

    /// Whatever else waits: a flash alone waits for no longer than a second.
    @Test func aNodeIsTriedAsOftenAsTheMostUrgentThatWaitsForItAsks() async throws {
        let (peers, to) = (sender.exchange.peers, recipient.id)
        // It is left alone for twelve seconds.
        for _ in 0..<7 { _ = try? await peers.take(to) }
        let start = ContinuousClock.now
        let routine = Task { await peers.waitForReach(of: [to], .routine) }
        let flash = Task { await peers.waitForReach(of: [to], .flash) }
        try await RelayTests.until { await peers.nodesToTry == [to] }
        #expect(.now - start < .seconds(10))
        for task in [routine, flash] {
            task.cancel()
            await task.value
        }
    }

    /// One that has no connection to spare lets somebody in now and then.
    @Test func aNodeThatIsAwayAgainSoonIsLeftAloneAsLongAsBefore() async throws {
        let (peers, to) = (sender.exchange.peers, recipient.id)
        for _ in 0..<7 { _ = try? await peers.take(to) }
        try await recipient.serving { await peers.drop(try await peers.take(to)) }
        #expect(await !peers.isOutOfReach(to))
        _ = try? await peers.take(to)
        #expect(await peers.isOutOfReach(to))
        #expect(await peers.outages[to]?.failures == 8)
        // `retry` forgets that too.
        await peers.forgive()
        #expect(await !peers.isOutOfReach(to))
        #expect(await peers.outages[to]?.failures == 0)
    }

    @Test func whoWaitsGoesOnAFewAtATime() async throws {
        let (peers, to) = (sender.exchange.peers, recipient.id)
        _ = try? await peers.take(to)
        let waiting = Task {
            await withTaskGroup(of: Void.self) { group in
                for _ in 0..<40 {
                    group.addTask { await peers.waitForReach(of: [to], .routine) }
                }
            }
        }
        try await RelayTests.until { await peers.waitingCount == 40 }
        try await recipient.serving {
            let client = try await peers.take(to)
            let left = await peers.waitingCount
            await peers.keep(client)
            let then = await peers.waitingCount
            #expect([left, then] == [8, 7])
            // The others are not forgotten.
            let next = await peers.nodesToTry
            #expect(next == [to])
            let looking = Task { await peers.run() }
            await waiting.value
            looking.cancel()
            await looking.value
            await peers.closeAll()
        }
    }

    /// Who waits began to when it was out of reach, and is told by nobody that this was forgotten.
    @Test func whoWaitsForANodeOfWhichNothingIsRememberedGoesOnToo() async throws {
        let (peers, to) = (sender.exchange.peers, recipient.id)
        for _ in 0..<7 { _ = try? await peers.take(to) }
        let waiting = Task { await peers.waitForReach(of: [to], .routine) }
        try await RelayTests.until { await peers.waitingCount == 1 }
        #expect(await peers.nodesToTry.isEmpty)
        await peers.forgive()
        #expect(await peers.nodesToTry == [to])
        try await recipient.serving {
            let looking = Task { await peers.run() }
            await waiting.value
            looking.cancel()
            await looking.value
            await peers.closeAll()
        }
    }

    @Test func whoHasNoCertificateHasLearntNothingOfTheNode() async throws {
        let unlisted = try NodeID("\(sender.id.country)/unlisted")
        let membership = try MembershipRegister(
            world.federation, node: unlisted, keys: sender.keys, allowsSandbox: true,
            store: sender.store, clock: world.clock, logger: .silent)
        let (peers, to) = (Peers(membership: membership, clock: world.clock), recipient.id)
        await #expect(throws: IdentityError.noCertificate(unlisted)) {
            _ = try await peers.take(to, for: .routine)
        }
        #expect(await !peers.isOutOfReach(to))
    }

    @Test func whoWaitsForANodeGoesOnWhenAnybodyHasReachedIt() async throws {
        let (exchange, to) = (sender.exchange, recipient.id)
        let pursuit = Pursuit.letters(to: to)
        _ = await exchange.pursuits.begin(pursuit)
        _ = try? await exchange.peers.take(to)
        let waiting = Task {
            try await exchange.pause(pursuit, .seconds(3_600), for: [to], .routine)
        }
        try await RelayTests.until { await exchange.peers.nodesToTry == [to] }
        try await recipient.serving {
            await exchange.peers.drop(try await exchange.peers.take(to))
        }
        // There is no news: it goes on where it was.
        #expect(try await !waiting.value)
        // Nor does anybody wait who has begun too late for that.
        #expect(try await !exchange.pause(pursuit, .seconds(3_600), for: [to], .routine))
    }
}
