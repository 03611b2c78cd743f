package import SelatCore
package import SelatCrypto

/// Who has signed a list or a record, and who is still to sign.
package struct SigningStanding: Hashable, Sendable {
    /// One member's authorities.
    package struct Member: Hashable, Sendable {
        package let country: Country
        package let threshold: Int
        package let signed: [Certificate]
        package let missing: [Certificate]

        package var hasSigned: Bool { signed.count >= threshold }
        package var count: String { "\(signed.count) of \(threshold)" }
    }

    /// Those who must agree: the members of the list in force, and those of the new one.
    package struct Side: Hashable, Sendable {
        package let name: String
        /// How many of `members` must sign.
        package let quorum: Int
        package let members: [Member]

        package var signed: Int { members.count(where: \.hasSigned) }
        package var isComplete: Bool { signed >= quorum }

        init(_ name: String, quorum: Int, of members: [MembershipList.Member], by: Set<Certificate>)
        {
            self.name = name
            self.quorum = quorum
            self.members = members.map { member in
                Member(
                    country: member.country, threshold: member.threshold,
                    signed: member.authorities.filter(by.contains),
                    missing: member.authorities.filter { !by.contains($0) })
            }
        }
    }

    package let sides: [Side]

    /// The count in one line, of members for a list and of authorities for a record.
    package var summary: String {
        sides.map { side in
            side.members.count == 1 && sides.count == 1
                ? side.members[0].count : "\(side.name): \(side.signed) of \(side.quorum)"
        }.joined(separator: ", ")
    }

    /// Whether nobody's signature is missing any more.
    package var isComplete: Bool { sides.allSatisfy(\.isComplete) }

    package var json: JSON {
        [
            "complete": .bool(isComplete),
            "sides": .array(sides.map(\.json)),
        ]
    }
}

extension SigningStanding.Side {
    fileprivate var json: JSON {
        [
            "name": .string(name), "quorum": .integer(Int64(quorum)),
            "signed": .integer(Int64(signed)), "members": .array(members.map(\.json)),
        ]
    }
}

extension SigningStanding.Member {
    fileprivate var json: JSON {
        [
            "country": .string(country.code), "threshold": .integer(Int64(threshold)),
            "signed": .strings(signed.map(\.description)),
            "missing": .strings(missing.map(\.description)),
        ]
    }
}
