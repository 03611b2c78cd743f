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

extension Federation {

    /// The suites of this version that the membership list allows.
    func suites(at time: Timestamp) -> Set<Suite> {
        guard let sunset = list.suites[.p256] else { return [] }
        return sunset.map { time < $0 } ?? true ? [.p256] : []
    }
}

extension Suite {
    /// Whether this is the suite that is asked for, or above it: 2 and 3
    /// are above 1 and not comparable, 4 is above all.
    func satisfies(_ least: Suite) -> Bool {
        self == least || least == .p256 || self == .p384MLKEM1024
    }
}
