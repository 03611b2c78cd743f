import NIOCore
import SelatAudit
import SelatCore
import SelatCrypto
import SelatDelivery
import SelatEnvelope
import SelatEvidence
import SelatFederation
import SelatHTTP
import SelatStore
import SelatTransport

// What sender and relay do alike: bring an envelope to the next node of its route, and read what is
// said there.

/// An envelope in this node's spool, on its way to the next node of its route.
struct Passage: Sendable {
    let upload: UploadID
    let name: SpoolFolder.Name
    let recipient: NodeID
    /// Its place on the link to the node to which it is offered: the recipient, or a relay.
    let lane: Lanes.Lane
    /// Nothing of it leaves after that.
    let expires: Timestamp
    /// The newest attempt of which a head is durable.
    let attempt: UInt64
    /// That head, where it is at hand and need not be read.
    var head: OfferedHead?
    /// The identity of its envelope, where that is known: a receipt may come when the head is gone.
    var envelope: Digest?
    /// The payload of a small one, likewise.
    var payload: [UInt8]?
    /// Watches how a relay takes the payload; nil where it is never left for being slow.
    var watch: RelayWatch?

    var next: NodeID { lane.peer }
}

/// A head on its way, and what it says of itself.
struct OfferedHead: Sendable {
    let bytes: [UInt8]
    /// The envelope's identity.
    let envelope: Digest
    let payloadSize: UInt64

    init(bytes: [UInt8], envelope: Digest, payloadSize: UInt64) {
        self.bytes = bytes
        self.envelope = envelope
        self.payloadSize = payloadSize
    }

    /// - Throws: `EnvelopeError`, `CryptoError`: a disk may have lost a part of it.
    init(parsing bytes: [UInt8]) throws {
        let head = try EnvelopeHead(parsing: bytes)
        self.init(
            bytes: bytes, envelope: try head.unverifiedIdentity(), payloadSize: head.payloadSize)
    }
}

/// A receipt that was verified: the document as it came, and what it holds.
struct ProvenReceipt: Sendable {
    let document: [UInt8]
    let receipt: Receipt
}

/// What the next node says about an envelope.
enum News: Sendable {
    /// It takes the payload from this offset on.
    case accepted(offset: UInt64)
    /// A relay holds the whole, as its receipt says.
    case relayProven(ReceiptRow, cause: String?)
    /// The recipient has it, as its receipt says.
    case deliveryProven(receipt: ProvenReceipt)
    /// The recipient will not take it, as its receipt says.
    case refusalProven(cause: String, receipt: ProvenReceipt)
    /// A relay that holds the whole has no news.
    case held(cause: String?)
    /// Another attempt is asked for.
    case headStale(cause: String)
    /// The node is out of reach, or, with `isRefusal`, will not pass the envelope on.
    case blocked(cause: String, isRefusal: Bool)
    /// The relay does not answer in time, or wants to be left alone for a while.
    case busy(cause: String)
    /// The relay never has room for one of its size, however often it is asked.
    case tooLarge(cause: String)
    /// The relay has taken the payload so slowly that it was left for another way.
    case slow(cause: String)
    /// With `isOwn` it was this node that could not.
    case failed(cause: String, isOwn: Bool = false)

    /// What of it decides anything.
    var reply: Reply {
        switch self {
        case .accepted(let offset): .accepted(offset: offset)
        case .relayProven(_, let cause): .relayProven(cause: cause)
        case .deliveryProven: .deliveryProven
        case .refusalProven(let cause, _): .refusalProven(cause: cause)
        case .held(let cause): .held(cause: cause)
        case .headStale(let cause): .headStale(cause: cause)
        case .blocked(let cause, let isRefusal): .blocked(cause: cause, isRefusal: isRefusal)
        case .busy(let cause): .busy(cause: cause)
        case .tooLarge(let cause): .tooLarge(cause: cause)
        case .slow(let cause): .slow(cause: cause)
        case .failed(let cause, let isOwn): .failed(cause: cause, isOwn: isOwn)
        }
    }
}

