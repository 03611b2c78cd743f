package import SelatCore
import SelatCrypto
package import SelatFederation
package import SelatPolicy

extension EditionOwner {
    /// Who must have signed a policy file; nil for the file of a country that is no member.
    /// - Parameters:
    ///   - content: the file's bytes.
    ///   - signatures: DER of the message beside it; nil where there is none.
    package init?(
        of head: EditionHead, content: [UInt8], signatures: [UInt8]?, in federation: Federation
    ) {
        switch head.kind {
        case .country(let country):
            guard federation.list.member(country) != nil else { return nil }
            self = .member(country)
        case .federation, .vocabulary: self = .members(parties: [])
        case .agreements(let parties):
            let signatories = federation.signatories(
                of: head, content: content, signatures: signatures)
            self = .members(parties: signatories.intersection(parties.values.joined()))
        }
    }
}

extension Federation {
    /// The members who sign for the instruments to which they are a party, and between whom alone an
    /// instrument counts: they are members, and have been ever since the edition was made (`Format.md`,
    /// *Policy editions*). Who has joined since, or come back, need not have signed anything.
    /// - Parameters: as for `EditionOwner.init(of:content:signatures:in:)`.
    package func signatories(
        of head: EditionHead, content: [UInt8], signatures: [UInt8]?
    ) -> Set<Country> {
        let signers = signatures.flatMap {
            try? CMS.unverifiedSigners(ofDetached: $0, content: content, type: .policyEdition)
        }
        let first = (signers ?? []).map(\.signingTime).min() ?? head.inForce
        return standingMembers(since: min(first, head.inForce))
    }

    /// Verifies what the parties of an edition's instruments have signed themselves.
    /// - Throws: `FederationError.editionNotSigned` for the first one that does not count.
    package func verifyAgreements(
        in head: EditionHead, file: String, at time: Timestamp
    ) throws(FederationError) {
        for signing in head.signings {
            for signature in signing.signatures {
                let statement = signature.statement
                try verifyAgreement(
                    signature.message, of: signing.instrument, for: statement.party,
                    federation: statement.federation, issued: statement.issued, file: file,
                    at: time)
            }
        }
    }
}
