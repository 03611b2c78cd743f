/// Every problem that the control API answers with; API.md says when (*Problems*).
enum ProblemKind: String, CaseIterable, Sendable {
    case badRequest = "bad-request"
    case unknownCaller = "unknown-caller"
    case roleMissing = "role-missing"
    case unknownTransfer = "unknown-transfer"
    case knownTransfer = "known-transfer"
    case unknownEntry = "unknown-entry"
    case notReady = "not-ready"
    case notYet = "not-yet"
    case queueFull = "queue-full"
    case suiteMissing = "suite-missing"
    case notListed = "not-listed"
    case membershipForked = "membership-forked"
    case unwitnessed
    case quarantined
    case badFacts = "bad-facts"
    case badStatement = "bad-statement"
    case badApproval = "bad-approval"
    case badRecall = "bad-recall"
    case alreadyRecalled = "already-recalled"
    case badDataset = "bad-dataset"
    case badFiles = "bad-files"
    case notErasable = "not-erasable"
    case verificationFailed = "verification-failed"
    case policyRefused = "policy-refused"
    case membershipRefused = "membership-refused"
    case peerUnreachable = "peer-unreachable"
    case joining
    case logNotProven = "log-not-proven"
    case clock
    case tokenUnavailable = "token-unavailable"
    case diskFull = "disk-full"
    case reserveReached = "reserve-reached"
    case diskFailed = "disk-failed"

    var type: String { "urn:selat:problem:\(rawValue)" }

    var status: Int {
        switch self {
        case .badRequest: 400
        case .unknownCaller, .roleMissing: 403
        case .unknownTransfer, .unknownEntry: 404
        case .notReady, .suiteMissing, .notListed, .membershipForked, .unwitnessed, .quarantined,
            .alreadyRecalled, .knownTransfer, .notYet, .queueFull:
            409
        case .badFacts, .badStatement, .badApproval, .badRecall, .badDataset, .badFiles,
            .notErasable, .verificationFailed, .policyRefused, .membershipRefused:
            422
        case .peerUnreachable: 502
        case .joining, .logNotProven, .clock, .tokenUnavailable: 503
        case .diskFull, .reserveReached: 507
        case .diskFailed: 500
        }
    }

    /// What a transfer on its way out may meet.
    static let sending: [ProblemKind] = [
        .notReady, .suiteMissing, .notListed, .membershipForked, .unwitnessed, .logNotProven,
        .clock,
        .tokenUnavailable, .diskFull, .diskFailed, .reserveReached,
    ]
    /// What reading a sealed dataset may meet.
    static let reading: [ProblemKind] = [
        .unknownTransfer, .notReady, .quarantined, .verificationFailed, .diskFailed,
    ]
}
