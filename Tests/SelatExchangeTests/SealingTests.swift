import NIOCore
import NIOPosix
import SelatAudit
import SelatCore
import SelatDelivery
import SelatEnvelope
import SelatHTTP
import SelatStore
import SelatTestSupport
import Synchronization
import Testing

@testable import SelatExchange

/// Who is sealed, and who waits for it.
struct SealingTests {
    private typealias Place = Sealings.Place

    private static func place(
        _ number: UInt64, _ precedence: Precedence = .routine, size: UInt64 = 20 << 20
    ) -> Place {
        let id = TransferID(milliseconds: number, entropy: [UInt8](repeating: 7, count: 10))
        return Place(id: id, precedence: precedence, size: size)
    }

    /// A task that is done once the place is its own.
    private static func entering(
        _ place: Place, _ sealings: Sealings, unless gone: EventLoopFuture<Void>? = nil
    ) async -> Task<Void, any Error> {
        let waiting = await sealings.load.waiting
        let task = Task { try await sealings.enter(place, unless: gone) }
        while await sealings.load.waiting == waiting { await Task.yield() }
        return task
    }

    /// With as many large ones as are sealed at a time.
    private static func full(_ precedence: Precedence = .routine) async throws -> Sealings {
        let sealings = Sealings()
        for number in 1...UInt64(Sealings.largeMax) {
            try await sealings.enter(place(number, precedence))
        }
        return sealings
    }

    @Test func theMostUrgentGoesFirstThenWhoCameFirst() async throws {
        let sealings = try await Self.full(.immediate)
        let first = await Self.entering(Self.place(9), sealings)
        let second = await Self.entering(Self.place(8), sealings)
        let urgent = await Self.entering(Self.place(7, .priority), sealings)
        await sealings.leave(Self.place(1, .immediate))
        try await urgent.value
        await sealings.leave(Self.place(2, .immediate))
        try await first.value
        #expect(await sealings.load == (2, 1))
        await sealings.leave(Self.place(7, .priority))
        try await second.value
        #expect(await sealings.load == (2, 0))
    }

    @Test func whatIsLessUrgentTakesNobodysPlace() async throws {
        let sealings = try await Self.full()
        _ = await Self.entering(Self.place(10), sealings)
        try await sealings.enter(Self.place(11, .flash))
        try await sealings.enter(Self.place(12, .priority))
        #expect(await sealings.load == (4, 1))
        // The bound holds among equals too: it is memory.
        try await sealings.enter(Self.place(13, .flash))
        let third = await Self.entering(Self.place(14, .flash), sealings)
        await sealings.leave(Self.place(11, .flash))
        try await third.value
        await sealings.stop()
    }

    @Test func smallOnesWaitForNoLargeOnesAndAreBoundedByTheirBytes() async throws {
        let sealings = try await Self.full()
        _ = await Self.entering(Self.place(10), sealings)
        let fitting = Sealings.smallBytesMax / Sealings.smallBytesMin
        for number in 100..<100 + fitting {
            try await sealings.enter(Self.place(number, size: 1_000))
        }
        let large = await Self.entering(Self.place(20, size: 1 << 20), sealings)
        // It would fit, and comes after one that does not.
        await sealings.leave(Self.place(100, size: 1_000))
        let small = await Self.entering(Self.place(21, size: 1_000), sealings)
        for number in 101..<101 + (1 << 20) / Sealings.smallBytesMin {
            await sealings.leave(Self.place(number, size: 1_000))
        }
        try await large.value
        try await small.value
        await sealings.stop()
    }

    @Test func whoHangsUpOrIsCancelledFreesItsPlaceInTheLine() async throws {
        let loop = NIOSingletons.posixEventLoopGroup.next()
        let sealings = try await Self.full()
        let gone = loop.makePromise(of: Void.self)
        let hungUp = await Self.entering(Self.place(10), sealings, unless: gone.futureResult)
        let cancelled = await Self.entering(Self.place(11), sealings)
        let last = await Self.entering(Self.place(12), sealings)
        gone.succeed()
        await #expect(throws: HTTPFault.closed) { try await hungUp.value }
        cancelled.cancel()
        await #expect(throws: CancellationError.self) { try await cancelled.value }
        await sealings.leave(Self.place(1))
        try await last.value
        #expect(await sealings.load == (2, 0))
        // One who has gone before is not waited with.
        let late = Task { [future = gone.futureResult] in
            try await sealings.enter(Self.place(13), unless: future)
        }
        await #expect(throws: HTTPFault.closed) { try await late.value }
    }

    @Test func whoLeavesTheLineLetsThoseBehindItIn() async throws {
        let sealings = Sealings()
        // Room for half a megabyte more.
        for number in 100..<100 + Sealings.smallBytesMax >> 19 - 1 {
            try await sealings.enter(Self.place(number, size: 1 << 19))
        }
        let large = await Self.entering(Self.place(10, size: 1 << 20), sealings)
        let small = await Self.entering(Self.place(11, size: 1_000), sealings)
        large.cancel()
        try await small.value
        await #expect(throws: CancellationError.self) { try await large.value }
    }

