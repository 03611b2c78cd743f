package import SelatCore
package import SelatCrypto
import SelatFederation
import SelatTransport

extension MembershipRegister {
    /// What the transport asks of every TLS peer, by the membership that is in force then.
    package func peerVerification(
        _ side: CertificatePurpose, _ clock: any WallClock
    ) -> TLSPeerVerification {
        { chain in
            guard let leaf = chain.first else { throw CryptoError.openSSL("TLS peer", reasons: []) }
            return try self.federation.verifyPeer(certificateDER: leaf, as: side, at: clock.now())
        }
    }
}
