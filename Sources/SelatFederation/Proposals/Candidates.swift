import SelatCore
import SelatCrypto

extension MembershipList.Member {
    /// A country that asks to become a member, as its authority writes it: the entry of a list, in
    /// any layout (`Joining.md`, *Candidate*).
    /// - Throws: `FederationError.documentInvalid`, `.contradiction`, `.notTrusted`.
    package init(candidate text: [UInt8]) throws(FederationError) {
        try self.init(DocumentReader(entry: text, "candidate"))
        // A list of it alone finds what contradicts itself, before others read it.
        _ = try MembershipList(
            issued: Timestamp(seconds: 0), expires: Timestamp(seconds: 1), isSandbox: true,
            quorum: 1, suites: [.p256: nil], members: [self])
        for authority in authorities where authority.purpose != .authority {
            throw .contradiction(
                "candidate", reason: "`\(authority)` is no certificate of an authority")
        }
    }
}

extension MemberRecord.Node {
    /// A node, as a record lists it, in any layout.
    /// - Throws: `FederationError.documentInvalid`, `.contradiction`, `.notTrusted`.
    package init(entry text: [UInt8]) throws(FederationError) {
        try self.init(DocumentReader(entry: text, "node"))
    }
}
