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
