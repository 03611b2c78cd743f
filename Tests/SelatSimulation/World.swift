import SelatCore

/// Three to five nodes, the links between them, and what befalls them, all of one seed.
@Simulated
final class World {
    static let start = Timestamp(seconds: 1_788_220_800)
    static let federation = Digest { $0.storeBytes(of: 7, as: UInt64.self) }
    /// Payloads of so many segments travel with their offer.
    static let inlineSegmentsMax = 2
    /// Payloads of so many segments lie in the database.
    nonisolated static let storedSegmentsMax = 1

    let seed: UInt64
    let fault: PlantedFault?
    private var chance: Chance
    private(set) var weather: Weather
    private(set) var nodes: [Node] = []
    /// Every edition that a country has published, the oldest first.
    var editions: [[Edition]] = []
    var lists: [MemberList] = []
    /// Pairs of nodes between which the membership names a link.
    private var links: Set<[Int]> = []
    /// Pairs of nodes that cannot reach each other now.
    var cuts: Set<[Int]> = []
    var requests: [Int: Process.Request] = [:]
    /// Receipts that somebody carries back by hand.
    var carried: [Receipt] = []
    private(set) var isHealed = false
    /// Nobody opens, recalls or destroys anything any more.
    var isClosing = false
    /// Nothing is begun any more.
    var isOver = false
    private(set) lazy var judge = Judge(self)
    private var crashes = 0
    private(set) var isTraced: Bool
    private(set) var lines: [String] = []

    init(seed: UInt64, fault: PlantedFault?, isTraced: Bool) {
        self.seed = seed
        self.fault = fault
        self.isTraced = isTraced
        chance = Chance(seed)
        weather = Weather(&chance)
        let count = Int(chance.draw(3...5))
        editions = (0..<count).map { _ in
            var edition = Edition(number: 1, inForce: Self.start)
            for label in 0..<3 where chance.happens(weather.asking) { edition.asks |= 1 << label }
            return [edition]
        }
        // A relay without room is gone round where there are relays, and several ways.
        let isSparse = weather.full > 0 || chance.happens(300)
        for a in 0..<count {
            for b in a + 1..<count where !isSparse || b == a + 1 || chance.happens(500) {
                links.insert([a, b])
            }
        }
        lists = [MemberList(serial: 1, members: Set(0..<count), revoked: [])]
        for index in 0..<count {
            // The names are valid: letters of two countries' length, and a word.
            guard let id = try? NodeID(["SG", "VN", "MY", "TH", "ID"][index] + "/hub") else {
                continue
            }
            let ledger = LedgerState(editions: editions.map { $0[0] }, list: lists[0])
            nodes.append(
                Node(
                    index, id, ledger, isWitnessed: weather.isWitnessed,
                    hasRoom: !chance.happens(weather.full)))
        }
    }

    // MARK: Chance and time

    func happens(_ perMille: Int) -> Bool { chance.happens(perMille) }
    func draw(_ range: ClosedRange<Int64>) -> Int64 { chance.draw(range) }
    func token() -> UInt64 { chance.next() | 2 }
    func hasPlanted(_ fault: PlantedFault) -> Bool { self.fault == fault }
    var mark: UInt64 {
        var copy = chance
        return copy.next()
    }

    func sleep(_ milliseconds: Int64) async { await VirtualExecutor.shared.sleep(milliseconds) }

    /// Begins a task that runs beside the others. What it throws has befallen it, and is over with it.
    func spawn(_ work: @escaping @Simulated () async throws -> Void) {
        VirtualExecutor.shared.begin { try? await work() }
    }

    func trace(_ node: Node?, _ what: @autoclosure () -> String) {
        guard isTraced, judge.violation == nil else { return }
        let name = node.map { $0.id.country.code } ?? "--"
        lines.append("\(VirtualExecutor.shared.now) \(name) \(what())")
    }

    // MARK: Nodes

    func boot(_ node: Node) {
        guard node.process == nil, !isOver else { return }
        let process = Process(node, self)
        node.process = process
        if !isHealed { node.doubtClock(for: doubtMilliseconds(of: node)) }
        trace(node, "starts")
        judge.starts(node)
        spawn {
            do { try await process.start() } catch {
                // A start that fails ends the process; it is started again.
                if !process.isDead { self.crash(node) }
            }
        }
    }

    func crash(_ node: Node) {
        guard let process = node.process else { return }
        trace(node, "crashes")
        crashes += 1
        process.die()
        node.process = nil
        node.disk.crash(&chance)
        spawn {
            await self.sleep(self.isHealed ? 50 : self.draw(10...30_000))
            self.boot(node)
        }
    }

    /// How long a clock is in doubt after a start or a step: until others bear it out, else for ten minutes.
    func doubtMilliseconds(of node: Node) -> Int64 {
        node.isWitnessed ? draw(0...120_000) : 600_000
    }

    func flip(_ node: Node) {
        guard let name = node.flip(&chance) else { return }
        trace(node, "bit flips in \(name)")
        judge.flipped(name, at: node)
    }

    /// Ends all that befalls the nodes: what is left open must come to its end now.
    func heal() {
        trace(nil, "heals")
        isHealed = true
        weather = .calm
        cuts = []
        for node in nodes {
            node.setClock(to: 0, doubted: 0)
            node.doubtClock(for: 0)
            node.disk.isFullUntil = 0
        }
        for node in nodes { boot(node) }
    }

    func finish() {
        isOver = true
        for node in nodes {
            node.process?.die()
            node.process = nil
        }
    }

    nonisolated static func isSmall(segments count: Int) -> Bool { count <= storedSegmentsMax }

    func areLinked(_ a: Int, _ b: Int) -> Bool { links.contains([min(a, b), max(a, b)]) }
    func isOpen(_ a: Int, _ b: Int) -> Bool { !cuts.contains([min(a, b), max(a, b)]) }

    /// The longest time between two chunks that somebody reads, in milliseconds.
    var readingMax: Int64 { weather.recalledByOfficers > 0 ? 20_000 : 0 }

    /// For how many seconds the recipient may keep a transfer; nil where no duty says so.
    func chosenRetention(of transfer: Int) -> Int64? {
        transfer % 3 == 0 ? Int64(transfer % 7 + 1) * 300 : nil
    }

    var tally: Tally {
        Tally(
            transfers: requests.count, crashes: crashes,
            outcomes: judge.outcomes())
    }
}
