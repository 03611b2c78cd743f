package import SelatCore

/// The signed bytes of a membership, before anything in them is believed.
package struct MembershipDocuments: Sendable {
    /// The lists from the first one on, each the successor of the one before; the last is in force.
    package let lists: [[UInt8]]
    /// `records/CC.cms`; a member without one has no nodes.
    package let records: [Country: [UInt8]]
    /// `crls/CC.crl`, PEM with one list or more.
    package let revocationLists: [Country: [UInt8]]

    package init(
        lists: [[UInt8]], records: [Country: [UInt8]], revocationLists: [Country: [UInt8]]
    ) {
        precondition(!lists.isEmpty, "a membership has a list")
        self.lists = lists
        self.records = records
        self.revocationLists = revocationLists
    }

    package init(
        list: [UInt8], records: [Country: [UInt8]], revocationLists: [Country: [UInt8]]
    ) {
        self.init(lists: [list], records: records, revocationLists: revocationLists)
    }

    /// The list in force.
    package var list: [UInt8] { lists[lists.count - 1] }

    /// Without what speaks for nobody any more: the revocation lists of countries that `list` does not
    /// have, which a member that has left or was cut leaves behind, and all but these records.
    func standing(
        under list: MembershipList, with records: [Country: MemberRecord]
    ) -> MembershipDocuments {
        let countries = Set(list.members.map(\.country))
        return MembershipDocuments(
            lists: lists, records: self.records.filter { records[$0.key] != nil },
            revocationLists: revocationLists.filter { countries.contains($0.key) })
    }
}
