package import SelatCore

/// An officer's signed yes, already verified.
package struct Approval: Hashable, Sendable {
    package let role: String
    package let side: Side
    /// Digest of the officer's certificate: one person.
    package let person: Digest

    package init(role: String, side: Side, person: Digest) {
        self.role = role
        self.side = side
        self.person = person
    }
}

/// Approvals that are owed and not there.
package struct ApprovalDebt: Hashable, Sendable, CustomStringConvertible {
    package let role: String
    package let side: Side
    package let count: UInt64

    package var description: String { "\(count) × \(role), \(side.rawValue)" }
}
