package import SelatCore
import SelatCrypto

/// Opens a sealed payload (Format, *Payload*): the key commitment first, then every chunk by its
/// tag.
///
/// Up to four threads read ahead and open; whoever pulls gets the plaintext in order. The first failure
/// ends it: no byte after it is handed out.
package final class PayloadOpener: Sendable {
    private let work: OpeningWork

    /// - Parameter size: sealed bytes, as the verified header says.
    package convenience init(
        _ source: any SegmentSource, size: UInt64, core: EnvelopeCore, contentKey: ContentKey
    ) throws(EnvelopeError) {
        try self.init(source, size: size, core: core, contentKey: contentKey, into: nil)
    }

    private init(
        _ source: any SegmentSource, size: UInt64, core: EnvelopeCore, contentKey: ContentKey,
        into sink: (any SegmentSink)?
    ) throws(EnvelopeError) {
        work = OpeningWork(
            layout: try SegmentLayout(sealedSize: size), core: core, contentKey: contentKey,
            source: source, sink: sink)
        try work.start()
    }

    deinit { work.fail(.cancelled) }

    /// The next bytes of the plaintext, at most 1 MiB; nil at its authenticated end.
    ///
    /// One call at a time. A cancelled task ends the opening.
    package func next() async throws(EnvelopeError) -> [UInt8]? {
        try await next { bytes in bytes.withUnsafeBytes { [UInt8]($0) } }
    }

    /// The same, for whoever has another place for the bytes.
    /// - Returns: what `take` made of them; nil at the authenticated end.
    package func next<Taken>(
        _ take: (RawSpan) -> Taken
    ) async throws(EnvelopeError) -> Taken? {
        try await work.next(take)
    }

    /// Opens a whole payload into a sink at the plaintext's offsets; the threads write themselves,
    /// in no particular order. Nothing in the sink may be used before this has returned.
    package static func open(
        _ source: any SegmentSource, size: UInt64, core: EnvelopeCore, contentKey: ContentKey,
        into sink: any SegmentSink
    ) async throws(EnvelopeError) {
        let opener = try PayloadOpener(
            source, size: size, core: core, contentKey: contentKey, into: sink)
        _ = try await opener.work.next { _ in }
    }
}

/// What the threads of one opening share.
private final class OpeningWork: Sendable {
    private static let threadsMax = 4
    private static let slotsMax = 6
    /// Enough for two that are as fast as they can be.
    private static let room = SlotRoom(2 * slotsMax)

    private struct State {
        var free: [Slot]
        var key: ChunkKey?
        var isStarting = false
        /// The next segment to read, and the next to hand out or, with a sink, the number written.
        var next: UInt64 = 0
        var handedOut: UInt64 = 0
        var ready: [UInt64: Slot] = [:]
        var failure: EnvelopeError?
        var reader: CheckedContinuation<Void, Never>?
    }

    private let layout: SegmentLayout
    private let core: EnvelopeCore
    private let contentKey: ContentKey
    private let source: any SegmentSource
    private let sink: (any SegmentSink)?
    private let monitor: Monitor<State>
    /// How many of `room` it has.
    private let slots: Int

