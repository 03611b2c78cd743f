import COpenSSL

/// The settings of every TLS connection of a node, with its identity: TLS 1.3 only, mutual, without
/// tickets, session cache and early data.
// SAFETY: the SSL_CTX is not changed after `init`, and OpenSSL counts its references atomically.
package final class TLSContext: @unchecked Sendable {
    let pointer: OpaquePointer

    /// - Throws: `CryptoError.openSSL` when certificate and key do not belong together or are too
    ///   weak (OpenSSL's security level 2).
    package init(_ identity: TLSIdentity) throws(CryptoError) {
        let context = try CryptoError.checked("making a TLS context") { SSL_CTX_new(TLS_method()) }
        do throws(CryptoError) {
            try Self.restrict(context)
            try Self.install(identity, in: context)
        } catch {
            SSL_CTX_free(context)
            throw error
        }
        pointer = context
    }

    deinit { SSL_CTX_free(pointer) }

    private static func restrict(_ context: OpaquePointer) throws(CryptoError) {
        SSL_CTX_set_security_level(context, 2)
        selat_SSL_CTX_no_session_cache(context)
        selat_SSL_CTX_set_max_cert_list(context, certificatesBytesMax)
        try CryptoError.positive("restricting TLS") {
            guard selat_SSL_CTX_only_tls13(context) > 0,
                SSL_CTX_set_num_tickets(context, 0) > 0,
                SSL_CTX_set_max_early_data(context, 0) > 0,
                SSL_CTX_set_ciphersuites(context, "TLS_AES_256_GCM_SHA384") > 0,
                selat_SSL_CTX_set1_groups_list(context, "P-256:X25519:P-384") > 0
            else { return 0 }
            return selat_SSL_CTX_set1_sigalgs_list(
                context, "ECDSA+SHA256:ECDSA+SHA384:ed25519")
        }
        // The callback replaces OpenSSL's own path building altogether: trust is the federation's.
        let mode = SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT
        SSL_CTX_set_verify(context, mode, nil)
        SSL_CTX_set_cert_verify_callback(context, { store, _ in verifyPeer(store) }, nil)
        SSL_CTX_set_msg_callback(context) { isWritten, _, kind, message, count, connection, _ in
            guard isWritten == 0, kind == SSL3_RT_HANDSHAKE, count > 0, let message, let connection
            else { return }
            hear(message.load(as: UInt8.self), from: connection)
        }
    }

    private static func install(
        _ identity: TLSIdentity, in context: OpaquePointer
    ) throws(CryptoError) {
        try CryptoError.positive("loading the TLS identity") {
            guard SSL_CTX_use_certificate(context, identity.certificate.pointer) > 0,
                SSL_CTX_use_PrivateKey(context, identity.key.pointer) > 0,
                SSL_CTX_check_private_key(context) > 0
            else { return 0 }
            for certificate in identity.intermediates {
                guard selat_SSL_CTX_add1_chain_cert(context, certificate.pointer) > 0 else {
                    return 0
                }
            }
            return 1
        }
    }

    /// All certificates that a peer presents.
    private static let certificatesBytesMax = 32 << 10
}

/// Hands the presented certificates to the engine of this connection; 1 accepts, 0 refuses.
private func verifyPeer(_ store: OpaquePointer?) -> Int32 {
    guard let store,
        let connection = X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx()),
        let state = SSL_get_ex_data(OpaquePointer(connection), 0)
    else { return 0 }
    let engine = Unmanaged<TLSEngine>.fromOpaque(state).takeUnretainedValue()
    let accepted = engine.judge(presentedChain(store))
    if !accepted { X509_STORE_CTX_set_error(store, X509_V_ERR_APPLICATION_VERIFICATION) }
    return accepted ? 1 : 0
}

/// Tells the engine of this connection of a key update, the only message that is counted.
private func hear(_ type: UInt8, from connection: OpaquePointer) {
    guard type == UInt8(SSL3_MT_KEY_UPDATE), let state = SSL_get_ex_data(connection, 0) else {
        return
    }
    Unmanaged<TLSEngine>.fromOpaque(state).takeUnretainedValue().hearKeyUpdate()
}

/// The certificates as the peer sent them, DER, its own first; none where one of them cannot be written: without it
/// another would come first.
private func presentedChain(_ store: OpaquePointer) -> [[UInt8]] {
    guard let stack = X509_STORE_CTX_get0_untrusted(store) else { return [] }
    var chain: [[UInt8]] = []
    for index in 0..<selat_sk_X509_num(stack) {
        let certificate = selat_sk_X509_value(stack, index)
        let size = i2d_X509(certificate, nil)
        guard size > 0 else { return [] }
        chain.append(
            [UInt8](unsafeUninitializedCapacity: Int(size)) { buffer, count in
                var next = buffer.baseAddress
                count = Int(i2d_X509(certificate, &next))
            })
    }
    return chain
}