extension Exchange {
    /// Offers the head, and with it the payload of a small package.
    /// - Parameters:
    ///   - isInline: whether a small payload may come with it.
    ///   - taken: gives the connection that was taken for it already, if one was.
    ///   - handOn: called before a complete envelope leaves.
    nonisolated(nonsending) func offer(
        _ passage: Passage, isInline: Bool, on taken: () -> PeerClient? = { nil },
        handOn: nonisolated(nonsending) () async throws -> Void
    ) async throws -> News {
        try witnesses.requireExchange()
        let head = try await head(of: passage)
        let size = head.payloadSize
        var payload: [UInt8]?
        if isInline, head.bytes.count + Int(clamping: size) <= Limits.inlinePackageBytesMax {
            let bytes: [UInt8]
            if let known = passage.payload {
                bytes = known
            } else {
                bytes = try await part(.payload, of: passage.name)
            }
            guard bytes.count == size else {
                throw FileFault(
                    "reading", spool.path(of: passage.name, .payload), code: 0,
                    reason: "is \(bytes.count) bytes long, not \(size)")
            }
            payload = bytes
        }
        let client: PeerClient
        if let taken = taken() {
            client = taken
        } else {
            client = try await peers.take(passage.next, for: passage.lane.precedence)
        }
        do {
            // It may have waited since it was released: then the head asks what became of it.
            if clock.now() >= passage.expires { payload = nil }
            // Where nobody answers, nothing was handed on.
            if payload != nil {
                try requireOngoing(passage.upload)
                try await handOn()
            }
            let (upload, bytes) = (passage.upload, head.bytes)
            let answer: OfferAnswer
            if let payload {
                passage.watch?.wait(for: size + UInt64(bytes.count))
                answer = try await watched(passage, client) {
                    try await client.offer(upload, head: bytes, payload: payload)
                }
            } else {
                answer = try await within(answerTime(requestBytes: bytes.count)) {
                    try await client.offer(upload, head: bytes, payload: nil)
                }
            }
            await peers.keep(client)
            return try await news(
                state: answer.state, offset: answer.offset, size: size, cause: answer.cause,
                receipt: answer.receipt, passage, envelope: head.envelope)
        } catch {
            try await release(client, after: error)
            throw error
        }
    }

    private func head(of passage: Passage) async throws -> OfferedHead {
        if let head = passage.head { return head }
        return try OfferedHead(parsing: try await part(.head, of: passage.name))
    }

    /// Sends the payload from `offset` to its end.
    nonisolated(nonsending) func upload(
        _ passage: Passage, from offset: UInt64,
        handOn: nonisolated(nonsending) () async throws -> Void
    ) async throws -> News {
        let stream = try payloadStream(of: passage.name)
        guard offset <= stream.size else {
            throw FileFault(
                "reading", spool.path(of: passage.name, .payload), code: 0,
                reason: "ends before \(offset)")
        }
        let client = try await peers.take(passage.next, for: passage.lane.precedence)
        var pieces = PayloadPieces(stream, from: offset)
        defer { pieces.cancel() }
        var looked: Timestamp?
        let watch = passage.watch
        let isFine = watch != nil && passage.lane.precedence == .flash
        let pieceBytes = isFine ? Patience.pieceBytes : SpoolStream.pieceBytes
        // Behind the last piece it is waited for as long: that may still lie in a buffer of this node.
        var count = Patience.pieceBytes
        do {
            // It lacks nothing but the word that it is whole.
            if offset == stream.size {
                try requireOngoing(passage.upload)
                try await handOn()
            }
            // Also what came before a break and was not seen here to be taken.
            watch?.end(at: offset)
            watch?.wait(for: count)
            let state = try await watched(passage, client) {
                try await client.upload(passage.upload, from: offset, length: stream.size) {
                    watch?.end(at: pieces.position)
                    defer { watch?.wait(for: count) }
                    guard pieces.position < stream.size else {
                        count = max(count, Patience.pieceBytes)
                        return nil
                    }
                    let now = clock.now()
                    // A peer may take a byte now and then for as long as it likes.
                    guard now < passage.expires else { throw TooLate() }
                    if now != looked {
                        looked = now
                        try requireOngoing(passage.upload)
                    }
                    let bytes = await lanes.pieceBytes(
                        passage.lane, atMost: pieceBytes, at: now)
                    let range = pieces.next(atMost: bytes)
                    count = UInt64(range.count)
                    try await lanes.admit(passage.lane, range.count, at: now)
                    if range.upperBound == stream.size {
                        // It may have given way for a while, and makes the whole.
                        try requireOngoing(passage.upload)
                        try await handOn()
                    }
                    FreedMemory.passed(range.count)
                    return try await pieces.take(range, ahead: bytes)
                }
            }
            await peers.keep(client)
            guard let receipt = state.receipt else {
                return .failed(cause: "\(passage.next) gave no receipt for the whole payload")
            }
            return try await news(of: receipt, passage)
        } catch {
            try await release(client, after: error)
            throw error
        }
    }

