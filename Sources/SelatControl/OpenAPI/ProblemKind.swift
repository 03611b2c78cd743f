/// Every problem that the control API answers with; API.md says when (*Problems*).
package enum ProblemKind: String, CaseIterable, Sendable {
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
    // Why a package that is brought by hand is not taken: what a peer would be told of its offer, too.
    case wrongAddress = "wrong-address"
    case wrongSender = "wrong-sender"
    case foreignFederation = "foreign-federation"
    case unsupportedSuite = "unsupported-suite"
    case expired
    case datedAhead = "dated-ahead"
    case idConflict = "id-conflict"
    case tooManyUploads = "too-many-uploads"
    case membershipExpired = "membership-expired"
    case staleMembership = "stale-membership"
    case payloadInvalid = "payload-invalid"
    case envelopeInvalid = "envelope-invalid"
    case verdictTooOld = "verdict-too-old"
    case staleEdition = "stale-edition"
    case approvalOwed = "approval-owed"
    case approvalInvalid = "approval-invalid"
    case routeInvalid = "route-invalid"
    case transitRefused = "transit-refused"
    case relayFull = "relay-full"
    case relayTooSmall = "relay-too-small"
    case inboxFull = "inbox-full"

    private static let prefix = "urn:selat:problem:"

    /// The kind of a problem document; nil for a type that is none of these.
    package init?(type: String) {
        guard type.hasPrefix(Self.prefix) else { return nil }
        self.init(rawValue: String(type.dropFirst(Self.prefix.count)))
    }

    var type: String { Self.prefix + rawValue }

    var status: Int {
        switch self {
        case .badRequest: 400
        case .unknownCaller, .roleMissing: 403
        case .unknownTransfer, .unknownEntry: 404
        case .notReady, .suiteMissing, .notListed, .membershipForked, .unwitnessed, .quarantined,
            .alreadyRecalled, .knownTransfer, .notYet, .idConflict, .queueFull:
            409
        case .badFacts, .badStatement, .badApproval, .badRecall, .badDataset, .badFiles,
            .notErasable, .verificationFailed, .policyRefused, .membershipRefused, .wrongAddress,
            .wrongSender, .foreignFederation, .unsupportedSuite, .expired, .datedAhead,
            .tooManyUploads, .membershipExpired, .staleMembership, .payloadInvalid,
            .envelopeInvalid, .verdictTooOld, .staleEdition, .approvalOwed, .approvalInvalid,
            .routeInvalid, .transitRefused, .relayFull, .relayTooSmall, .inboxFull:
            422
        case .peerUnreachable: 502
        case .joining, .logNotProven, .clock, .tokenUnavailable: 503
        case .diskFull, .reserveReached: 507
        case .diskFailed: 500
        }
    }

    /// The status with which `selat` ends, a contract with scripts; README.md says what each means (*Exit codes*).
    package var exitCode: Int32 {
        switch self {
        // The answer is no.
        case .wrongAddress, .wrongSender, .foreignFederation, .unsupportedSuite, .expired,
            .datedAhead, .idConflict, .membershipExpired, .staleMembership, .verdictTooOld,
            .staleEdition, .routeInvalid, .transitRefused, .relayTooSmall:
            2
        // Something does not verify.
        case .verificationFailed, .badStatement, .badApproval, .badRecall, .payloadInvalid,
            .envelopeInvalid, .approvalInvalid:
            3
        // Not yet.
        case .notYet, .joining, .approvalOwed: 4
        case .badRequest, .badFacts: 64
        case .policyRefused, .membershipRefused: 78
        // Not possible now.
        case .unknownCaller, .roleMissing, .unknownTransfer, .knownTransfer, .unknownEntry,
            .notReady, .suiteMissing, .notListed, .membershipForked, .unwitnessed, .quarantined,
            .alreadyRecalled, .badDataset, .badFiles, .notErasable, .peerUnreachable,
            .logNotProven, .clock, .tokenUnavailable, .diskFull, .reserveReached, .diskFailed,
            .tooManyUploads, .relayFull, .inboxFull, .queueFull:
            1
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
