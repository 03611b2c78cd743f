package import SelatCore
import SelatCrypto
import SelatDelivery
import SelatFederation
package import SelatHTTP
import SelatPolicy
import SelatStore
import SelatTransport

/// What the exchange answers when it cannot do what was asked; the types are listed in API.md and
/// Protocol.md.
package enum ServiceProblem {
    static func superseded(_ upload: UploadID) -> Problem { .uploadSuperseded(upload) }

    package static func unknownTransfer(_ id: TransferID) -> Problem {
        Problem(
            type: unknownTransferType, title: "unknown transfer", status: 404,
            detail: "this node knows no transfer `\(id)`",
            remedy: "see `selat transfers` and `selat inbox`")
    }

    static let unknownTransferType = "urn:selat:problem:unknown-transfer"

    /// An id that its caller has chosen, and that was used (409).
    static func knownTransfer(_ id: TransferID) -> Problem {
        Problem(
            type: "urn:selat:problem:known-transfer", title: "known transfer", status: 409,
            detail: "this node knows the transfer `\(id)`; nothing was sent",
            remedy: "see `selat show \(id)`")
    }

    /// An id that its caller has chosen, and under which another call is about to send (409).
    static func beingTaken(_ id: TransferID) -> Problem {
        Problem(
            type: "urn:selat:problem:not-yet", title: "not yet", status: 409,
            detail: "another call is about to send `\(id)`",
            remedy: "ask the same again in a moment")
    }

    /// An id that its caller has chosen, of which nothing is known and that was not made just now.
    static func strayID(_ id: TransferID, at now: Timestamp) -> Problem {
        badFilter(
            "nothing is known of `\(id)`, which was made at \(id.made), and it is \(now): nothing was sent;"
                + " make a new id")
    }

    /// Too much waits here for that member's nodes (429).
    static func tooManyLetters(_ country: Country) -> Problem {
        Problem(
            type: tooManyLettersType, title: "too many letters", status: 429,
            detail: "\(Limits.lettersPerMemberMax) letters wait here for nodes of \(country)",
            remedy: "bring it again later")
    }

    /// A member whose nodes bring too many letters about transfers that are not known here (429).
    static func tooManyStrays(_ member: Country) -> Problem {
        var problem = Problem(
            type: tooManyLettersType, title: "too many letters", status: 429,
            detail:
                "nodes of \(member) bring over \(Limits.straysAtOnceMax) at a time, or "
                + "\(Limits.straysPerMinuteMax) in a minute, of transfers that this node does not know",
            remedy: "bring it again in a minute")
        problem.retryAfterSeconds = 60
        return problem
    }

    static let tooManyLettersType = "urn:selat:problem:too-many-letters"

    /// A node that a letter was to be passed on to does not answer (502).
    static func peerUnreachable(_ node: NodeID) -> Problem {
        Problem(
            type: "urn:selat:problem:peer-unreachable", title: "the node does not answer",
            status: 502, detail: "`\(node)` cannot be reached from here now",
            remedy: "bring it again later")
    }

    /// What another node has answered, for the peer whose letter was passed on to it: its words are nobody's here.
    static func passedBack(_ problem: Problem, by node: NodeID) -> Problem {
        Problem(
            type: String(problem.type.prefix(200)), title: String(problem.title.prefix(200)),
            status: (400..<600).contains(problem.status) ? problem.status : 502,
            detail: String("`\(node)`: \(problem.detail ?? problem.title)".prefix(1_000)))
    }

    package static func badFacts(
        _ reason: String,
        remedy: String = "use the words of vocabulary.yaml; computed facts are not stated"
    ) -> Problem {
        Problem(
            type: "urn:selat:problem:bad-facts", title: "the facts mean nothing", status: 422,
            detail: reason, remedy: remedy)
    }

    package static func badStatement(_ reason: String) -> Problem {
        Problem(
            type: "urn:selat:problem:bad-statement", title: "the statement is not taken",
            status: 422, detail: reason,
            remedy: "ask the officer for another one; `selat statement attest --help` shows how")
    }

    package static func badApproval(_ reason: String) -> Problem {
        Problem(
            type: "urn:selat:problem:bad-approval", title: "the officer's word does not count",
            status: 422, detail: reason,
            remedy: "nothing has changed; `selat approve list` shows what is owed, and by whom")
    }

    package static func badRecall(_ reason: String) -> Problem {
        Problem(
            type: "urn:selat:problem:bad-recall", title: "the officer's word does not count",
            status: 422, detail: reason,
            remedy: "nothing has changed; `selat recall list` shows what was recalled")
    }

    static func alreadyRecalled(_ id: TransferID, _ officer: String) -> Problem {
        Problem(
            type: "urn:selat:problem:already-recalled", title: "it was recalled before",
            status: 409, detail: "`\(id)` was recalled by `\(officer)`",
            remedy:
                "`selat show \(id)` shows the answer; another recall is taken once this one's signature counts"
                + " no more and no answer has come")
    }

    /// A peer that brought too many recalls to look at one more now.
    static func tooManyRecalls(_ member: Country) -> Problem {
        Problem(
            type: "urn:selat:problem:too-many-recalls", title: "too many recalls", status: 429,
            detail:
                "you brought over \(Limits.recallsPerMinuteMax) recalls of \(member) this minute",
            remedy: "bring it again in a minute")
    }

    /// Whether a problem refuses a recall for what it is, and not for what this node lacks now.
    static func refusesRecall(_ problem: Problem) -> Bool {
        [unknownTransferType, "urn:selat:problem:already-recalled"].contains(problem.type)
    }

    /// What waited, and will not be begun any more.
    static var stopping: Problem {
        Problem(
            type: "urn:selat:problem:not-ready", title: "not possible now", status: 409,
            detail: "the daemon stops", remedy: "nothing was sent; send it again once it runs")
    }

    static func notAwaited(_ id: TransferID, _ state: String) -> Problem {
        Problem(
            type: "urn:selat:problem:not-ready", title: "not possible now", status: 409,
            detail: "`\(id)` is \(state) and waits for no approval",
            remedy: "see `selat show \(id)`")
    }

    /// It has ended, or a complete envelope may be with somebody.
    static func notCancellable(_ row: OutboundRow) -> Problem {
        let isOutcome = Sender.State(rawValue: row.state)?.isOutcome ?? false
        return Problem(
            type: "urn:selat:problem:not-ready", title: "not possible now", status: 409,
            detail: row.handedOn && !isOutcome
                ? "`\(row.id)` may have arrived whole: only the recipient's word ends it"
                : "`\(row.id)` is \(row.state)",
            remedy: row.state == Sender.State.sealing.rawValue
                ? "break off the `selat send` that brings it: it is cancelled then"
                : row.isRecallable
                    ? "an officer can have it back from whoever holds it: `selat recall \(row.id)`"
                    : "see `selat show \(row.id)`")
    }

    /// What only passes through this node is others' to end.
    static func passing(_ row: RelayedRow) -> Problem {
        notReady(
            "`\(row.id)` passes through here, from `\(row.from)` to `\(row.to)`: it is \(row.state)",
            remedy:
                "its sender can take it back, its recipient can destroy it; see `selat show \(row.id)`"
        )
    }

    static func keptOnGround(_ id: TransferID, _ ground: String) -> Problem {
        Problem(
            type: "urn:selat:problem:not-ready", title: "not possible now", status: 409,
            detail: "`\(id)` was recalled, and is kept on a legal ground: \(ground)",
            remedy: "where that is over, say why with --reason; the sender reads it")
    }

    static func notReleasable(_ id: TransferID, _ again: Verdict) -> Problem {
        Problem(
            type: "urn:selat:problem:not-ready", title: "not possible now", status: 409,
            detail: "`\(id)` would not be released: judged again it is "
                + (again.outcome == .permitted
                    ? "permitted on other grounds or duties" : again.outcome.rawValue),
            remedy: "see `selat check`; send it anew")
    }

    package static func badDataset(_ reason: String) -> Problem {
        Problem(
            type: "urn:selat:problem:bad-dataset", title: "the dataset cannot be sent", status: 422,
            detail: reason)
    }

    /// - Parameter actual: bytes that came; where they are more than expected, the rest was not looked at.
    static func badSize(expected: UInt64, actual: UInt64) -> Problem {
        let came = actual > expected ? "at least \(actual)" : "\(actual)"
        return badDataset(
            "its description tells of \(expected) bytes, and \(came) came; nothing was sent")
    }

    /// This node is not in the membership any more, or not with its keys.
    static func excluded(_ reason: String) -> Problem {
        Problem(
            type: "urn:selat:problem:not-listed", title: "this node is not listed", status: 409,
            detail: reason,
            remedy: "the member's authorities must list it: see `selat members` and `selat keys`")
    }

    /// Two lists of one serial are signed by a quorum.
    static func membershipForked(_ serial: UInt64) -> Problem {
        Problem(
            type: "urn:selat:problem:membership-forked", title: "the membership has forked",
            status: 409, detail: "there are two valid membership lists \(serial)",
            remedy: "both are kept; find out who signed both: `selat members`")
    }

    /// A dataset of a sender whom the membership distrusts.
    static func quarantined(_ id: TransferID, _ reason: String) -> Problem {
        Problem(
            type: "urn:selat:problem:quarantined", title: "the dataset is quarantined", status: 409,
            detail: "`\(id)`: \(reason)",
            remedy: "it stays sealed here; ask the sender's authority before anything else")
    }

    /// Documents that were not taken; nothing has changed.
    package static func membershipRefused(_ reasons: [String]) -> Problem {
        Problem(
            type: "urn:selat:problem:membership-refused",
            title: "the membership documents are not taken", status: 422, detail: reasons.first,
            remedy: "nothing has changed: what was in force stays; see `selat members`",
            extensions: [
                "errors": .strings(Array(reasons.prefix(100).map { String($0.prefix(500)) }))
            ])
    }

    package static func unknownEntry(_ sequence: UInt64) -> Problem {
        Problem(
            type: "urn:selat:problem:unknown-entry", title: "unknown entry", status: 404,
            detail: "the log has no entry \(sequence)", remedy: "see `selat audit log`")
    }

    package static func badFilter(_ reason: String) -> Problem {
        Problem(
            type: "urn:selat:problem:bad-request", title: "the request is not well-formed",
            status: 400, detail: reason)
    }

    package static func badErasure(_ reason: String) -> Problem {
        Problem(
            type: "urn:selat:problem:not-erasable", title: "the details cannot be erased",
            status: 422, detail: reason, remedy: "see `selat audit show SEQUENCE`")
    }

    package static func notReady(_ reason: String, remedy: String) -> Problem {
        Problem(
            type: "urn:selat:problem:not-ready", title: "not possible now", status: 409,
            detail: reason, remedy: remedy)
    }

    /// Something else was faster.
    static func changed(_ id: TransferID) -> Problem {
        notReady("`\(id)` has changed just now", remedy: "see `selat show \(id)`")
    }

    /// Too much of this node's own is under way (409).
    /// - Parameters:
    ///   - queue: where to.
    ///   - standing: what is under way there, and what may.
    ///   - key: of the configuration's `queue`.
    static func queueFull(
        _ queue: String, _ standing: String, _ size: UInt64, _ key: String
    ) -> Problem {
        Problem(
            type: "urn:selat:problem:queue-full", title: "the queue is full", status: 409,
            detail: "transfers \(queue) under way: \(standing); this one has \(size)",
            remedy:
                "wait until some have ended, cancel some (`selat transfers`), or raise `queue.\(key)` in "
                + "the configuration; flash may go a little beyond it")
    }

    static func unfitKey(_ purpose: KeyPurpose, _ kind: HeldKey.Kind) -> Problem {
        badFilter("a \(purpose.rawValue) key cannot be \(kind)")
    }

    /// No suite fits both ends and what is owed: nothing was read, nothing was sent.
    static func suiteMissing(_ shortage: SuiteShortage) -> Problem {
        Problem(
            type: "urn:selat:problem:suite-missing", title: "no suite can carry it", status: 409,
            detail: shortage.description, remedy: shortage.remedy)
    }

    /// The own log is not shown to be whole: nothing leaves, and nothing is taken (503).
    static func logNotProven(_ standing: String) -> Problem {
        Problem(
            type: "urn:selat:problem:log-not-proven", title: "the log is not proven", status: 503,
            detail: "this node's audit log is \(standing)",
            remedy: standing == "unproven"
                ? "it goes on by itself once a witness answers" : "see `selat status` on that node")
    }

    static func logNotContradicted(_ standing: String) -> Problem {
        Problem(
            type: "urn:selat:problem:not-ready", title: "not possible now", status: 409,
            detail: "the log is \(standing): no witness holds more of it than this node",
            remedy: "an epoch begins only after a restored backup; see `selat status`")
    }

    static func clock(_ fault: String) -> Problem {
        Problem(
            type: "urn:selat:problem:clock", title: "the clock cannot be right", status: 503,
            detail: fault, remedy: "set the node's clock; it goes on by itself")
    }

    /// - Parameter end: when it is over at the latest.
    static func clockInDoubt(_ doubt: String, until end: Timestamp) -> Problem {
        Problem(
            type: "urn:selat:problem:clock", title: "the clock is not borne out yet", status: 503,
            detail: "\(doubt); until two other countries have cosigned, or \(end) at the latest",
            remedy: "it goes on by itself")
    }

    static func unwitnessed(since time: Timestamp) -> Problem {
        Problem(
            type: "urn:selat:problem:unwitnessed", title: "the log lacks its witnesses",
            status: 409, detail: "entries since \(time) are cosigned by no quorum",
            remedy: "see `selat status` for the witnesses that do not answer")
    }

    package static func verificationFailed(_ reason: String) -> Problem {
        Problem(
            type: "urn:selat:problem:verification-failed", title: "verification failed",
            status: 422, detail: reason, remedy: "do not use the dataset; tell the sender")
    }

    /// Editions that were not taken; nothing has changed.
    package static func policyRefused(_ reasons: [String]) -> Problem {
        Problem(
            type: "urn:selat:problem:policy-refused", title: "the policy editions are not taken",
            status: 422, detail: reasons.first,
            remedy: "nothing has changed: what was in force stays; see `selat policy status`",
            extensions: [
                "errors": .strings(Array(reasons.prefix(100).map { String($0.prefix(500)) }))
            ])
    }

    /// The disk, in words for the one who waits for it.
    package static func disk(_ fault: FileFault) -> Problem {
        let isFull = fault.code == 28 || fault.code == 122
        return Problem(
            type: isFull ? "urn:selat:problem:disk-full" : "urn:selat:problem:disk-failed",
            title: isFull ? "no space left" : "the disk failed", status: isFull ? 507 : 500,
            detail: "\(fault)",
            remedy: isFull
                ? "free space in the state directory and try again" : "check the disk and the mount"
        )
    }

    /// What is left of the disk is kept for flash (507).
    /// - Parameter folder: where, for those to whom the disk belongs.
    static func reserveReached(
        _ standing: DiskStanding, size: UInt64, in folder: String?
    ) -> Problem {
        let place = folder.map { " beside `\($0)`" } ?? ""
        let room =
            "\(standing.free) bytes are free\(place), and \(standing.reserve) are kept for flash"
        return Problem(
            type: reserveReachedType, title: "the disk has reached its reserve", status: 507,
            detail: standing.isReached ? room : "\(room): too few for \(size) more",
            remedy: folder == nil
                ? "offer it again later; a flash is taken"
                : "destroy what was opened (`selat inbox`), or give the node a larger disk; "
                    + "`--precedence flash` is still taken")
    }

    static let reserveReachedType = "urn:selat:problem:reserve-reached"

    /// The token with this node's keys is away (503): what was asked is neither done nor refused.
    static func token(_ fault: CryptoError) -> Problem {
        Problem(
            type: "urn:selat:problem:token-unavailable", title: "the node's keys are out of reach",
            status: 503, detail: "\(fault)",
            remedy: "it goes on by itself once the token answers; see that node's log")
    }

    /// A peer whose envelopes were refused too often to sign one more refusal now.
    static var tooManyRefusals: Problem {
        Problem(
            type: "urn:selat:problem:too-many-refusals", title: "too many refusals", status: 429,
            detail: "over \(Limits.refusalsPerMinuteMax) of your offers were refused this minute",
            remedy: "offer again in a minute")
    }

    /// A refusal to a peer.
    static func refusal(_ refusal: Recipient.Refusal, _ detail: String) -> Problem {
        Problem(
            type: "urn:selat:problem:\(refusal.rawValue)", title: "the envelope is not taken",
            status: refusal == .idConflict ? 409 : 422, detail: detail, remedy: refusal.remedy)
    }
}

extension Recipient.Refusal {
    /// What there is to do about a refusal whose words do not say it.
    fileprivate var remedy: String? {
        switch self {
        case .wrongAddress: "bring it to a node of its route: `selat package inspect` shows that"
        case .expired, .idConflict: "its sender can send the dataset anew"
        case .datedAhead: "compare the clocks of both nodes, and bring it again later"
        case .unsupportedSuite, .membershipExpired, .staleMembership:
            "compare the lists of both nodes: `selat members`"
        case .payloadInvalid, .envelopeInvalid:
            "bring the very bytes that the sender sealed: `selat package verify` tells whether they are"
        default: nil
        }
    }
}