    /// Runs what sends a payload; where a relay may be left because it is slow, the connection is closed then.
    /// - Throws: `TooSlow` in that case, and what `work` throws.
    private nonisolated(nonsending) func watched<Value: Sendable>(
        _ passage: Passage, _ client: PeerClient,
        _ work: nonisolated(nonsending) () async throws -> Value
    ) async throws -> Value {
        guard let watch = passage.watch else { return try await work() }
        let watching = Task { await watch.run(on: client) }
        let outcome: Result<Value, any Error>
        do { outcome = .success(try await work()) } catch { outcome = .failure(error) }
        watch.end()
        // The connection may be given back: nobody closes it any more.
        watching.cancel()
        await watching.value
        if case .failure(let error) = outcome, watch.isOver, !Self.isOwnFault(error) {
            throw TooSlow()
        }
        return try outcome.get()
    }

    /// How long an exchange without payload may take, from the first byte of the request to the last of the answer: nobody
    /// may send slower than that, nor answer byte by byte.
    func answerTime(requestBytes: Int) -> Duration { patience + .seconds(requestBytes / 512) }

    private struct TooLate: Error, CustomStringConvertible {
        var description: String { "it expired before its last byte had left" }
    }

    /// - Throws: `Overtaken` where somebody has ended it meanwhile, such as by `cancel` or a recall.
    private func requireOngoing(_ upload: UploadID) throws {
        let isOngoing = try store.lookUp { snapshot -> Bool in
            if upload.from == identity.node {
                let isOpen = try snapshot.outbound(upload.transfer)
                    .map { try !Sender($0).state.isOutcome }
                return try isOpen == true
                    && snapshot.recall(of: upload.transfer, from: upload.from) == nil
            }
            return try snapshot.relayed(upload.transfer, from: upload.from)
                .map { try !Relay($0).state.isOutcome } ?? false
        }
        guard isOngoing else { throw Overtaken() }
    }

    /// Asks where the envelope stands.
    func ask(_ passage: Passage) async throws -> News {
        try witnesses.requireExchange()
        let client = try await peers.take(passage.next, for: passage.lane.precedence)
        do {
            let state = try await within(answerTime(requestBytes: 0)) {
                try await client.uploadState(passage.upload)
            }
            await peers.keep(client)
            // As if the offer had been taken anew.
            if passage.next != passage.recipient, Self.holdsNothing.contains(state.state) {
                return .accepted(offset: 0)
            }
            return try await news(
                state: state.state, offset: state.offset, size: state.length, cause: state.cause,
                receipt: state.receipt, passage)
        } catch {
            try await release(client, after: error)
            // It holds nothing: as if the offer had been taken anew.
            if (error as? Problem)?.type == Problem.unknownUploadType {
                return .accepted(offset: 0)
            }
            throw error
        }
    }

    /// A peer's refusal leaves the connection usable; anything else does not.
    private func release(_ client: PeerClient, after error: any Error) async throws {
        guard let problem = error as? Problem else { return await peers.drop(client) }
        await peers.keep(client, after: problem)
    }

