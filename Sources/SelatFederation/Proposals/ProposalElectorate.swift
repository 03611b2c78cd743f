package import SelatCore
package import SelatCrypto

/// Whose signatures may stand on a proposal: the authorities of the members whom it concerns.
package struct ProposalElectorate: Sendable {
    private let proposal: Proposal
    private let members: [(member: MembershipList.Member, anchors: TrustAnchors)]

    /// The authorities of the list in force and, for a list, of the one proposed; for a record those
    /// of its member.
    /// - Throws: `FederationError.notTrusted` for CAs that are none.
    package init(of proposal: Proposal, in federation: Federation) throws(FederationError) {
        var members: [(MembershipList.Member, TrustAnchors)] = []
        for member in federation.members {
            members.append((member, try federation.tlsAnchors(for: member.country)))
        }
        switch proposal {
        case .record(let record):
            members = members.filter { $0.0.country == record.country }
        case .list(let next):
            for member in next.members {
                let held = federation.members.first { $0.country == member.country }
                let anchors =
                    held?.anchors == member.anchors
                    ? try federation.tlsAnchors(for: member.country) : try Self.anchors(of: member)
                members.append((member, anchors))
            }
        }
        self.proposal = proposal
        self.members = members
    }

    /// The authorities of a first list, which vouches for itself.
    /// - Throws: `FederationError.notTrusted` for CAs that are none.
    package init(ofFirst list: MembershipList) throws(FederationError) {
        proposal = .list(list)
        var members: [(MembershipList.Member, TrustAnchors)] = []
        for member in list.members { members.append((member, try Self.anchors(of: member))) }
        self.members = members
    }

    /// A new member, or new CAs, have no revocation list yet.
    private static func anchors(
        of member: MembershipList.Member
    ) throws(FederationError) -> TrustAnchors {
        do throws(CryptoError) {
            return try TrustAnchors(
                country: member.country, anchors: member.anchors, revocationLists: [])
        } catch {
            throw .notTrusted("CAs of `\(member.country)`", error)
        }
    }

    /// Checks that a certificate's owner may sign the proposal now.
    /// - Throws: `FederationError.contradiction` unless a list names it; `.notTrusted`.
    package func require(_ certificate: Certificate, at time: Timestamp) throws(FederationError) {
        let names = members.flatMap(\.member.authorities)
        guard names.contains(certificate) else { throw stranger(certificate.description) }
        _ = try authority(CMS.SignerName(of: certificate), at: time)
    }

    /// Whose good signatures a message bears; nobody's where there is none.
    func signers(
        of message: [UInt8]?, at time: Timestamp
    ) throws(FederationError) -> Set<Certificate> {
        guard let message else { return [] }
        do {
            let found = try CMS.verifyNamed(message, type: proposal.type) {
                try authority($0, at: time)
            }
            guard found.content == proposal.json.canonical else {
                throw FederationError.contradiction(
                    proposal.description, reason: "the signatures are over another one")
            }
            return Set(found.signatures.map(\.certificate.certificate))
        } catch let error as CryptoError {
            throw .notTrusted(proposal.description, error)
        } catch let error as FederationError {
            throw error
        } catch {
            throw .contradiction(proposal.description, reason: "\(error)")
        }
    }

    private func authority(
        _ name: CMS.SignerName, at time: Timestamp
    ) throws(FederationError) -> VerifiedCertificate {
        for (member, anchors) in members {
            guard let found = member.authorities.first(where: { CMS.SignerName(of: $0) == name })
            else { continue }
            do throws(CryptoError) {
                return try anchors.verify(found, purpose: .authority, at: time)
            } catch {
                throw .notTrusted("authority of `\(member.country)`", error)
            }
        }
        throw stranger(name.description)
    }

    private func stranger(_ name: String) -> FederationError {
        .contradiction(
            proposal.description,
            reason: "`\(name)` is no authority of a member who may sign it")
    }
}
