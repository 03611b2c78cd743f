package import SelatCore
package import SelatFederation
package import SelatPolicy

extension EditionOwner {
    /// Who must have signed a policy file; nil for the file of a country that is no member.
    package init?(of head: EditionHead, members: Set<Country>) {
        switch head.kind {
        case .country(let country):
            guard members.contains(country) else { return nil }
            self = .member(country)
        case .federation, .vocabulary: self = .members(parties: [])
        case .agreements(let parties): self = .members(parties: Set(parties.values.joined()))
        }
    }
}

extension Federation {
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