    /// A link that breaks is news, not the end of the pursuit.
    nonisolated(nonsending) func tried(
        _ passage: Passage, _ work: nonisolated(nonsending) () async throws -> News
    ) async throws -> News {
        // What keeps this node from exchanging says nothing about the next one.
        do { try witnesses.requireExchange() } catch {
            return .failed(cause: "\(error)", isOwn: true)
        }
        do {
            return try await work()
        } catch let error where Self.isOwnFault(error) {
            throw error
        } catch let problem as Problem where Self.asksForNewAttempt.contains(problem.type) {
            if problem.type == Self.staleEdition { await catchUp(with: passage.next) }
            return .headStale(cause: "\(passage.next): \(problem)")
        } catch let problem as Problem where problem.type == Self.relayTooSmall {
            return .tooLarge(cause: "\(passage.next): \(problem)")
        } catch let problem as Problem where Self.asksForAnotherRoute.contains(problem.type) {
            return .blocked(cause: "\(passage.next): \(problem)", isRefusal: true)
        } catch let problem as Problem
            where problem.status >= 500 && passage.next != passage.recipient
        {
            // What one relay cannot do now another may; where only the recipient cannot, all waits.
            return .blocked(cause: "\(passage.next): \(problem)", isRefusal: true)
        } catch let error where passage.next != passage.recipient && Self.isBusy(error) {
            return .busy(cause: "\(passage.next): \(error)")
        } catch let slow as TooSlow {
            return .slow(cause: "\(passage.next): \(slow)")
        } catch let fault as FileFault {
            return .failed(cause: "\(fault)", isOwn: true)
        } catch {
            if Task.isCancelled { throw CancellationError() }
            let cause = "\(passage.next): \(error)"
            var isAway = error is OutOfReach
            if !isAway { isAway = await peers.isOutOfReach(passage.next) }
            return isAway ? .blocked(cause: cause, isRefusal: false) : .failed(cause: cause)
        }
    }

    /// A fault of this node, not of the link: the transfer waits, and says so.
    static func isOwnFault(_ error: any Error) -> Bool {
        switch error {
        case is StoreError, is CancellationError, is Overtaken: true
        case IdentityError.noCertificate: true
        case let error as CryptoError: error.isOfToken
        case EnvelopeError.crypto(let error): error.isOfToken
        default: false
        }
    }

    /// Whether a node does not answer in time, or wants to be left alone.
    private static func isBusy(_ error: any Error) -> Bool {
        switch error {
        case let problem as Problem: problem.type == Problem.tooManyRequestsType
        case is Overdue, is Resting: true
        default: false
        }
    }

    private static let staleEdition = Exchange.type(.staleEdition)
    private static let relayTooSmall = Exchange.type(.relayTooSmall)

    /// Refusals that another head can mend.
    private static let asksForNewAttempt = Set(
        [
            Recipient.Refusal.staleEdition, .staleMembership, .verdictTooOld, .approvalOwed,
            .approvalInvalid,
        ].map(Exchange.type))

    /// Refusals that another relay may not have.
    private static let asksForAnotherRoute = Set(
        [Recipient.Refusal.transitRefused, .relayFull, .routeInvalid].map(Exchange.type))

    private static func type(_ refusal: Recipient.Refusal) -> String {
        "urn:selat:problem:\(refusal.rawValue)"
    }

    // MARK: What is said

    /// States in which a relay has let go of the envelope, its own statement notwithstanding.
    private static let holdsNothing = Set([Relay.State.lapsed, .withdrawn].map(\.rawValue))

    private func news(
        state: String, offset: UInt64, size: UInt64, cause: String?, receipt: JSON?,
        _ passage: Passage, envelope: Digest? = nil
    ) async throws -> News {
        let isRelay = passage.next != passage.recipient
        if isRelay, state == Relay.State.returned.rawValue {
            return .headStale(cause: "\(passage.next): \(cause ?? "asks for another attempt")")
        }
        if isRelay, Self.holdsNothing.contains(state) {
            return .blocked(cause: "\(passage.next): \(cause ?? state)", isRefusal: true)
        }
        if let receipt {
            return try await news(of: receipt, passage, cause: cause, envelope: envelope)
        }
        switch state {
        case Recipient.State.receiving.rawValue where offset <= size:
            return .accepted(offset: offset)
        case Relay.State.holding.rawValue where isRelay,
            Relay.State.forwarded.rawValue where isRelay:
            return .held(cause: cause)
        default:
            throw TransportFault.unexpectedAnswer(
                "`\(state)` at byte \(offset), and no receipt")
        }
    }

