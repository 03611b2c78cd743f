package import SelatCore
package import SelatCrypto
package import SelatFederation
package import SelatTransport

extension Federation {
    /// What the transport asks of every TLS peer.
    package func peerVerification(
        _ side: CertificatePurpose, _ clock: any WallClock
    ) -> TLSPeerVerification {
        { chain in
            guard let leaf = chain.first else { throw CryptoError.openSSL("TLS peer", reasons: []) }
            return try self.verifyPeer(certificateDER: leaf, as: side, at: clock.now())
        }
    }

    /// What this node says about its membership list; what it hears is for the gossip to come.
    package var membershipExchange: MembershipExchange {
        let mark = MembershipMark(serial: serial, digest: listDigest)
        return MembershipExchange(ours: { mark }, heard: { _, _ in })
    }
}