    init(
        layout: SegmentLayout, core: EnvelopeCore, contentKey: ContentKey,
        source: any SegmentSource, sink: (any SegmentSink)?
    ) {
        self.layout = layout
        self.core = core
        self.contentKey = contentKey
        self.source = source
        self.sink = sink
        slots = Self.room.take(min(Self.slotsMax, Int(layout.count)), atLeast: 1)
        monitor = Monitor(State(free: (0..<slots).map { _ in Slot(withMessage: true) }))
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

    // MARK: The reader's side

    func next<Taken>(_ take: (RawSpan) -> Taken) async throws(EnvelopeError) -> Taken? {
        while true {
            switch try takeReady() {
            case .end: return nil
            case .segment(let index, let slot):
                defer { monitor.change { state in state.free.append(slot) } }
                let bytes = slot.message[0..<layout.message(index).count]
                if bytes.isEmpty { continue }
                return take(RawSpan(_unsafeBytes: UnsafeRawBufferPointer(bytes)))
            case .wait: await untilChanged()
            }
        }
    }

    private enum Ready {
        case wait, end
        case segment(UInt64, Slot)
    }

    private func takeReady() throws(EnvelopeError) -> Ready {
        try monitor.quietly { (state) throws(EnvelopeError) in
            if let failure = state.failure { throw failure }
            guard state.handedOut < layout.count else { return .end }
            guard let slot = state.ready.removeValue(forKey: state.handedOut) else { return .wait }
            defer { state.handedOut += 1 }
            return .segment(state.handedOut, slot)
        }
    }

    private func untilChanged() async {
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let mustWait = monitor.quietly { state in
                    let isDone = state.handedOut == layout.count
                    guard state.failure == nil, !isDone, state.ready[state.handedOut] == nil
                    else { return false }
                    state.reader = continuation
                    return true
                }
                if !mustWait { continuation.resume() }
            }
        } onCancel: {
            fail(.cancelled)
        }
    }

    func fail(_ error: EnvelopeError) {
        let reader = monitor.change { state in
            if state.failure == nil { state.failure = error }
            return state.reader.take()
        }
        reader?.resume()
    }

    // MARK: The threads' side

    private func run() {
        do throws(EnvelopeError) { try openSegments() } catch { fail(error) }
    }

    private func openSegments() throws(EnvelopeError) {
        guard let key = try chunkKey() else { return }
        let cipher = try withCrypto { () throws(CryptoError) in try ChunkCipher(opening: key) }
        while let (index, slot) = claim() {
            try open(index, in: slot, cipher)
            let reader = monitor.change { state in
                if sink == nil {
                    state.ready[index] = slot
                    return index == state.handedOut ? state.reader.take() : nil
                }
                state.free.append(slot)
                state.handedOut += 1
                return state.handedOut == layout.count ? state.reader.take() : nil
            }
            reader?.resume()
        }
    }

    /// The key, checked against the commitment by the first thread while the others wait.
    /// - Returns: nil after a failure.
    private func chunkKey() throws(EnvelopeError) -> ChunkKey? {
        let known: ChunkKey?? = monitor.wait { (state) -> ChunkKey??? in
            if state.failure != nil { return .some(.some(nil)) }
            if let key = state.key { return .some(.some(key)) }
            if state.isStarting { return nil }
            state.isStarting = true
            return .some(nil)
        }
        if let known { return known }
        let memory = PageMemory(count: SegmentBlocks.bytes)
        let size = ChunkedEncryption.headerBytes
        let at = try memory.fill(from: source, 0..<UInt64(size))
        let header = Array(memory[at..<at + size])
        let key = try withCrypto { () throws(CryptoError) in
            try ChunkKey(
                contentKey.secret, header: header, context: ContentKey.payloadContext(core))
        }
        monitor.change { state in state.key = key }
        return key
    }

    private func claim() -> (UInt64, Slot)? {
        monitor.wait { (state) -> (UInt64, Slot)?? in
            guard state.failure == nil, state.next < layout.count else { return .some(nil) }
            return state.free.popLast().map { slot in
                defer { state.next += 1 }
                return (state.next, slot)
            }
        }
    }

    private func open(
        _ index: UInt64, in slot: Slot, _ cipher: borrowing ChunkCipher
    ) throws(EnvelopeError) {
        let range = layout.leaf(index)
        let start = try slot.sealed.fill(from: source, range)
        let sealed = slot.sealed[start..<start + range.count]
        let header = index == 0 ? ChunkedEncryption.headerBytes : 0
        let message = layout.message(index)
        let plain = slot.message[0..<message.count]
        try cipher.open(
            UnsafeMutableRawBufferPointer(rebasing: sealed[header...]),
            from: layout.firstChunk(index), into: plain)
        if let sink, !message.isEmpty { try sink.take(plain, at: message.lowerBound) }
    }
}
