package import SelatCore
import SelatCrypto
package import SelatPolicy

/// Seals one payload into a sink while its plaintext arrives (Format, *Payload*).
///
/// Up to four threads seal and write, so that two cores seal while the disk takes what is sealed; memory
/// is six segments, whatever the size, and two beside another; plaintext that the threads read themselves never lies
/// there whole. A sealing that fails, is cancelled or is
/// dropped throws away what the sink holds; its content key must never seal other bytes, because a second
/// read of a changed file under one key would break GCM.
package final class PayloadSealer: Sendable {
    private let work: SealingWork

    /// Begins a sealing.
    /// - Parameters:
    ///   - permit: the proof that policy lets this dataset be sealed.
    ///   - messageSize: the plaintext's bytes, exactly.
    package convenience init(
        permit: Permit, core: EnvelopeCore, contentKey: ContentKey, messageSize: UInt64,
        sink: any SegmentSink
    ) throws(EnvelopeError) {
        try self.init(core: core, contentKey: contentKey, messageSize: messageSize, sink: sink)
    }

    /// Only `init(permit:…)` calls this, and tests and benchmarks that need no policy.
    init(
        core: EnvelopeCore, contentKey: ContentKey, messageSize: UInt64, sink: any SegmentSink,
        salt: [UInt8] = Random.bytes(ChunkedEncryption.saltBytes),
        subtreesMax: UInt64 = SegmentLayout.subtreesMax
    ) throws(EnvelopeError) {
        work = SealingWork(
            layout: try SegmentLayout(messageSize: messageSize, subtreesMax: subtreesMax),
            key: try Self.chunkKey(core, contentKey, salt), sink: sink, source: nil)
        try work.start()
    }

    deinit { work.fail(.cancelled) }

    /// Takes the next bytes; returns when they are copied. Waits while all segments are on their
    /// way.
    ///
    /// One call at a time. A cancelled task cancels the sealing.
    /// - Throws: `EnvelopeError` of the sealing, whichever byte it concerns.
    package func append(_ bytes: some Collection<UInt8> & Sendable) async throws(EnvelopeError) {
        try work.expect(bytes.count)
        var offset = 0
        while offset < bytes.count {
            var filling = try await work.slotToFill()
            offset += filling.copy(bytes, from: offset)
            work.handOver(filling)
        }
    }

    /// Ends the sealing; returns when all is durable.
    /// - Throws: `EnvelopeError.sizeDiffers` when bytes are missing.
    package func finish() async throws(EnvelopeError) -> SealedPayload {
        try work.close()
        return try await work.outcome()
    }

    /// Ends the sealing without a result; returns when what the sink held is thrown away, so that
    /// another may be made in its place.
    package func cancel() async {
        work.fail(.cancelled)
        _ = try? await work.outcome()
    }

    /// Seals a payload whose plaintext can be read at any place; the threads read it themselves, each byte once.
    /// - Parameter turn: waits until the next segment may be sealed. What it throws ends the sealing.
    package static func seal(
        _ source: any SegmentSource, permit: Permit, core: EnvelopeCore, contentKey: ContentKey,
        messageSize: UInt64, sink: any SegmentSink,
        turn: nonisolated(nonsending) () async throws -> Void = {}
    ) async throws -> SealedPayload {
        try await seal(
            source, core: core, contentKey: contentKey, messageSize: messageSize, sink: sink,
            turn: turn)
    }

    /// Seals a payload of one segment that is at hand, without threads and without a sink.
    /// - Returns: the sealed bytes, and what they are.
    package static func seal(
        _ message: [UInt8], permit: Permit, core: EnvelopeCore, contentKey: ContentKey
    ) throws(EnvelopeError) -> (bytes: [UInt8], payload: SealedPayload) {
        precondition(message.count <= SegmentLayout.messageBytes, "more than a segment")
        let (secret, context) = (contentKey.secret, ContentKey.payloadContext(core))
        let sealed = try withCrypto { () throws(CryptoError) in
            try ChunkedEncryption.seal(message, key: secret, context: context)
        }
        let leaves = Leaves(computed: MerkleHash.leaf(sealed).bytes)
        return (sealed, SealedPayload(sealedSize: UInt64(sealed.count), leaves: leaves))
    }

    static func seal(
        _ source: any SegmentSource, core: EnvelopeCore, contentKey: ContentKey,
        messageSize: UInt64, sink: any SegmentSink,
        turn: nonisolated(nonsending) () async throws -> Void = {}
    ) async throws -> SealedPayload {
        let layout = try SegmentLayout(messageSize: messageSize)
        let work = SealingWork(
            layout: layout,
            key: try chunkKey(core, contentKey, Random.bytes(ChunkedEncryption.saltBytes)),
            sink: sink, source: source)
        try work.start()
        do {
            for _ in 0..<layout.count {
                try await turn()
                work.handOver(try await work.slotToRead())
            }
        } catch {
            // The first cause stays where the sealing itself had failed.
            work.fail(.cancelled)
            _ = try? await work.outcome()
            throw error
        }
        try work.close()
        return try await work.outcome()
    }

    private static func chunkKey(
        _ core: EnvelopeCore, _ contentKey: ContentKey, _ salt: [UInt8]
    ) throws(EnvelopeError) -> ChunkKey {
        try withCrypto { () throws(CryptoError) in
            try ChunkKey(
                contentKey.secret, salt: salt, context: ContentKey.payloadContext(core))
        }
    }
}

