import NIOCore
import SelatCrypto

/// Joins the small writes of one flush into full records and passes large ones through.
///
/// An HTTP head, a piece of body and the end come as three writes; one record carries them.
struct RecordSealer {
    private var pending = CircularBuffer<ByteBuffer>()
    private var promises: [EventLoopPromise<Void>] = []
    /// Plaintext shorter than a record that waits for more of the same flush.
    private var joint = ByteBuffer()

    mutating func append(_ plaintext: ByteBuffer, _ promise: EventLoopPromise<Void>?) {
        pending.append(plaintext)
        if let promise { promises.append(promise) }
    }

    mutating func failAll(_ error: any Error) {
        pending.removeAll()
        let failed = promises
        promises = []
        for promise in failed { promise.fail(error) }
    }

    /// Encrypts everything pending and hands out the ciphertext in pieces of bounded size; the last
    /// one carries the promises of all writes.
    mutating func seal(
        with engine: TLSEngine, send: (ByteBuffer, EventLoopPromise<Void>?) -> Void
    ) throws(TLSFault) {
        while var plaintext = pending.popFirst() {
            while let part = plaintext.readSlice(
                length: min(Self.partBytes, plaintext.readableBytes)), part.readableBytes > 0
            {
                try seal(part, with: engine)
                if engine.outboundBytes >= Self.partBytes, let piece = engine.takeOutbound() {
                    send(piece, nil)
                }
            }
        }
        try sealJoint(with: engine)
        let promise = takePromise()
        if let piece = engine.takeOutbound() {
            send(piece, promise)
        } else if let promise {
            send(ByteBuffer(), promise)
        }
    }

    private mutating func seal(
        _ plaintext: ByteBuffer, with engine: TLSEngine
    ) throws(TLSFault) {
        var plaintext = plaintext
        if joint.readableBytes > 0 {
            let room = TLSEngine.recordBytesMax - joint.readableBytes
            if var part = plaintext.readSlice(length: min(room, plaintext.readableBytes)) {
                joint.writeBuffer(&part)
            }
            if joint.readableBytes == TLSEngine.recordBytesMax { try sealJoint(with: engine) }
        }
        let full = plaintext.readableBytes / TLSEngine.recordBytesMax * TLSEngine.recordBytesMax
        if full > 0 {
            let records = full / TLSEngine.recordBytesMax + 1
            engine.reserveOutbound(
                full + records * TLSEngine.recordOverheadBytes + TLSEngine.recordBytesMax)
            try Self.write(plaintext.readSlice(length: full), with: engine)
        }
        joint.writeBuffer(&plaintext)
    }

    private mutating func sealJoint(with engine: TLSEngine) throws(TLSFault) {
        try Self.write(joint, with: engine)
        joint.clear()
    }

    private static func write(_ plaintext: ByteBuffer?, with engine: TLSEngine) throws(TLSFault) {
        guard let plaintext, plaintext.readableBytes > 0 else { return }
        let outcome: Result<Void, TLSFault> = plaintext.withUnsafeReadableBytes { bytes in
            do throws(TLSFault) {
                return .success(try engine.write(bytes))
            } catch {
                return .failure(error)
            }
        }
        try outcome.get()
    }

    private mutating func takePromise() -> EventLoopPromise<Void>? {
        guard let first = promises.first else { return nil }
        for other in promises.dropFirst() { first.futureResult.cascade(to: other) }
        promises = []
        return first
    }

    /// Plaintext that is encrypted into one buffer: with what each record adds, and one more record, it fits into
    /// 256 KiB. Buffers have powers of two, so that a little more would take twice that.
    private static let partBytes = 14 * TLSEngine.recordBytesMax
}
