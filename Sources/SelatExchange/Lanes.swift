package import SelatCore

/// Who may use the links now: to each node a few transfers at a time, the most urgent first; and what
/// is less urgent than another gives way to it between two pieces (Exchange.docc, *Precedence*).
actor Lanes {
    /// A transfer's place on the link to a node, from `enter` to `leave`.
    struct Lane: Hashable, Sendable {
        let peer: NodeID
        let precedence: Precedence
        /// Bytes of its payload and of its head: a description may be far larger than its dataset.
        let size: UInt64
        /// Whether it goes in one request; such ones never wait for uploads.
        var isSmall: Bool { size < UInt64(Limits.inlinePackageBytesMax / 2) }

        let id: TransferID
        /// Whose it is, where it is relayed: two senders may have chosen one id.
        let from: NodeID?

        init(
            to peer: NodeID, _ precedence: Precedence, size: UInt64, _ id: TransferID,
            from: NodeID? = nil
        ) {
            self.peer = peer
            self.precedence = precedence
            self.size = size
            self.id = id
            self.from = from
        }

        var line: Line {
            Line(peer: peer, isSmall: isSmall, precedence: precedence, member: from?.country)
        }
    }

    /// Those of one member that wait for the same turns.
    struct Line: Hashable, Sendable {
        let peer: NodeID
        let isSmall: Bool
        let precedence: Precedence
        /// Nil for the own transfers.
        let member: Country?

        /// Whether the two take each other's room.
        func isLike(_ other: Line) -> Bool { peer == other.peer && isSmall == other.isSmall }
    }

    private struct Waiting {
        let number: UInt64
        let lane: Lane
        let since: ContinuousClock.Instant
        /// Nil for as long as it takes.
        let until: ContinuousClock.Instant?
        /// Told whether it was admitted.
        let turn: CheckedContinuation<Bool, Never>
    }

    /// Uploads to one node at a time, of those that are as urgent. Their heads lie in memory, and pieces of their
    /// payloads.
    static let uploadsPerPeer = 4
    /// Small transfers to one node at a time, of those that are as urgent.
    static let smallPerPeer = 16
    /// What they have together: each lies in memory while it is offered.
    static let smallBytesPerPeer: UInt64 = 4 << 20
    /// Places beyond, for each precedence that is more urgent than routine: a node takes a number of connections.
    static let smallPerPeerKept = 8
    /// How long what is less urgent waits for each of its pieces at most: it must neither starve, nor
    /// look like a peer that sends nothing any more.
    static let patience = Duration.seconds(1)
    /// How long an urgent transfer that was begun and not sealed is waited for.
    private static let announcement = Duration.seconds(10)

    /// Those that have a turn, and when each moved last.
    private var busy: [Lane: ContinuousClock.Instant] = [:]
    /// In the order in which they came; no line is empty.
    private var waiting: [Line: [Waiting]] = [:]
    /// When each line had a turn last, while anything waits.
    private var served: [Line: UInt64] = [:]
    private var numbers: UInt64 = 0
    private var announced: [TransferID: (precedence: Precedence, until: ContinuousClock.Instant)] =
        [:]
    private var givingWay: Set<Lane> = []
    private var limits: [BandwidthLimit]
    private var pace: [NodeID: ContinuousClock.Instant] = [:]
    private let stillness: Duration
    private let debt: Duration
    private let longest: Duration

    /// - Parameters:
    ///   - stillness: who has moved nothing for so long holds nobody else up.
    ///   - debt: how long others wait at most for what a flash took beyond the limit. Who sends nothing for 30
    ///     seconds is cut off by its receiver.
    ///   - longest: how long what is more urgent keeps all that is less from a link.
    init(
        _ limits: [BandwidthLimit], stillness: Duration = .seconds(5),
        debt: Duration = .seconds(10), longest: Duration = .seconds(300)
    ) {
        self.limits = limits
        self.stillness = stillness
        self.debt = debt
        self.longest = longest
    }

    /// From now on these hold; nothing is owed by those before.
    func replace(_ limits: [BandwidthLimit]) {
        self.limits = limits
        pace = [:]
        // There may be room for more uploads.
        admit()
    }

    // MARK: Turns

    /// Waits for a turn; each is given back with `leave`.
    /// - Parameter patience: after it, `dismissOverdue` sends it away.
    /// - Returns: whether it got one; where its task is cancelled it waits no longer.
    @discardableResult
    func enter(_ lane: Lane, atMost patience: Duration? = nil) async -> Bool {
        if enterAtOnce(lane) { return true }
        announced[lane.id] = nil
        numbers += 1
        let number = numbers
        return await withTaskCancellationHandler {
            await withCheckedContinuation { turn in
                waiting[lane.line, default: []].append(
                    Waiting(
                        number: number, lane: lane, since: .now,
                        until: patience.map { .now + $0 }, turn: turn))
            }
        } onCancel: {
            Task { await self.dismiss(number) }
        }
    }

    /// Takes a turn where there is one now.
    func enterAtOnce(_ lane: Lane) -> Bool {
        guard !isAwaited(before: lane), mayEnter(lane) else { return false }
        announced[lane.id] = nil
        busy[lane] = .now
        return true
    }

    /// Sends those away who have waited too long, and lets in who has waited long enough. A sleep for each that waits
    /// would leave its timer behind, for days, where the turn comes.
    func dismissOverdue() {
        let now = ContinuousClock.now
        dismiss { $0.until.map { $0 <= now } ?? false }
    }

    private func dismiss(_ number: UInt64) { dismiss { $0.number == number } }

    private func dismiss(where mustGo: (Waiting) -> Bool) {
        for (line, all) in waiting {
            let dismissed = all.filter(mustGo)
            guard !dismissed.isEmpty else { continue }
            let left = all.filter { !mustGo($0) }
            waiting[line] = left.isEmpty ? nil : left
            for waiting in dismissed { waiting.turn.resume(returning: false) }
        }
        // One of them may have stood before smaller ones.
        admit()
    }

    func leave(_ lane: Lane) {
        busy[lane] = nil
        admit()
    }

    private func admit() {
        while let line = nextLine(), let first = waiting[line]?.removeFirst() {
            if waiting[line]?.isEmpty == true { waiting[line] = nil }
            numbers += 1
            served[line] = numbers
            busy[first.lane] = .now
            first.turn.resume(returning: true)
        }
        if waiting.isEmpty { served = [:] }
    }

    /// The line whose first has a turn now.
    private func nextLine() -> Line? {
        // Of those that are as urgent, the member that has had no turn for longest; then who came first. Not by their ids:
        // whoever chose one could put itself before others.
        let inTurn = waiting.compactMap { line, all in
            all.first.map { (line: line, first: $0, served: served[line] ?? 0) }
        }.sorted { a, b in
            (a.line.precedence, a.served, a.first.number)
                < (b.line.precedence, b.served, b.first.number)
        }
        // Whom there is no room for keeps those behind it from overtaking.
        var passed: [Line] = []
        for (line, first, _) in inTurn {
            let isHeldUp = passed.contains { $0.isLike(line) } || !mayEnter(first.lane)
            if !isHeldUp || isStarved(first) { return line }
            passed.append(line)
        }
        return nil
    }

    /// Whether it has waited for long and none that is as urgent uses the link: then it goes beside the others.
    private func isStarved(_ waiting: Waiting) -> Bool {
        guard ContinuousClock.now - waiting.since >= longest else { return false }
        let line = waiting.lane.line
        return !busy.keys.contains {
            $0.line.isLike(line) && $0.precedence == line.precedence
        }
    }

    private func isAwaited(before lane: Lane) -> Bool {
        let line = lane.line
        return waiting.keys.contains { $0.isLike(line) && $0.precedence <= line.precedence }
    }

    /// What is less urgent takes nobody's lane.
    private func mayEnter(_ lane: Lane) -> Bool {
        let line = lane.line
        let like = busy.keys.filter { $0.line.isLike(line) }
        let before = like.filter { $0.precedence <= lane.precedence }
        guard lane.isSmall else { return before.count < uploadsMax(lane) }
        let kept = Self.smallPerPeerKept * Precedence.allCases.count { $0 > lane.precedence }
        return before.count < Self.smallPerPeer && like.count < Self.smallPerPeer + kept
            && before.reduce(lane.size) { $0 + $1.size } <= Self.smallBytesPerPeer
    }

    /// Fewer under a low limit, so that each has its share of it; a flash keeps to none. An upload may last into
    /// hours with another limit: the lowest of the day counts.
    private func uploadsMax(_ lane: Lane) -> Int {
        guard lane.precedence > .flash, !limits.isEmpty else { return Self.uploadsPerPeer }
        let hours: Range<Int64> = 0..<24
        let rates = hours.compactMap { rate(to: lane.peer, at: Timestamp(seconds: $0 * 3_600)) }
        let shares = rates.min().map { Int(clamping: $0 / BandwidthLimit.bytesPerSecondMin) }
        return shares.map { max(1, min($0, Self.uploadsPerPeer)) } ?? Self.uploadsPerPeer
    }

    // MARK: Giving way

    /// A transfer was begun, and its dataset is on its way here: what is less urgent gives way already.
    func announce(_ id: TransferID, _ precedence: Precedence) {
        guard precedence < .routine else { return }
        announced[id] = (precedence, .now + Self.announcement)
    }

    func withdraw(_ id: TransferID) { announced[id] = nil }

    /// Returns when nothing more urgent uses or awaits any link, and after `patience` at the latest.
    func giveWay(_ precedence: Precedence) async throws {
        let until = ContinuousClock.now + Self.patience
        while isOvertaken(precedence), ContinuousClock.now < until {
            try await Task.sleep(for: .milliseconds(10))
        }
    }

    private func isOvertaken(_ precedence: Precedence) -> Bool {
        guard precedence > .flash else { return false }
        let now = ContinuousClock.now
        // A node that takes an urgent transfer and no bytes of it must not slow down all others.
        let moving = busy.filter { now - $0.value < stillness }.keys
        if moving.contains(where: { $0.precedence < precedence }) { return true }
        // Nor does what waits behind such ones.
        let peers = Set(moving.map(\.peer))
        let isAwaited = waiting.keys.contains {
            $0.precedence < precedence && peers.contains($0.peer)
        }
        if isAwaited { return true }
        announced = announced.filter { $0.value.until > now }
        return announced.values.contains { $0.precedence < precedence }
    }

    /// Returns when this many bytes may leave: others have gone first, and the limit of the link is
    /// kept. A flash waits for nobody, though what it takes is counted.
    func admit(_ lane: Lane, _ count: Int, at now: Timestamp) async throws {
        givingWay.insert(lane)
        defer { givingWay.remove(lane) }
        // The link has taken what came before.
        if busy[lane] != nil { busy[lane] = .now }
        try await giveWay(lane.precedence)
        guard let start = claim(lane, count, at: now) else { return }
        try await Task.sleep(until: start, clock: .continuous)
    }

    /// Takes the time on the link that this many bytes need by its limit.
    /// - Returns: when they may leave; nil for at once.
    func claim(_ lane: Lane, _ count: Int, at now: Timestamp) -> ContinuousClock.Instant? {
        guard let rate = rate(to: lane.peer, at: now) else { return nil }
        let start = max(pace[lane.peer] ?? .now, .now)
        let next = start + .seconds(Double(count) / Double(rate))
        guard lane.precedence > .flash else {
            pace[lane.peer] = max(start, min(next, ContinuousClock.now + debt))
            return nil
        }
        pace[lane.peer] = next
        return start
    }

    /// How many bytes an upload takes at once: beside others less, since each piece lies in memory several times on
    /// its way, and on a slow link less, so that it never pauses for long.
    func pieceBytes(_ lane: Lane, atMost most: UInt64, at now: Timestamp) -> UInt64 {
        let uploads = UInt64(busy.keys.count { !$0.isSmall })
        let share = max(most / max(uploads, 1), min(most, Self.pieceBytesMin))
        return rate(to: lane.peer, at: now).map { min(share, max($0 / 4, 4_096)) } ?? share
    }

    /// Smaller pieces cost more than their bytes do.
    private static let pieceBytesMin: UInt64 = 128 << 10

    private func rate(to peer: NodeID, at now: Timestamp) -> UInt64? {
        limits.first { $0.holds(for: peer, at: now) }?.bytesPerSecond
    }

    // MARK: Standing

    /// The links that are in use, by node.
    var loads: [LinkLoad] {
        let now = ContinuousClock.now
        let peers = Set(busy.keys.map(\.peer)).union(waiting.keys.map(\.peer))
        return peers.sorted().map { peer in
            let sending = busy.keys.filter { $0.peer == peer }.map { ($0.precedence, 1) }
            let lines = waiting.filter { $0.key.peer == peer }
            let oldest = lines.values.compactMap(\.first?.since).min()
            return LinkLoad(
                peer: peer, sending: Dictionary(sending, uniquingKeysWith: +),
                waiting: Dictionary(
                    lines.map { ($0.key.precedence, $0.value.count) }, uniquingKeysWith: +),
                waitingSeconds: oldest.map { (now - $0).components.seconds },
                givingWay: givingWay.count { lane in
                    lane.peer == peer && isOvertaken(lane.precedence)
                })
        }
    }
}