/// A segment while its plaintext comes together.
struct Filling: Sendable {
    let index: UInt64
    let slot: Slot
    /// Bytes it has and needs.
    var count: Int
    let size: Int

    mutating func copy(_ bytes: some Collection<UInt8>, from offset: Int) -> Int {
        let copied = slot.message.copy(bytes, from: offset, to: count..<size)
        count += copied
        return copied
    }

    var isFull: Bool { count == size }
}

/// What the threads of one sealing share.
private final class SealingWork: Sendable {
    private static let threadsMax = 4
    private static let slotsMax = 6
    private static let slotsMin = 2
    /// What makes one as fast as it can be. Another beside it goes on with the least, and takes what the
    /// first leaves.
    private static let room = SlotRoom(slotsMax)

    private struct State {
        var free: [Slot]
        /// How many of `room` it has.
        var slots: Int
        /// The segment that the producer fills, when it does not have it in hand.
        var filling: Filling?
        var filled: [Filling] = []
        var next: UInt64 = 0
        var received: UInt64 = 0
        var roots: SubtreeRoots
        var leaves: [UInt8]
        var isClosed = false
        var failure: EnvelopeError?
        var threads: Int
        var producer: CheckedContinuation<Void, Never>?
        var waiter: CheckedContinuation<Result<SealedPayload, EnvelopeError>, Never>?
        var result: Result<SealedPayload, EnvelopeError>?
    }

    private let layout: SegmentLayout
    private let key: ChunkKey
    private let sink: any SegmentSink
    private let source: (any SegmentSource)?
    private let monitor: Monitor<State>

    init(
        layout: SegmentLayout, key: ChunkKey, sink: any SegmentSink,
        source: (any SegmentSource)?
    ) {
        self.layout = layout
        self.key = key
        self.sink = sink
        self.source = source
        let slots =
            layout.count == 1 ? 1 : Self.room.take(Self.most(layout), atLeast: Self.slotsMin)
        monitor = Monitor(
            State(
                free: (0..<slots).map { _ in Slot(withMessage: source == nil) },
                slots: layout.count == 1 ? 0 : slots,
                roots: SubtreeRoots(layout),
                leaves: [UInt8](repeating: 0, count: Int(layout.subtreeCount) * 32),
                threads: layout.threads(atMost: Self.threadsMax)))
    }

    deinit { giveBack() }

    private static func most(_ layout: SegmentLayout) -> Int { min(slotsMax, Int(layout.count)) }

    /// One more, where others have left some meanwhile.
    private func grown(_ state: inout State) -> Slot? {
        guard (1..<Self.most(layout)).contains(state.slots), Self.room.takeOne() else { return nil }
        state.slots += 1
        return Slot(withMessage: source == nil)
    }

