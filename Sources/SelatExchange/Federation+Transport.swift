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

    /// The suites of this version that the membership list allows.
    func suites(at time: Timestamp) -> Set<Suite> {
        guard let sunset = list.suites[.p256] else { return [] }
        return sunset.map { time < $0 } ?? true ? [.p256] : []
    }

    /// What this node says about its membership list; what it hears is for the gossip to come.
    package var membershipExchange: MembershipExchange {
        let mark = MembershipMark(serial: serial, digest: listDigest)
        return MembershipExchange(ours: { mark }, heard: { _, _ in })
    }
}

extension Suite {
    /// Whether this is the suite that is asked for, or above it: 2 and 3
    /// are above 1 and not comparable, 4 is above all.
    func satisfies(_ least: Suite) -> Bool {
        self == least || least == .p256 || self == .p384MLKEM1024
    }
}