    /// What a receipt means; one that proves nothing is dropped, and entered.
    /// - Parameter envelope: the identity of what was offered, where it is at hand.
    private func news(
        of document: JSON, _ passage: Passage, cause: String? = nil, envelope: Digest? = nil
    ) async throws -> News {
        let statement: ReceiptStatement
        let proven: ProvenReceipt
        do {
            let offered: Digest
            if let known = envelope ?? passage.envelope {
                offered = known
            } else {
                offered = try await head(of: passage).envelope
            }
            proven = ProvenReceipt(
                document: document.canonical, receipt: try Receipt(json: document))
            statement = try await verified(proven.receipt, passage, envelope: offered)
        } catch {
            try await enterRejection(
                "\(error)", of: passage.upload.transfer, by: .node(passage.next))
            throw error
        }
        switch statement.kind {
        case .delivered: return .deliveryProven(receipt: proven)
        case .refused:
            return .refusalProven(
                cause: statement.reason ?? "refused by \(passage.recipient)", receipt: proven)
        case .relayed:
            let row = ReceiptRow(
                from: statement.from, id: statement.id, kind: statement.kind.rawValue,
                signer: statement.signer, attempt: statement.attempt, taken: clock.now(),
                document: proven.document)
            return .relayProven(row, cause: cause)
        case .opened, .recalled, .retained, .cancelled, .destroyed:
            throw TransportFault.unexpectedAnswer("a receipt that tells of no outcome")
        }
    }

    /// A relay speaks for itself alone; the outcome is the recipient's to state.
    private func verified(
        _ receipt: Receipt, _ passage: Passage, envelope: Digest
    ) async throws -> ReceiptStatement {
        let claim = try receipt.claim
        let kind = claim.statement.kind
        // What became of it afterwards comes by itself, and is no answer.
        guard kind.isOutcome || kind == .relayed else {
            throw ReceiptError.aboutAnother("thing than where the envelope stands")
        }
        let isRelays = kind == .relayed
        let signer = isRelays ? passage.next : passage.recipient
        guard !isRelays || passage.next != passage.recipient else {
            throw ReceiptError.foreignSigner(signer)
        }
        let statement = try await stated(in: claim, by: signer)
        guard statement.from == passage.upload.from, statement.id == passage.upload.transfer else {
            throw ReceiptError.aboutAnother("transfer")
        }
        // An earlier attempt may have been finished: its identity is another, its number tells. So may a
        // later one that went another way, past this relay. One of which a restored backup does not know
        // has any number.
        let isPast =
            kind.isOutcome && statement.from != identity.node && statement.attempt > passage.attempt
        let isFit =
            statement.envelope == envelope
            ? statement.attempt == passage.attempt : statement.attempt < passage.attempt || isPast
        guard isFit || membership.isRestored else {
            throw ReceiptError.aboutAnother("envelope")
        }
        try statement.requireInTime(passage.expires)
        return statement
    }

    /// What a receipt of a node's states about this federation: signature, certificate and proof are
    /// good.
    func stated(in claim: ReceiptClaim, by signer: NodeID) async throws -> ReceiptStatement {
        let (view, now) = (membership.current, clock.now())
        let federation = view.federation
        let node = try federation.node(signer, at: now)
        let former = try formerRecord(behind: claim, of: signer, now: federation)
        let statement = try claim.verify(
            signer: { name in
                guard let former else {
                    return try federation.signer(name, node: signer, at: now)
                }
                return try federation.signer(name, node: signer, listedBy: former, at: now)
            },
            log: try view.roll.logs[signer] ?? VerifierKey(node.logKey))
        guard statement.signer == signer else {
            throw ReceiptError.foreignSigner(statement.signer)
        }
        guard statement.federation == federation.id else {
            throw ReceiptError.aboutAnother("federation")
        }
        return statement
    }

    /// The record by which this node went when a receipt's entry was made, where the certificate that signed it
    /// has left the record since: a key may be renewed while the receipt is on its way.
    ///
    /// The moment is the entry's, for which the log's key stands, and not one that the signer names: a key that
    /// was stolen can date nothing back. Clocks differ, so it is five minutes before.
    /// - Parameter federation: in which the certificate is looked for first.
    /// - Returns: nil where that names the certificate, the log does not bear out the moment, or this node went by
    ///   no record then.
    func formerRecord(
        behind claim: ReceiptClaim, of signer: NodeID, now federation: Federation
    ) throws -> [UInt8]? {
        guard let node = federation.nodes[signer],
            !node.signing.contains(where: { $0.issuerAndSerial == claim.signer }),
            let log = try? VerifierKey(node.logKey), (try? claim.verifyRecord(log: log)) != nil
        else { return nil }
        let entered = claim.receipt.entry.time + -Limits.clockSkewSecondsMax
        return try store.lookUp { try $0.memberRecord(of: signer.country, asOf: entered) }
    }
}
