import COpenSSL
package import NIOCore
package import SelatCore

/// One TLS connection as bytes in and bytes out, without socket, clock or thread of its own.
///
/// Not for two threads at once: its owner, a channel handler, is confined to an event loop. Each
/// call clears OpenSSL's error queue, calls and drains, with no suspension between.
package final class TLSEngine {
    /// Which end of the connection this is.
    package enum Role: Sendable { case dialling, accepting }

    /// How a read ended, after all that it put into the buffer.
    package enum ReadEnd: Hashable, Sendable {
        /// Everything that arrived has been read.
        case needsMore
        /// The peer said that it sends nothing more.
        case closed
    }

    /// Who the peer is, once its certificate has been accepted.
    package private(set) var peer: NodeID?
    /// DER of that certificate.
    package private(set) var peerCertificate: [UInt8] = []

    private let connection: OpaquePointer
    private let buffers = TLSBuffers()
    private let verification: TLSPeerVerification
    private var refusal: String?
    /// OpenSSL forbids further calls on a connection that has failed.
    private var failure: TLSFault?
    /// The peer's key updates, and the bytes that it has sent, since both were counted from 0 on.
    private var keyUpdates = 0
    private var bytesSinceKeyUpdates = 0

    /// - Throws: `TLSFault.unavailable` when OpenSSL cannot make a connection.
    package init(
        _ context: TLSContext, role: Role, verifyPeer: @escaping TLSPeerVerification
    ) throws(TLSFault) {
        ERR_clear_error()
        guard let connection = SSL_new(context.pointer) else {
            throw .unavailable(CryptoError.drain())
        }
        guard let bio = buffers.makeBIO() else {
            SSL_free(connection)
            throw .unavailable(CryptoError.drain())
        }
        // Takes ownership of the one reference for both directions.
        SSL_set_bio(connection, bio, bio)
        switch role {
        case .dialling: SSL_set_connect_state(connection)
        case .accepting: SSL_set_accept_state(connection)
        }
        self.connection = connection
        verification = verifyPeer
        SSL_set_ex_data(connection, 0, Unmanaged.passUnretained(self).toOpaque())
    }

    deinit { SSL_free(connection) }

    // MARK: Bytes

    /// Takes ciphertext that arrived.
    package func receive(_ ciphertext: ByteBuffer) {
        if buffers.inbound.readableBytes == 0 {
            buffers.inbound = ciphertext
        } else {
            var ciphertext = ciphertext
            buffers.inbound.writeBuffer(&ciphertext)
        }
    }

    /// Ciphertext bytes that wait to be read.
    package var inboundBytes: Int { buffers.inbound.readableBytes }
    /// Ciphertext bytes that wait to be sent.
    package var outboundBytes: Int { buffers.outbound.readableBytes }

    /// Makes room for ciphertext to come, so that appending does not reallocate.
    package func reserveOutbound(_ bytes: Int) {
        buffers.outbound.reserveCapacity(minimumWritableBytes: bytes)
    }

    /// Everything that must be sent now, or nil. To be asked after *every* call: reading may write
    /// (a key update, an alert).
    package func takeOutbound() -> ByteBuffer? {
        guard buffers.outbound.readableBytes > 0 else { return nil }
        defer { buffers.outbound = ByteBuffer() }
        return buffers.outbound
    }

    // MARK: TLS

    /// Goes on with the handshake.
    /// - Returns: whether it is complete on this side; the peer may still refuse.
    package func handshake() throws(TLSFault) -> Bool {
        try check()
        ERR_clear_error()
        let result = SSL_do_handshake(connection)
        if result == 1 { return true }
        guard SSL_get_error(connection, result) == SSL_ERROR_WANT_READ else { throw fail() }
        return false
    }

    /// Decrypts what has arrived into `plaintext`, straight into its writable bytes.
    package func read(into plaintext: inout ByteBuffer) throws(TLSFault) -> ReadEnd {
        try check()
        while true {
            // A record's plaintext is shorter than the record; the rest of a record that OpenSSL
            // already holds fits into one record's size.
            plaintext.reserveCapacity(minimumWritableBytes: Self.recordBytesMax)
            var result: Int32 = 0
            let before = plaintext.writerIndex
            ERR_clear_error()
            plaintext.writeWithUnsafeMutableBytes(minimumWritableBytes: Self.recordBytesMax) {
                target in
                var count = 0
                result = SSL_read_ex(connection, target.baseAddress, target.count, &count)
                return result == 1 ? count : 0
            }
            if result == 1 {
                countBytes(plaintext.writerIndex - before)
                continue
            }
            // Asked first: the call that ends here may have answered hundreds of them.
            guard keyUpdates <= Self.keyUpdatesMax else { throw fail(.tooManyKeyUpdates) }
            switch SSL_get_error(connection, result) {
            case SSL_ERROR_WANT_READ: return .needsMore
            case SSL_ERROR_ZERO_RETURN: return .closed
            default: throw fail()
            }
        }
    }

    /// Encrypts all of `plaintext` into the outbound buffer.
    package func write(_ plaintext: UnsafeRawBufferPointer) throws(TLSFault) {
        try check()
        guard !plaintext.isEmpty else { return }
        ERR_clear_error()
        var count = 0
        let result = SSL_write_ex(connection, plaintext.baseAddress, plaintext.count, &count)
        // The BIO takes everything, so one call writes all.
        guard result == 1, count == plaintext.count else { throw fail() }
    }

    /// Changes the own key and asks the peer to change its own. No node does so; tests play one that
    /// does.
    package func updateKeys() throws(TLSFault) {
        try check()
        ERR_clear_error()
        guard SSL_key_update(connection, SSL_KEY_UPDATE_REQUESTED) == 1,
            SSL_do_handshake(connection) == 1
        else { throw fail() }
    }

    /// Puts the closing alert into the outbound buffer.
    package func close() {
        guard failure == nil, SSL_is_init_finished(connection) == 1 else { return }
        ERR_clear_error()
        SSL_shutdown(connection)
        ERR_clear_error()
    }

    /// Judges the presented certificates; called by OpenSSL from within `handshake`.
    func judge(_ chain: [[UInt8]]) -> Bool {
        do {
            peer = try verification(chain)
            peerCertificate = chain.first ?? []
            return true
        } catch {
            refusal = "\(error)"
            return false
        }
    }

    /// Counts a key update of the peer; called by OpenSSL from within `read`.
    func hearKeyUpdate() { keyUpdates += 1 }

    private func countBytes(_ count: Int) {
        guard keyUpdates <= Self.keyUpdatesMax else { return }
        bytesSinceKeyUpdates += count
        guard bytesSinceKeyUpdates >= Self.keyUpdateBytes else { return }
        bytesSinceKeyUpdates = 0
        keyUpdates = 0
    }

    private func check() throws(TLSFault) { if let failure { throw failure } }

    private func fail() -> TLSFault {
        let drained = TLSFault.drained()
        return fail(refusal.map { TLSFault.peerRefused($0) } ?? drained)
    }

    private func fail(_ fault: TLSFault) -> TLSFault {
        failure = fault
        return fault
    }

    /// Key updates that a peer may send with each `keyUpdateBytes` of its data. Each may ask for one in
    /// return: a peer that sends nothing else and reads nothing would fill the outbound buffer without
    /// end. A key lasts for far more than that.
    static let keyUpdatesMax = 32
    static let keyUpdateBytes = 1 << 20

    /// The plaintext of one record at most (RFC 8446, 5.1).
    package static let recordBytesMax = 16 << 10
    /// What a record adds to its plaintext: header, inner type and tag.
    package static let recordOverheadBytes = 22
}
