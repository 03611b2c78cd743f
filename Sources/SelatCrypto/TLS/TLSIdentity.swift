package import SelatCore

/// What a node proves itself with in TLS: its certificate, what leads from it to its country's CA,
/// and the key.
package struct TLSIdentity: Sendable {
    /// The node's own certificate.
    package let certificate: Certificate
    /// What leads from it to the country's CA, without the root.
    let intermediates: [Certificate]
    let key: PrivateKey

    package init(certificate: Certificate, intermediates: [Certificate] = [], key: PrivateKey) {
        self.certificate = certificate
        self.intermediates = intermediates
        self.key = key
    }
}

/// Decides which node a TLS peer is.
///
/// Called inside the handshake with the certificates that the peer presented, DER, its own first,
/// so that a refused peer gets an alert and no connection. It must not block.
/// - Throws: refuses the peer; `TLSFault.peerRefused` carries the reason.
package typealias TLSPeerVerification = @Sendable (_ chain: [[UInt8]]) throws -> NodeID