    private func giveBack() {
        Self.room.giveBack(
            monitor.change { state in
                defer { state.slots = 0 }
                return state.slots
            })
    }

    func start() throws(EnvelopeError) {
        do throws(FileFault) {
            try Crew.start(layout.threads(atMost: Self.threadsMax)) { [self] in run() }
        } catch {
            // Threads that did start end at the failure; the last of a full crew would discard.
            fail(.file(error))
            sink.discard()
            throw .file(error)
        }
    }

    // MARK: The producer's side

    func expect(_ count: Int) throws(EnvelopeError) {
        let excess: EnvelopeError? = try monitor.quietly { (state) throws(EnvelopeError) in
            if let failure = state.failure { throw failure }
            let total = state.received + UInt64(count)
            guard total <= layout.messageSize else {
                return .sizeDiffers(expected: layout.messageSize, actual: total)
            }
            state.received = total
            return nil
        }
        if let excess {
            fail(excess)
            throw excess
        }
    }

    func slotToFill() async throws(EnvelopeError) -> Filling {
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

    private func takeFilling() throws(EnvelopeError) -> Filling? {
        try monitor.quietly { (state) throws(EnvelopeError) in
            if let failure = state.failure { throw failure }
            if let filling = state.filling {
                state.filling = nil
                return filling
            }
            return (state.free.popLast() ?? grown(&state)).map { slot in
                defer { state.next += 1 }
                return Filling(
                    index: state.next, slot: slot, count: 0, size: layout.message(state.next).count)
            }
        }
    }

    /// A segment that a thread fills from the source.
    func slotToRead() async throws(EnvelopeError) -> Filling {
        var filling = try await slotToFill()
        try expect(filling.size)
        filling.count = filling.size
        return filling
    }

    func handOver(_ filling: Filling) {
        guard filling.isFull else { return monitor.quietly { $0.filling = filling } }
        monitor.change { $0.filled.append(filling) }
    }

    func close() throws(EnvelopeError) {
        try monitor.change { (state) throws(EnvelopeError) in
            if let failure = state.failure { throw failure }
            guard state.received == layout.messageSize else {
                let error = EnvelopeError.sizeDiffers(
                    expected: layout.messageSize, actual: state.received)
                state.failure = error
                throw error
            }
            state.isClosed = true
        }
    }

    func fail(_ error: EnvelopeError) {
        let producer = monitor.change { state in
            if state.failure == nil { state.failure = error }
            return state.producer.take()
        }
        producer?.resume()
    }

    func outcome() async throws(EnvelopeError) -> SealedPayload {
        let result = await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let result = monitor.change { state in
                    if state.result == nil { state.waiter = continuation }
                    return state.result
                }
                if let result { continuation.resume(returning: result) }
            }
        } onCancel: {
            fail(.cancelled)
        }
        return try result.get()
    }

    // MARK: The threads' side

    private func run() {
        do throws(EnvelopeError) { try sealSegments() } catch { fail(error) }
        let isLast = monitor.change { state in
            state.threads -= 1
            return state.threads == 0
        }
        if isLast { settle() }
    }

    private func sealSegments() throws(EnvelopeError) {
        let cipher = try withCrypto { () throws(CryptoError) in try ChunkCipher(sealing: key) }
        var hasher = SHA256()
        let reading = source.map { Reading(source: $0, memory: PageMemory(count: Self.runBytes)) }
        while let filling = nextSegment() {
            let leaf = try seal(filling, reading, cipher, &hasher)
            let producer = monitor.change { state in
                if let (subtree, root) = state.roots.take(leaf, of: filling.index) {
                    let start = Int(subtree) * 32
                    state.leaves.replaceSubrange(start..<start + 32, with: root.bytes)
                }
                state.free.append(filling.slot)
                return state.producer.take()
            }
            producer?.resume()
        }
    }

    /// - Returns: nil when there is nothing left to do.
    private func nextSegment() -> Filling? {
        monitor.wait { (state) -> Filling?? in
            if state.failure != nil { return .some(nil) }
            if state.isClosed && state.filled.isEmpty { return claim(&state) }
            return state.filled.isEmpty ? nil : .some(state.filled.removeFirst())
        }
    }

    /// Claims a segment that no producer fills: the last one, where it has no plaintext.
    private func claim(_ state: inout State) -> Filling?? {
        guard state.next < layout.count else { return .some(nil) }
        guard let slot = state.free.popLast() else { return nil }
        defer { state.next += 1 }
        let size = layout.message(state.next).count
        return Filling(index: state.next, slot: slot, count: size, size: size)
    }

    /// What one thread reads plaintext into, a few chunks at a time: they are sealed while they lie in the
    /// processor's cache.
    private struct Reading {
        let source: any SegmentSource
        let memory: PageMemory
    }

    private static let runChunks = 8
    private static let runBytes = runChunks * ChunkedEncryption.chunkBytes

    private func seal(
        _ filling: Filling, _ reading: Reading?, _ cipher: borrowing ChunkCipher,
        _ hasher: inout SHA256
    ) throws(EnvelopeError) -> Digest {
        let range = layout.leaf(filling.index)
        let place = Slot.place(of: range)
        let slot = filling.slot
        var chunks = place
        hasher.beginLeaf()
        if filling.index == 0 {
            slot.sealed[place].copyBytes(from: key.header)
            hasher.update(key.header)
            chunks = place.lowerBound + key.header.count..<place.upperBound
        }
        let first = layout.firstChunk(filling.index)
        if let reading {
            try seal(filling, reading, from: first, into: slot.sealed[chunks], cipher, &hasher)
        } else {
            try cipher.seal(
                slot.message[0..<filling.size], from: first, into: slot.sealed[chunks],
                hashing: &hasher)
        }
        let leaf = hasher.finish()
        try sink.take(slot.sealed[place], at: range.lowerBound)
        return leaf
    }

    private func seal(
        _ filling: Filling, _ reading: Reading, from first: UInt64,
        into sealed: UnsafeMutableRawBufferPointer, _ cipher: borrowing ChunkCipher,
        _ hasher: inout SHA256
    ) throws(EnvelopeError) {
        let message = layout.message(filling.index)
        let sealedRun = Self.runChunks * ChunkedEncryption.sealedChunkBytes
        // A run without plaintext is the empty chunk that ends a payload of whole chunks.
        for (run, start) in stride(from: 0, to: sealed.count, by: sealedRun).enumerated() {
            let offset = run * Self.runBytes
            let size = min(Self.runBytes, filling.size - offset)
            if size > 0 {
                let begin = message.lowerBound + UInt64(offset)
                // Runs begin at whole blocks, so the bytes stand at the beginning.
                _ = try reading.memory.fill(from: reading.source, begin..<begin + UInt64(size))
            }
            let target = sealed[start..<min(start + sealedRun, sealed.count)]
            try cipher.seal(
                reading.memory[0..<size], from: first + UInt64(run * Self.runChunks),
                into: UnsafeMutableRawBufferPointer(rebasing: target), hashing: &hasher)
        }
    }

    /// Runs once, on the last thread: makes the payload durable, or throws it away.
    private func settle() {
        let (failure, leaves) = monitor.change { state in
            state.free = []
            return (state.failure, state.leaves)
        }
        giveBack()
        let result: Result<SealedPayload, EnvelopeError>
        if let failure {
            result = .failure(failure)
        } else {
            do throws(FileFault) {
                try sink.finish(size: layout.sealedSize)
                result = .success(
                    SealedPayload(
                        sealedSize: layout.sealedSize, leaves: Leaves(computed: leaves)))
            } catch { result = .failure(.file(error)) }
        }
        if case .failure = result { sink.discard() }
        let waiter = monitor.change { state in
            state.result = result
            return state.waiter.take()
        }
        waiter?.resume(returning: result)
    }
}

extension Optional {
    /// The value, which is gone afterwards.
    mutating func take() -> Wrapped? {
        defer { self = nil }
        return self
    }
}
