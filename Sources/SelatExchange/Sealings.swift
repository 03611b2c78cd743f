import NIOCore
import SelatCore
import SelatEnvelope
import SelatHTTP

/// Who may seal now, so that memory does not grow with the number of those who send: the most urgent
/// first, then who came first (Exchange.docc, *Sealing in turn*).
actor Sealings {
    /// A dataset's place among those that are sealed, from `enter` to `leave`.
    struct Place: Hashable, Sendable {
        let id: TransferID
        let precedence: Precedence
        /// Bytes of the dataset.
        let size: UInt64

        /// Of one segment: it takes little memory, and never waits for large ones.
        var isSmall: Bool { size <= SegmentLayout.messageBytes }
        /// What it counts for among small ones.
        var weight: UInt64 { max(size, Sealings.smallBytesMin) }
    }

    private struct Waiting {
        /// One who asks again for the same dataset is another.
        let number: UInt64
        let place: Place
        let turn: CheckedContinuation<Void, any Error>
    }

    /// Datasets of more than one segment at a time, of those that are as urgent: one whose sender is slow
    /// does not hold the other up.
    static let largeMax = 2
    /// Bytes of small datasets at a time, of those that are as urgent.
    static let smallBytesMax: UInt64 = 4 << 20
    /// What the smallest dataset counts for: its thread and its file cost memory too.
    static let smallBytesMin: UInt64 = 16 << 10

    private var busy: Set<Place> = []
    private var waiting: [Waiting] = []
    private var numbers: UInt64 = 0
    private var isStopping = false

    /// Waits for a turn; each is given back with `leave`.
    /// - Parameter gone: completes when the sender hangs up, who waits no longer then.
    /// - Throws: `HTTPFault.closed` for a sender who hung up, `CancellationError`, and a `Problem` while
    ///   the daemon stops.
    func enter(_ place: Place, unless gone: EventLoopFuture<Void>? = nil) async throws {
        if isStopping { throw ServiceProblem.stopping }
        if !isAwaited(before: place), hasRoom(for: place) {
            busy.insert(place)
            return
        }
        numbers += 1
        let number = numbers
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { turn in
                waiting.append(Waiting(number: number, place: place, turn: turn))
                gone?.whenComplete { _ in
                    Task { await self.withdraw(number, HTTPFault.closed) }
                }
            }
        } onCancel: {
            Task { await self.withdraw(number, CancellationError()) }
        }
    }

    func leave(_ place: Place) {
        busy.remove(place)
        admit()
    }

    /// From now on nobody waits: what was not begun is not worth a late stop.
    func stop() {
        isStopping = true
        for waiting in waiting { waiting.turn.resume(throwing: ServiceProblem.stopping) }
        waiting = []
    }

    /// How many are sealed, and how many wait.
    var load: (sealing: Int, waiting: Int) { (busy.count, waiting.count) }

    private func withdraw(_ number: UInt64, _ cause: any Error) {
        guard let index = waiting.firstIndex(where: { $0.number == number }) else { return }
        waiting.remove(at: index).turn.resume(throwing: cause)
        // It may have stood before smaller ones.
        admit()
    }

    private func admit() {
        let inTurn = waiting.indices.sorted { a, b in
            (waiting[a].place.precedence, a) < (waiting[b].place.precedence, b)
        }
        var entered: Set<Int> = []
        // Whom there is no room for keeps those behind it from overtaking.
        var isFull: Set<Bool> = []
        for index in inTurn where !isFull.contains(waiting[index].place.isSmall) {
            let (place, turn) = (waiting[index].place, waiting[index].turn)
            guard hasRoom(for: place) else {
                isFull.insert(place.isSmall)
                continue
            }
            busy.insert(place)
            entered.insert(index)
            turn.resume()
        }
        waiting = waiting.indices.filter { !entered.contains($0) }.map { waiting[$0] }
    }

    private func isAwaited(before place: Place) -> Bool {
        waiting.contains {
            $0.place.isSmall == place.isSmall && $0.place.precedence <= place.precedence
        }
    }

    /// What is less urgent takes nobody's place.
    private func hasRoom(for place: Place) -> Bool {
        let before = busy.filter {
            $0.isSmall == place.isSmall && $0.precedence <= place.precedence
        }
        guard place.isSmall else { return before.count < Self.largeMax }
        return before.reduce(place.weight) { $0 + $1.weight } <= Self.smallBytesMax
    }
}
