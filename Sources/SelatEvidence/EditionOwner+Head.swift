package import SelatCore
package import SelatFederation
package import SelatPolicy

extension EditionOwner {
    /// Who must have signed a policy file; nil for the file of a country that is no member.
    package init?(of head: EditionHead, in federation: Federation) {
        switch head.kind {
        case .country(let country):
            guard federation.list.member(country) != nil else { return nil }
            self = .member(country)
        case .federation, .vocabulary: self = .members(parties: [])
        case .agreements:
            self = .members(
                parties: head.signatories(
                    among: Set(federation.members.map(\.country)),
                    standing: federation.standingMembers))
        }
    }
}

extension Federation {
    /// The instruments that count in an edition that is signed as it must be: by the file and the
    /// contents of the lists alone, which are the same at every node (`Format.md`, *Policy editions*).
    package func instruments(countingIn head: EditionHead) -> Set<String> {
        head.instruments(among: Set(members.map(\.country)), standing: standingMembers)
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
