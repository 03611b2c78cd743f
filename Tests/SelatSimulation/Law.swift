import SelatCore

// What the nodes' law and membership come to in the model: who may send which label to whom. How a
// verdict is made of rules is another module's matter, and tested there.

/// One country's policies, from a time on. Bits are labels.
struct Edition: Hashable {
    let number: Int
    let inForce: Timestamp
    var exports: UInt8 = 0b111
    var imports: UInt8 = 0b111
    var transits: UInt8 = 0b111
    /// Labels that a person must approve.
    var asks: UInt8 = 0
    /// A file that does not parse; nobody may take it.
    var isValid = true

    func exports(_ label: Int) -> Bool { exports >> label & 1 == 1 }
    func imports(_ label: Int) -> Bool { imports >> label & 1 == 1 }
    func transits(_ label: Int) -> Bool { transits >> label & 1 == 1 }
    func asks(_ label: Int) -> Bool { asks >> label & 1 == 1 }
}

/// Who belongs to the federation, and whose officers count.
struct MemberList: Hashable {
    let serial: Int
    var members: Set<Int>
    var revoked: Set<Officer>
}

struct Officer: Hashable {
    let node: Int
    let number: Int
}

struct Approval: Hashable {
    let officer: Officer
    let notAfter: Timestamp

    func counts(in list: MemberList, at time: Timestamp) -> Bool {
        !list.revoked.contains(officer) && time < notAfter
    }
}

struct Verdict: Hashable {
    let decided: Timestamp
    let label: Int
    let source: Edition
    let destination: Edition
    /// Of the relays' countries.
    let transit: [Int: Edition]

    var permits: Bool {
        source.exports(label) && destination.imports(label) && isTransitPermitted
    }
    var isTransitPermitted: Bool { transit.values.allSatisfy { $0.transits(label) } }
    var owesApproval: Bool { source.asks(label) || destination.asks(label) }
    /// Whether what was sealed under the one may be released under the other.
    func hasBasis(of other: Verdict) -> Bool {
        permits == other.permits && owesApproval == other.owesApproval
    }
}
