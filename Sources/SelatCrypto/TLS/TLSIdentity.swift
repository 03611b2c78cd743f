/// What a node proves itself with in TLS: its certificate, what leads from it to its country's CA,
/// and the key.
package struct TLSIdentity: Sendable {
    /// DER; the node's own certificate first, then intermediates, without the root.
    package let certificateChain: [[UInt8]]
    /// The private key of the first certificate, unencrypted PKCS #8 in PEM.
    let privateKeyPEM: [UInt8]

    package init(certificateChain: [[UInt8]], privateKeyPEM: [UInt8]) {
        self.certificateChain = certificateChain
        self.privateKeyPEM = privateKeyPEM
    }
}

/// Decides who a TLS peer is.
///
/// Called inside the handshake with the certificates that the peer presented, DER, its own first.
/// What it throws refuses the peer, and is what the handshake fails with on this side.
package typealias TLSPeerVerification = @Sendable (_ chain: [[UInt8]]) throws -> Void