    // MARK: The whole road

    /// Counts the bodies that are read at one time.
    private final class Readers: Sendable {
        private let state = Mutex((now: 0, most: 0))

        func begin() {
            state.withLock { $0 = ($0.now + 1, max($0.most, $0.now + 1)) }
        }
        func end() { state.withLock { $0.now -= 1 } }
        var most: Int { state.withLock { $0.most } }
    }

    /// Zeros in pieces, the way there being long.
    private struct CountedBody: AsyncSequence, Sendable {
        typealias Element = ByteBuffer
        let pieces: Int
        let readers: Readers

        static let pieceBytes = 256 << 10

        func makeAsyncIterator() -> Iterator { Iterator(body: self) }

        struct Iterator: AsyncIteratorProtocol {
            let body: CountedBody
            var index = 0

            mutating func next() async throws -> ByteBuffer? {
                if index == 0 { body.readers.begin() }
                for _ in 0..<20 { await Task.yield() }
                guard index < body.pieces else {
                    body.readers.end()
                    return nil
                }
                index += 1
                return ByteBuffer(repeating: 0, count: CountedBody.pieceBytes)
            }
        }
    }

    /// Of what is not known nothing is said but that; of what is, where it stands.
    @Test func aPayloadThatNobodyAwaitsIsRefused() async throws {
        let world = try TestFederation()
        let body = AsyncStream<ByteBuffer> { $0.finish() }
        let unknown = try await #require(throws: Problem.self) {
            _ = try await world.sender.exchange.seal(Self.place(1).id, body, by: 9)
        }
        #expect(unknown.type == ServiceProblem.unknownTransferType)
        let id = try await world.sender.send(world.request())
        let late = try await #require(throws: Problem.self) {
            _ = try await world.sender.exchange.seal(id, body, by: 9)
        }
        #expect(late.status == 409 && late.detail?.contains("queued") == true, "\(late)")
        #expect(try await world.sender.outbound(id)?.state == "queued")
    }

    @Test func ofManyAtOnceAFewAreReadAndAllAreSealed() async throws {
        let world = try TestFederation()
        let (exchange, readers) = (world.sender.exchange, Readers())
        let request = try world.request(size: 3 << 20)
        let states = try await withThrowingTaskGroup(of: Sender.State.self) { group in
            for _ in 0..<12 {
                let id = try await exchange.begin(request, lifeSeconds: 3_600, by: 0).id
                group.addTask {
                    try await exchange.seal(
                        id, CountedBody(pieces: 12, readers: readers), by: 0)
                }
            }
            return try await group.reduce(into: []) { $0.append($1) }
        }
        #expect(states == Array(repeating: .queued, count: 12))
        #expect(readers.most == Sealings.largeMax)
        #expect(await exchange.sealings.load == (0, 0))
    }

    /// Begins a transfer whose sealing waits, and waits until it does.
    private func waiting(
        in world: TestFederation, unless gone: EventLoopFuture<Void>? = nil
    ) async throws -> (id: TransferID, sealing: Task<Sender.State, any Error>) {
        let exchange = world.sender.exchange
        let before = await exchange.sealings.load.waiting
        let request = try world.request(size: 3 << 20)
        let id = try await exchange.begin(request, lifeSeconds: 3_600, by: 0).id
        let sealing = Task {
            try await exchange.seal(
                id, Pieces(pieces: [TestFederation.bytes(3 << 20)]), by: 0, unless: gone)
        }
        while await exchange.sealings.load.waiting == before { await Task.yield() }
        return (id, sealing)
    }

    @Test func aSenderWhoHangsUpWhileItWaitsHasSentNothing() async throws {
        let world = try TestFederation()
        let exchange = world.sender.exchange
        for number in 1...UInt64(Sealings.largeMax) {
            try await exchange.sealings.enter(Self.place(number))
        }
        let gone = NIOSingletons.posixEventLoopGroup.next().makePromise(of: Void.self)
        let (id, sealing) = try await waiting(in: world, unless: gone.futureResult)
        let (other, sealed) = try await waiting(in: world)
        // Housekeeping ends what nobody sends, not what waits.
        #expect(exchange.pending.withLock { $0.isEmpty })
        try await exchange.endForgottenSeals()
        #expect(try await world.sender.outbound(id)?.state == "sealing")
        gone.succeed()
        await #expect(throws: HTTPFault.closed) { try await sealing.value }
        #expect(try await world.sender.outbound(id)?.state == "cancelled")
        #expect(try world.sender.parts == [])
        await exchange.sealings.leave(Self.place(1))
        #expect(try await sealed.value == .queued)
        #expect(try await world.sender.outbound(other)?.state == "queued")
    }

    /// Nothing is kept of what came, and the whole is sealed once.
    @Test(arguments: [false, true])
    func aSenderWhoHangsUpComesBackUnderAnIDOfItsOwn(_ isCancelled: Bool) async throws {
        let fault: any Error = isCancelled ? CancellationError() : HTTPFault.truncated
        let world = try TestFederation()
        let (sender, exchange) = (world.sender, world.sender.exchange)
        let id = TransferID(
            milliseconds: UInt64(world.clock.now().seconds) * 1_000,
            entropy: [UInt8](repeating: 7, count: 10))
        let request = try world.request(size: 3 << 20)
        let content = TestFederation.bytes(3 << 20)
        _ = try await exchange.begin(request, as: id, lifeSeconds: 3_600, by: 7)
        let broken = AsyncThrowingStream<ByteBuffer, any Error> { body in
            body.yield(ByteBuffer(bytes: content.prefix(2 << 20)))
            body.finish(throwing: fault)
        }
        await #expect(throws: (any Error).self) {
            _ = try await exchange.seal(id, broken, by: 7)
        }
        #expect(try await sender.outbound(id)?.state == "sealing")
        #expect(try sender.parts == [])
        let again = try await exchange.begin(request, as: id, lifeSeconds: 3_600, by: 7)
        #expect(again.id == id && again.state == "sealing")
        let state = try await exchange.seal(id, Pieces(pieces: [content]), by: 7)
        #expect(state == .queued)
        try await world.recipient.serving { await exchange.pursue(id) }
        #expect(try await world.recipient.opened(id) == content)
        #expect(try await sender.entries("transfer.permitted") == 1)
        #expect(try await sender.entries("transfer.cancelled") == 0)
    }

    /// Callers choose how long they lie in memory, and how many.
    @Test func descriptionsWhoseDatasetsDoNotComeHaveARoomTogether() async throws {
        let world = try TestFederation()
        let exchange = world.sender.exchange
        let id = TransferID(
            milliseconds: UInt64(world.clock.now().seconds) * 1_000,
            entropy: [UInt8](repeating: 7, count: 10))
        let request = try world.request(size: 3 << 20)
        let size = request.dataset.json.canonical.count
        let others = PendingSeals.room(for: request.precedence) / 2 - 2 * size + 1
        func held() -> Int { exchange.pending.withLock { $0.bytes } }
        try exchange.pending.withLock { try $0.reserve(others, request.precedence, of: 7) }
        _ = try await exchange.begin(request, as: id, lifeSeconds: 3_600, by: 7)
        let refused = await problem {
            _ = try await exchange.begin(request, lifeSeconds: 3_600, by: 7)
        }
        #expect(refused == "not-ready")
        #expect(try await world.sender.entries("transfer.permitted") == 1)
        exchange.pending.withLock { $0.giveBack(others, of: 7) }
        // Whoever hangs up holds it on.
        let broken = AsyncThrowingStream<ByteBuffer, any Error> { body in
            body.finish(throwing: HTTPFault.truncated)
        }
        await #expect(throws: (any Error).self) {
            _ = try await exchange.seal(id, broken, by: 7)
        }
        #expect(held() == size)
        let content = Pieces(pieces: [TestFederation.bytes(3 << 20)])
        let state = try await exchange.seal(id, content, by: 7)
        #expect(state == .queued)
        #expect(held() == 0)
        // Nobody waits for what ends.
        _ = try await exchange.begin(request, lifeSeconds: 3_600, by: 7)
        let soon = ContinuousClock.now + .seconds(1)
        let overdue = exchange.pending.withLock { $0.takeOverdue(begunBefore: soon) }
        #expect(overdue.count == 1)
        #expect(held() == 0)
    }

    @Test func noUsersDescriptionsKeepOutAnothersOrWhatIsMoreUrgent() {
        var pending = PendingSeals()
        // No description is larger.
        let large = Limits.manifestBytesMax
        func fill(_ precedence: Precedence, of user: UInt32) -> Int {
            var count = 0
            while (try? pending.reserve(large, precedence, of: user)) != nil { count += 1 }
            return count
        }
        #expect(fill(.routine, of: 7) > 0)
        #expect(fill(.routine, of: 8) > 0)
        #expect(fill(.routine, of: 9) == 0)
        for precedence in [Precedence.priority, .immediate, .flash] {
            #expect(fill(precedence, of: 7) > 0)
            #expect(fill(precedence, of: 9) > 0)
        }
    }

    @Test func aStopSendsAwayWhatWaits() async throws {
        let world = try TestFederation()
        let exchange = world.sender.exchange
        for number in 1...UInt64(Sealings.largeMax) {
            try await exchange.sealings.enter(Self.place(number))
        }
        let (id, sealing) = try await waiting(in: world)
        exchange.dismissWaiting()
        #expect(await problem { _ = try await sealing.value } == "not-ready")
        #expect(try await world.sender.outbound(id)?.state == "cancelled")
        #expect(await problem { try await exchange.sealings.enter(Self.place(9)) } == "not-ready")
    }
}
