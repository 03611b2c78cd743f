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

    /// What the server asks of whoever connects: it lets in too whom the members have cut off, for the
    /// documents that say so (`Membership.md`, *What a change does*).
    package func admission(_ clock: any WallClock) -> TLSPeerVerification {
        let verifyPeer = peerVerification(.tlsClient, clock)
        return { chain in
            do {
                return try verifyPeer(chain)
            } catch {
                guard let leaf = chain.first else { throw error }
                let cut = try? self.federation.verifyCutPeer(
                    certificateDER: leaf, at: clock.now())
                guard let cut else { throw error }
                return cut
            }
        }
    }

    /// Why a node that is let in is answered nothing but documents; nil for any other.
    package func cutOff(_ node: NodeID) -> String? {
        federation.list.cut(of: node).map { FederationError.cut(node, by: $0).description }
    }
}

extension Exchange {
    /// What the server asks of whoever connects. That a node does is news for those who wait for it.
    package var admission: TLSPeerVerification {
        let admission = membership.admission(clock)
        return { [peers] chain in
            let node = try admission(chain)
            Task { await peers.hear(from: node) }
            return node
        }
    }
}