/// What goes on at the link to one node.
package struct LinkLoad: Sendable, Hashable {
    package let peer: NodeID
    /// Transfers that use the link now.
    package let sending: [Precedence: Int]
    /// Transfers that wait for a turn.
    package let waiting: [Precedence: Int]
    /// How long the one has waited that waits longest; nil where none does.
    package let waitingSeconds: Int64?
    /// Uploads that let something more urgent pass at this moment.
    package let givingWay: Int
}

/// How much uploads may send to a node, or to each node, in some hours of the day.
package struct BandwidthLimit: Sendable, Hashable {
    /// Hours of the day in UTC; over midnight where `to` is not after `from`.
    package struct Hours: Sendable, Hashable {
        package let from: Int
        /// The first hour that is not meant.
        package let to: Int

        package init(from: Int, to: Int) { (self.from, self.to) = (from, to) }

        func contains(_ hour: Int) -> Bool {
            from < to ? (from..<to).contains(hour) : hour >= from || hour < to
        }
    }

    /// The least that an upload is given. Three may share it, one of each precedence that keeps to a limit, and a
    /// receiver cuts off whoever sends less than 16 KiB in 30 seconds.
    package static let bytesPerSecondMin: UInt64 = 2_048

    /// Nil for every node.
    package let node: NodeID?
    /// Nil for the whole day.
    package let hours: Hours?
    /// Nil for no limit.
    package let bytesPerSecond: UInt64?

    package init(node: NodeID?, hours: Hours?, bytesPerSecond: UInt64?) {
        self.node = node
        self.hours = hours
        self.bytesPerSecond = bytesPerSecond
    }

    func holds(for peer: NodeID, at now: Timestamp) -> Bool {
        guard node == nil || node == peer else { return false }
        let hour = (now.seconds % 86_400 + 86_400) % 86_400 / 3_600
        return hours?.contains(Int(hour)) ?? true
    }
}
