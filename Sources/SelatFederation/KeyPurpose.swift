package import SelatCore
package import SelatCrypto

/// What a node's key is for. The word names its file, its place in the member record, and what
/// `selat keys rotate` is asked for.
package enum KeyPurpose: String, Hashable, Sendable, CaseIterable {
    case tls, signing, agreement, mlkem, log, witness

    /// What the authority's certificate for the key must be good for; nil for keys that the member
    /// record names as they are.
    package var certificate: CertificatePurpose? {
        switch self {
        case .tls: .tlsServer
        case .signing: .signing
        case .agreement: .agreement
        case .mlkem, .log, .witness: nil
        }
    }

    /// The purposes whose keys an authority certifies.
    package static let certified: [KeyPurpose] = [.tls, .signing, .agreement]

    /// How long a certificate may live, or an ML-KEM key be used: what is sealed to a key is only as old
    /// as that.
    package var daysMax: Int64 { self == .agreement || self == .mlkem ? 90 : 366 }
}

extension KeyPurpose {
    /// Why a certificate that an authority issued does not serve, in words for the one who must ask
    /// for another; nothing where it serves.
    /// - Parameters:
    ///   - key: the public key for which it was asked.
    ///   - anchors: the authorities of the node's country.
    package func faults(
        of certificate: Certificate, for node: NodeID, key: PublicKey, anchors: TrustAnchors,
        at time: Timestamp
    ) -> [String] {
        guard let purpose = self.certificate else {
            return ["a \(rawValue) key has no certificate; the member record names it"]
        }
        var faults: [String] = []
        if certificate.publicKey != key {
            faults.append("it is for another key, \(certificate.publicKey.fingerprint)")
        }
        if certificate.node != node {
            let found = certificate.uris.map { "`\($0)`" }.joined(separator: ", ")
            faults.append(
                "it must name `\(node.uri)` and no other node, and names "
                    + (found.isEmpty ? "nobody" : found)
                    + "; set SELAT_URI=\(node.uri) when issuing")
        }
        let seconds = certificate.notAfter - certificate.notBefore
        if seconds > daysMax * 86_400 {
            faults.append("it lives \(seconds / 86_400) days, and at most \(daysMax) are allowed")
        }
        let sides: [CertificatePurpose] = self == .tls ? [.tlsServer, .tlsClient] : [purpose]
        for side in sides {
            do throws(CryptoError) {
                _ = try anchors.verify(certificate, purpose: side, at: time)
            } catch {
                faults.append(error.reason)
                break
            }
        }
        return faults
    }
}

extension CryptoError {
    /// Without the certificate's name, which the caller has said already.
    fileprivate var reason: String {
        guard case .untrusted(_, _, let reason) = self else { return description }
        return reason
    }
}
