import SelatCore
import SelatDelivery

/// What of a node outlives its process: the disk, the database, the clock.
@Simulated
final class Node {
    let index: Int
    let id: NodeID
    let disk = Disk()
    /// What is committed. Only the writer of a living process changes it.
    var ledger: LedgerState
    /// How far the wall clock is off, in seconds.
    var clockOffset: Int64 = 0
    /// When its clock came into doubt, and until when it stays that, in virtual milliseconds.
    private var doubt: Range<Int64> = 0..<0
    /// Whether others find out that its clock is wrong.
    let isWitnessed: Bool
    /// Whether there is room for what passes through.
    let hasRoom: Bool
    var process: Process?

    init(_ index: Int, _ id: NodeID, _ ledger: LedgerState, isWitnessed: Bool, hasRoom: Bool) {
        self.index = index
        self.id = id
        self.ledger = ledger
        self.isWitnessed = isWitnessed
        self.hasRoom = hasRoom
    }

    var now: Timestamp { World.start + VirtualExecutor.shared.now / 1_000 + clockOffset }

    /// Whether nothing ends by its clock: it was set or started with, and nobody has borne it out yet, or it was found
    /// to be wrong.
    var isClockInDoubt: Bool {
        doubt.contains(VirtualExecutor.shared.now) || isWitnessed && isClockWrong
    }
    private var isClockWrong: Bool { abs(clockOffset) > Limits.clockSkewSecondsMax }
    /// Whether that has been so for longer than anything takes that was decided before.
    var isLongInDoubt: Bool {
        isClockInDoubt && VirtualExecutor.shared.now - doubt.lowerBound > 10_000
    }

    /// - Parameter milliseconds: until others bear it out, or no more is waited for them.
    func doubtClock(for milliseconds: Int64) {
        let now = VirtualExecutor.shared.now
        doubt = now..<now + milliseconds
    }

    /// The wall clock is set. A small step nobody sees.
    func setClock(to offset: Int64, doubted milliseconds: Int64) {
        let step = abs(offset - clockOffset)
        clockOffset = offset
        if step > Limits.clockSkewSecondsMax { doubtClock(for: milliseconds) }
    }

    var isDiskFull: Bool { disk.isFullUntil > VirtualExecutor.shared.now }

    /// A part of a transfer, wherever it lies.
    func content(_ name: SpoolName) -> Disk.Content? { ledger.parts[name] ?? disk.content(name) }

    /// Names of the parts that lie here, wherever.
    var parts: [SpoolName] { Set(disk.names).union(ledger.parts.keys).sorted() }

    /// A bit turns, wherever it lies. Heads are not hit: their signature would tell, payloads are
    /// what nobody looks at for a long time.
    /// - Returns: the payload that was hit.
    func flip(_ chance: inout Chance) -> SpoolName? {
        let payloads = parts.filter { $0.part == .payload }
        guard !payloads.isEmpty else { return nil }
        let name = payloads[chance.index(below: payloads.count)]
        guard case .segments(let segments)? = content(name), !segments.isEmpty else { return nil }
        let index = chance.index(below: segments.count)
        guard segments[index] != nil else { return nil }
        if ledger.parts[name] == nil {
            disk.flip(name, at: index)
        } else {
            ledger.parts[name]?.flip(at: index)
        }
        return name
    }
}

enum Pursuit: Hashable {
    case outbound(Int)
    case relayed(InboundKey)

    var transfer: Int {
        switch self {
        case .outbound(let transfer): transfer
        case .relayed(let key): key.transfer
        }
    }
}

/// One run of a node's daemon, between a start and a crash: whatever is here is lost with it.
@Simulated
final class Process {
    unowned let node: Node
    unowned let world: World
    private(set) var isDead = false
    /// Whether it has come back from the database, and answers.
    var isReady = false
    lazy var writer = Writer(self)
    let uploads = Uploads()
    /// Transfers that use the link to a peer.
    var lanes: [Int: Int] = [:]
    var pursued: Set<Pursuit> = []
    /// What was released with its acceptance, until somebody pursues it.
    var releasedAtOnce: [Int: ReleasedAtOnce] = [:]
    /// What has changed under the one who pursues it.
    var news: Set<Pursuit> = []
    /// Peers that could not be reached, and until when that is taken for lasting.
    var outOfReach: [Int: Int64] = [:]
    /// Sealings that ended and could not be recorded as ended yet.
    var cutShort: Set<Int> = []
    var streams: [PieceStream] = []
    var newestAttempts = NewestAttempts<InboundKey>()
    /// Whom letters are brought to.
    var bells: [Int: Bell] = [:]
    /// Of what nothing is handed out any more, also where that has begun.
    var withdrawn: Set<InboundKey> = []

