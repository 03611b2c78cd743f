package import SelatCore
import SelatCrypto

// What an authority is told before it signs (`Format.md`, *Succession*). Nothing here makes a
// membership: a list or record is believed only as `MembershipDocuments` or its successor.
extension Federation {
    /// What the membership in force holds of the kind that is proposed; nil before a member's first
    /// record.
    package func held(before proposal: Proposal) -> Proposal? {
        switch proposal {
        case .list: .list(list)
        case .record(let record): records[record.country].map { .record($0) }
        }
    }

    /// Checks that a proposal is the next of what is held, and fits it.
    /// - Throws: `FederationError.contradiction` with what does not fit, `.notInForce` once it has
    ///   expired, `.unknownMember` for a record of a country that is none.
    package func requireNext(_ proposal: Proposal, at time: Timestamp) throws(FederationError) {
        switch proposal {
        case .list(let next): try requireNext(next)
        case .record(let next): try requireNext(next)
        }
        guard time < proposal.expires else {
            throw .notInForce(proposal.description, from: time, until: proposal.expires)
        }
    }

    /// The records that fall when a proposed list is taken: each member's nodes are known to nobody
    /// from then on, until there is a record that the list lets stand.
    /// - Throws: `FederationError` for a list whose authorities cannot be read.
    package func recordsFalling(with proposal: Proposal) throws(FederationError) -> [Difference] {
        guard case .list(let next) = proposal else { return [] }
        let standing = try Self.standing(documents.records, under: next, of: id)
        let falling = records.keys.filter { standing[$0] == nil && next.member($0) != nil }
        return falling.sorted().map { country in
            Difference(
                "record of \(country)",
                before: "not signed by its authorities as this list names them; publish its next "
                    + "one before the list, where those who stay are in the one in force, or with it",
                after: nil)
        }
    }

    private func requireNext(_ next: MembershipList) throws(FederationError) {
        try Self.requireNext(
            MembershipList.document, next.serial, next.previous, held: (list.serial, listDigest))
        guard next.federation == id else {
            throw .contradiction(
                MembershipList.document, reason: "it belongs to another federation")
        }
        guard next.isSandbox == list.isSandbox else {
            throw .contradiction(
                MembershipList.document, reason: "a sandbox stays one, and becomes none later")
        }
        guard next.issued >= list.issued else {
            throw .contradiction(
                MembershipList.document,
                reason: "it was issued before the one in force, \(list.issued)")
        }
    }

    private func requireNext(_ next: MemberRecord) throws(FederationError) {
        let document = MemberRecord.document(of: next.country)
        try next.requireReadable()
        guard list.members.contains(where: { $0.country == next.country }) else {
            throw .unknownMember(next.country)
        }
        guard next.federation == id else {
            throw .contradiction(document, reason: "it belongs to another federation")
        }
        let held = records[next.country]
        try Self.requireNext(
            document, next.serial, next.previous, held: held.map { ($0.serial, $0.digest) })
        if let cut = next.nodes.first(where: { list.cut(of: $0.id) != nil }) {
            throw .contradiction(
                document, reason: "it lists `\(cut.id)`, which the membership list cuts off")
        }
        if let before = held?.issued ?? fallen[next.country], next.issued < before {
            throw .contradiction(document, reason: "it was issued before the last one, \(before)")
        }
    }

    private static func requireNext(
        _ document: String, _ serial: UInt64, _ previous: Digest?,
        held: (serial: UInt64, digest: Digest)?
    ) throws(FederationError) {
        let expected = (held?.serial ?? 0) + 1
        guard serial == expected else {
            throw .contradiction(
                document,
                reason: "its serial is \(serial), expected \(expected): "
                    + (held.map { "the one in force has \($0.serial)" } ?? "none is in force"))
        }
        guard previous == held?.digest else {
            throw .contradiction(
                document,
                reason: "`previous` does not name the one in force, which is "
                    + (held?.digest.text ?? "none"))
        }
    }

    // MARK: Signatures

    /// Who has signed a proposal, and who is still to.
    /// - Parameter message: DER with the signatures so far; nil where nobody has signed.
    /// - Throws: `FederationError` for a signature that is not good, or is nobody's who may sign.
    package func standing(
        of proposal: Proposal, signed message: [UInt8]?, at time: Timestamp
    ) throws(FederationError) -> SigningStanding {
        let signers = try ProposalElectorate(of: proposal, in: self).signers(of: message, at: time)
        switch proposal {
        case .list(let next):
            return SigningStanding(sides: [
                .init("list in force", quorum: list.quorum, of: list.members, by: signers),
                .init("new list", quorum: next.quorum, of: next.members, by: signers),
            ])
        case .record(let record):
            let member = list.members.filter { $0.country == record.country }
            return SigningStanding(sides: [.init("member", quorum: 1, of: member, by: signers)])
        }
    }

    /// Who has signed the first list of a federation that does not exist yet.
    /// - Throws: as `standing(of:signed:at:)`.
    package static func standing(
        ofFirst list: MembershipList, signed message: [UInt8]?, at time: Timestamp
    ) throws(FederationError) -> SigningStanding {
        let signers = try ProposalElectorate(ofFirst: list).signers(of: message, at: time)
        return SigningStanding(sides: [
            .init("first list", quorum: list.quorum, of: list.members, by: signers)
        ])
    }
}
