package import SelatCore
import SelatCrypto

/// Takes a sealed payload as it arrives into the sink, and checks it against the leaves. It needs no key:
/// relays take payloads in with it too.
///
/// What the sink holds stays when an intake fails or is dropped: an upload goes on at the end of what was
/// checked and what `sync` made durable. Where the head lists leaves, a segment is checked before the sink
/// gets it; above that size, with the last segment of its subtree.
package final class PayloadIntake: Sendable {
    private let work: IntakeWork

    /// - Parameters:
    ///   - offset: where to go on; 0, or what `sync` returned. The bytes before it lie in `sink`.
    /// - Throws: `EnvelopeError.malformed` for an offset within a subtree.
    package init(
        of head: VerifiedHead, into sink: any SegmentSink, resumingAt offset: UInt64 = 0
    ) throws(EnvelopeError) {
        work = try IntakeWork(
            layout: head.layout, leaves: head.head.leaves, sink: sink, offset: offset)
        try work.start()
    }

    /// Without a verified head, for tests.
    init(
        layout: SegmentLayout, leaves: Leaves, into sink: any SegmentSink,
        resumingAt offset: UInt64 = 0
    ) throws(EnvelopeError) {
        work = try IntakeWork(layout: layout, leaves: leaves, sink: sink, offset: offset)
        try work.start()
    }

    deinit { work.fail(.cancelled) }

    /// Takes the next bytes; returns when they are copied. Waits while all segments are on their
    /// way.
    ///
    /// One call at a time. A cancelled task ends the intake.
    /// - Throws: `EnvelopeError.segmentDiffers` for any segment so far, `.sizeDiffers` for more
    ///   bytes than the payload has, `.file` when the sink refuses.
    package func append(_ bytes: some Collection<UInt8> & Sendable) async throws(EnvelopeError) {
        try work.expect(bytes.count)
        var offset = 0
        while offset < bytes.count {
            var filling = try await work.slotToFill()
            offset += filling.copy(bytes, from: offset)
            work.handOver(filling)
        }
    }

    /// Makes durable what is checked.
    /// - Returns: the offset to go on at: the end of the last subtree that is whole, checked and
    ///   durable with all before it. Bytes of one that is not whole do not count.
    package func sync() async throws(EnvelopeError) -> UInt64 { try await work.request(.sync) }

    /// Checks a payload of one segment that is at hand, and keeps nothing of it.
    /// - Throws: `EnvelopeError.sizeDiffers`; `.segmentDiffers` where it is not the one of the head.
    package static func check(
        _ payload: [UInt8], of head: VerifiedHead
    ) throws(EnvelopeError) {
        let (layout, leaves) = (head.layout, head.head.leaves)
        guard UInt64(payload.count) == layout.sealedSize else {
            throw .sizeDiffers(expected: layout.sealedSize, actual: UInt64(payload.count))
        }
        precondition(layout.count == 1, "more than a segment")
        try leaves.check(MerkleHash.leaf(payload), of: 0, layout)
    }

    /// Ends the intake; returns when the whole payload is durable under its size.
    /// - Throws: `EnvelopeError.sizeDiffers` when bytes are missing.
    package func finish() async throws(EnvelopeError) { _ = try await work.request(.finish) }
}

/// A segment while its sealed bytes come together.
private struct Arriving: Sendable {
    let index: UInt64
    let slot: Slot
    let place: Range<Int>
    var count = 0

    mutating func copy(_ bytes: some Collection<UInt8>, from offset: Int) -> Int {
        let copied = slot.sealed.copy(
            bytes, from: offset, to: place.lowerBound + count..<place.upperBound)
        count += copied
        return copied
    }

    var isFull: Bool { count == place.count }
}

/// What the threads of one intake share.
private final class IntakeWork: Sendable {
    private static let threadsMax = 2
    private static let slotsMax = 6
    /// Enough for four that are as fast as they can be.
    private static let room = SlotRoom(4 * slotsMax)

    enum Request { case sync, finish }

    private typealias Answer = CheckedContinuation<Result<UInt64, EnvelopeError>, Never>

    private enum Job {
        case segment(Arriving)
        case request(Request, Answer)
        case end
    }

    private struct State {
        var free: [Slot]
        var filling: Arriving?
        var filled: [Arriving] = []
        /// Segments that a thread has in hand.
        var working = 0
        var next: UInt64
        var received: UInt64
        var roots: SubtreeRoots
        var failure: EnvelopeError?
        var isEnded = false
        var producer: CheckedContinuation<Void, Never>?
        var request: (Request, Answer)?
    }

    private let layout: SegmentLayout
    private let leaves: Leaves
    private let sink: any SegmentSink
    private let monitor: Monitor<State>
    /// How many of `room` it has.
    private let slots: Int

    init(
        layout: SegmentLayout, leaves: Leaves, sink: any SegmentSink, offset: UInt64
    ) throws(EnvelopeError) {
        guard UInt64(leaves.count) == layout.subtreeCount else {
            throw .malformed("leaves", "\(leaves.count) where \(layout.subtreeCount) are needed")
        }
        let next = layout.checkedSegments(before: offset)
        guard offset == (next == layout.count ? layout.sealedSize : layout.leaf(next).lowerBound)
        else { throw .malformed("offset", "\(offset) is not the end of a segment") }
        self.layout = layout
        self.leaves = leaves
        self.sink = sink
        // Two, so that one fills while the other is written.
        slots = Self.room.take(min(Self.slotsMax, Int(layout.count)), atLeast: 2)
        monitor = Monitor(
            State(
                free: (0..<slots).map { _ in Slot(withMessage: false) }, next: next,
                received: offset, roots: SubtreeRoots(layout)))
    }