    init(_ node: Node, _ world: World) {
        self.node = node
        self.world = world
    }

    var now: Timestamp { node.now }
    var moment: Moment { moment(at: now) }

    func moment(at time: Timestamp) -> Moment {
        Moment(time, mayEnd: !node.isClockInDoubt || world.hasPlanted(.doubtfulClockBelieved))
    }

    static let doubtPause: Int64 = 30_000

    func die() {
        isDead = true
        for stream in streams { stream.breakOff() }
        streams = []
    }

    func requireLife() throws { if isDead { throw Mishap.crashed } }

    /// Time passes, and with it perhaps the process.
    func pause(_ milliseconds: ClosedRange<Int64> = 0...2) async throws {
        guard await survives(milliseconds) else { throw Mishap.crashed }
    }

    func survives(_ milliseconds: ClosedRange<Int64>) async -> Bool {
        if isDead { return false }
        await world.sleep(world.draw(milliseconds))
        if !isDead, world.happens(world.weather.crashed) { world.crash(node) }
        return !isDead
    }

    @discardableResult
    func commit<Value>(
        _ change: @escaping (inout Transaction) throws -> Value
    ) async throws -> Value {
        try await writer.commit(change)
    }

    // MARK: Disk

    func write(_ content: Disk.Content, to name: SpoolName) async throws {
        try await pause()
        if world.happens(world.weather.filled) {
            node.disk.isFullUntil = VirtualExecutor.shared.now + world.draw(100...60_000)
            world.trace(node, "disk full")
        }
        guard !node.isDiskFull, !world.happens(world.weather.unwritable) else {
            throw Mishap.diskFull
        }
        world.trace(node, "writes \(name)")
        node.disk.write(content, to: name)
    }

    func sync(_ name: SpoolName, unless fault: PlantedFault? = nil) async throws {
        try await pause(1...5)
        if let fault, world.hasPlanted(fault) { return }
        world.trace(node, "syncs \(name)")
        node.disk.sync(name)
    }

    func syncFolder(unless fault: PlantedFault? = nil) async throws {
        try await pause(1...5)
        if let fault, world.hasPlanted(fault) { return }
        node.disk.syncFolder()
    }

    /// A small file, durable under its name when this returns.
    func writeHead(_ head: Head, to name: SpoolName, unless fault: PlantedFault? = nil) async throws
    {
        try await write(.head(head), to: name)
        try await sync(name)
        try await syncFolder(unless: fault)
    }

    func head(_ name: SpoolName) async throws -> Head {
        guard case .head(let head)? = try await read(name) else { throw Mishap.missingFile }
        return head
    }

    func segments(_ name: SpoolName) async throws -> [UInt64?] {
        guard case .segments(let segments)? = try await read(name) else {
            throw Mishap.missingFile
        }
        return segments
    }

    /// A look into the database takes no time, as in the exchange: there it does not leave the thread.
    private func read(_ name: SpoolName) async throws -> Disk.Content? {
        try requireLife()
        if let part = node.ledger.parts[name] { return part }
        try await pause()
        if world.happens(world.weather.unreadable) { throw Mishap.unreadable }
        return node.disk.content(name)
    }

    /// Removes the files. What lies in the database goes with the commit that ends its transfer.
    func remove(_ role: SpoolName.Role, _ key: InboundKey) {
        guard !isDead else { return }
        for part in [SpoolName.Part.payload, .head] {
            node.disk.remove(SpoolName(role, key, part))
        }
    }

    /// How the own transfers are named beside those of others.
    func own(_ transfer: Int) -> InboundKey { InboundKey(from: node.index, transfer: transfer) }
}
