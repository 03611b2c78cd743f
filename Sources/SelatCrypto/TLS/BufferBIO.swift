// OpenSSL's view of a connection's buffers: a BIO without memory of its own. Reading takes from the
// engine's inbound buffer, writing appends to its outbound buffer, so all memory that a connection
// holds is what the channel's back-pressure lets in.

import COpenSSL
import NIOCore

/// The one BIO method of this kind.
// SAFETY: made once, before any use, and never changed.
final class BufferBIOMethod: @unchecked Sendable {
    static let shared = BufferBIOMethod()

    /// nil only when memory ran out at the first use.
    let pointer: OpaquePointer?

    private init() {
        let type = BIO_get_new_index() | BIO_TYPE_SOURCE_SINK
        pointer = BIO_meth_new(type, "selat buffers")
        BIO_meth_set_read_ex(pointer, readFromBuffer)
        BIO_meth_set_write_ex(pointer, writeToBuffer)
        BIO_meth_set_ctrl(pointer, control)
    }
}

/// The two buffers of one connection.
final class TLSBuffers {
    /// Ciphertext that arrived and was not read by OpenSSL yet.
    var inbound = ByteBuffer()
    /// Ciphertext to send.
    var outbound = ByteBuffer()

    /// A BIO over this object, which must outlive it.
    func makeBIO() -> OpaquePointer? {
        guard let method = BufferBIOMethod.shared.pointer, let bio = BIO_new(method) else {
            return nil
        }
        BIO_set_data(bio, Unmanaged.passUnretained(self).toOpaque())
        BIO_set_init(bio, 1)
        return bio
    }
}

private func buffers(of bio: OpaquePointer?) -> TLSBuffers? {
    BIO_get_data(bio).map { Unmanaged<TLSBuffers>.fromOpaque($0).takeUnretainedValue() }
}

private func readFromBuffer(
    _ bio: OpaquePointer?, _ target: UnsafeMutablePointer<CChar>?, _ size: Int,
    _ count: UnsafeMutablePointer<Int>?
) -> Int32 {
    selat_BIO_clear_retry_flags(bio)
    guard let target, let count, let buffers = buffers(of: bio) else { return 0 }
    guard buffers.inbound.readableBytes > 0 else {
        // Empty means "not yet", not "the end": without the flag OpenSSL would give up.
        selat_BIO_set_retry_read(bio)
        return 0
    }
    count.pointee = buffers.inbound.readWithUnsafeReadableBytes { source in
        let taken = min(size, source.count)
        UnsafeMutableRawBufferPointer(start: target, count: taken)
            .copyMemory(from: UnsafeRawBufferPointer(rebasing: source[..<taken]))
        return taken
    }
    return 1
}

private func writeToBuffer(
    _ bio: OpaquePointer?, _ source: UnsafePointer<CChar>?, _ size: Int,
    _ count: UnsafeMutablePointer<Int>?
) -> Int32 {
    guard let source, let count, let buffers = buffers(of: bio) else { return 0 }
    buffers.outbound.writeBytes(UnsafeRawBufferPointer(start: source, count: size))
    count.pointee = size
    return 1
}

private func control(
    _ bio: OpaquePointer?, _ command: Int32, _ number: Int, _ pointer: UnsafeMutableRawPointer?
) -> Int {
    // What is written is in the buffer at once, so every flush has succeeded; 0 would be taken for
    // a failed handshake. Everything else, such as kernel TLS, this BIO does not have.
    command == BIO_CTRL_FLUSH ? 1 : 0
}