    deinit { Self.room.giveBack(slots) }

    func start() throws(EnvelopeError) {
        do throws(FileFault) {
            try Crew.start(layout.threads(atMost: Self.threadsMax)) { [self] in run() }
        } catch {
            fail(.file(error))
            throw .file(error)
        }
    }

    func expect(_ count: Int) throws(EnvelopeError) {
        try monitor.quietly { (state) throws(EnvelopeError) in
            if let failure = state.failure { throw failure }
            let total = state.received + UInt64(count)
            guard total <= layout.sealedSize else {
                throw .sizeDiffers(expected: layout.sealedSize, actual: total)
            }
            state.received = total
        }
    }

    func slotToFill() async throws(EnvelopeError) -> Arriving {
        while true {
            if let filling = try takeFilling() { return filling }
            await withTaskCancellationHandler {
                await withCheckedContinuation { continuation in
                    let mustWait = monitor.quietly { state in
                        guard state.free.isEmpty, state.failure == nil else { return false }
                        state.producer = continuation
                        return true
                    }
                    if !mustWait { continuation.resume() }
                }
            } onCancel: {
                fail(.cancelled)
            }
        }
    }

    private func takeFilling() throws(EnvelopeError) -> Arriving? {
        try monitor.quietly { (state) throws(EnvelopeError) in
            if let failure = state.failure { throw failure }
            if let filling = state.filling.take() { return filling }
            return state.free.popLast().map { slot in
                defer { state.next += 1 }
                return Arriving(
                    index: state.next, slot: slot, place: Slot.place(of: layout.leaf(state.next)))
            }
        }
    }

    func handOver(_ filling: Arriving) {
        guard filling.isFull else { return monitor.quietly { $0.filling = filling } }
        monitor.change { $0.filled.append(filling) }
    }

    func fail(_ error: EnvelopeError) {
        let (producer, request) = monitor.change { state in
            if state.failure == nil { state.failure = error }
            return (state.producer.take(), state.request.take())
        }
        producer?.resume()
        request?.1.resume(returning: .failure(error))
    }

    func request(_ request: Request) async throws(EnvelopeError) -> UInt64 {
        let result: Result<UInt64, EnvelopeError> = await withCheckedContinuation { answer in
            let refusal: EnvelopeError? = monitor.change { state in
                if let failure = state.failure { return failure }
                if request == .finish, state.received != layout.sealedSize {
                    return .sizeDiffers(expected: layout.sealedSize, actual: state.received)
                }
                precondition(state.request == nil, "one request at a time")
                state.request = (request, answer)
                return nil
            }
            if let refusal { answer.resume(returning: .failure(refusal)) }
        }
        return try result.get()
    }

    // MARK: The threads' side

    private func run() {
        while true {
            switch nextJob() {
            case .end: return
            case .segment(let segment): finishSegment(segment)
            case .request(let request, let answer): finishRequest(request, answer)
            }
        }
    }

    private func nextJob() -> Job {
        monitor.wait { state in
            if state.failure != nil || state.isEnded { return .end }
            if !state.filled.isEmpty {
                state.working += 1
                return .segment(state.filled.removeFirst())
            }
            guard state.working == 0, let (request, answer) = state.request.take() else {
                return nil
            }
            state.working = 1
            return .request(request, answer)
        }
    }

    private func finishSegment(_ segment: Arriving) {
        do throws(EnvelopeError) { try keep(segment) } catch { fail(error) }
        let producer = monitor.change { state in
            state.working -= 1
            state.free.append(segment.slot)
            return state.producer.take()
        }
        producer?.resume()
    }

    private func keep(_ segment: Arriving) throws(EnvelopeError) {
        let bytes = segment.slot.sealed[segment.place]
        let leaf = bytes.leafHash
        if let (subtree, root) = monitor.quietly({ $0.roots.take(leaf, of: segment.index) }) {
            try leaves.check(root, of: subtree, layout)
        }
        try sink.take(bytes, at: layout.leaf(segment.index).lowerBound)
    }

    private func finishRequest(_ request: Request, _ answer: Answer) {
        let result: Result<UInt64, EnvelopeError>
        do throws(FileFault) {
            switch request {
            case .sync: try sink.sync()
            case .finish: try sink.finish(size: layout.sealedSize)
            }
            result = .success(monitor.quietly(durable))
        } catch { result = .failure(.file(error)) }
        monitor.change { state in
            state.working -= 1
            state.isEnded = state.isEnded || request == .finish
        }
        if case .failure(let error) = result { fail(error) }
        answer.resume(returning: result)
    }

    /// The end of the last subtree that was handed over whole: all of those are written by now.
    private func durable(_ state: inout State) -> UInt64 {
        let whole = layout.wholeSubtrees(state.next - (state.filling == nil ? 0 : 1))
        return whole == layout.count ? layout.sealedSize : layout.leaf(whole).lowerBound
    }
}
