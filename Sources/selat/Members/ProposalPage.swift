import SelatCore
import SelatCrypto
import SelatFederation

/// What a person reads before a signature: what changes, who has signed, who is still to sign.
struct ProposalPage {
    let proposal: Proposal
    let differences: [Difference]
    let standing: SigningStanding

    /// - Parameter federation: what is held; nil before a federation's first list.
    init(
        _ proposal: Proposal, signed message: [UInt8]?, held federation: Federation?,
        at time: Timestamp
    ) throws(FederationError) {
        self.proposal = proposal
        differences =
            try proposal.differences(from: federation?.held(before: proposal))
            + (federation?.recordsFalling(with: proposal) ?? [])
        if let federation {
            standing = try federation.standing(of: proposal, signed: message, at: time)
        } else {
            guard case .list(let list) = proposal else {
                throw .contradiction(proposal.description, reason: "the list comes first")
            }
            standing = try Federation.standing(ofFirst: list, signed: message, at: time)
        }
    }

    var lines: [String] {
        ["\(proposal.description), serial \(proposal.serial)"]
            + differences.map { "  \($0)" } + standing.sides.flatMap(Self.lines)
            + [
                standing.isComplete
                    ? "complete: nobody's signature is missing" : "not complete yet"
            ]
    }

    private static func lines(_ side: SigningStanding.Side) -> [String] {
        [
            "\(side.name): \(side.signed) of the \(side.quorum) who must have signed, "
                + "of \(side.members.count)"
        ]
            + side.members.map { member in
                "  \(member.country): \(member.count)"
                    + words("; signed", member.signed.map(\.description))
                    + (member.hasSigned
                        ? "" : words("; may still sign", member.missing.map(\.description)))
            }
    }

    private static func words(_ what: String, _ names: [String]) -> String {
        names.isEmpty ? "" : "\(what): \(names.joined(separator: ", "))"
    }

    func json(path: String) -> JSON {
        [
            "path": .string(path), "document": .string(proposal.description),
            "serial": .integer(proposal.serial), "expires": .string(proposal.expires.text),
            "differences": .array(differences.map(\.json)), "standing": standing.json,
        ]
    }
}
