import Logging
package import NIOCore
import SelatAudit
package import SelatCore
import SelatCrypto
import SelatDelivery
package import SelatEnvelope
import SelatFederation
import SelatHTTP
import SelatPolicy
package import SelatStore
import SelatTransport

// What the exchange shows and hands out to its own operators.

extension Exchange {
    /// The delivered dataset's manifest, opened.
    /// - Parameter from: its sender, where several have used the id; so in all that follows.
    package func manifest(_ id: TransferID, from: NodeID? = nil) async throws -> Manifest {
        try await manifest(of: try await delivered(id, from: from))
    }

    /// The manifest of a dataset that lies here.
    func manifest(of row: InboundRow) async throws -> Manifest {
        let (head, key) = try await held(row)
        return try head.manifest(under: key)
    }

    /// A delivered dataset in plain.
    package struct Opening: Sendable {
        package let size: UInt64
        /// The next bytes, in order; nil at the authenticated end.
        package let next: @Sendable () async throws -> ByteBuffer?
    }

    /// Opens a delivered dataset: recorded first, handed out then.
    package func open(
        _ id: TransferID, from: NodeID? = nil, by user: UInt32
    ) async throws -> Opening {
        let sealed = try await sealed(id, from: from)
        // Every leaf was checked on arrival, and that is recorded; here every chunk's tag is.
        let opener = try PayloadOpener(
            sealed.source, size: sealed.row.payloadSize, core: sealed.head.core,
            contentKey: sealed.key)
        try await enterOpening(sealed, by: user)
        let upload = UploadID(from: sealed.row.from, transfer: id)
        return Opening(size: sealed.head.layout.messageSize) {
            let chunk: ByteBuffer?
            do {
                chunk = try await opener.next { bytes in
                    bytes.withUnsafeBytes { ByteBuffer(bytes: $0) }
                }
            } catch {
                self.logger.error("opening failed", metadata: ["id": "\(id)", "error": "\(error)"])
                throw error
            }
            try self.requireNotWithdrawn(upload)
            return chunk
        }
    }

    /// Opens a delivered dataset into files that the caller has handed over, each as long as its file in the
    /// dataset. They may be used when this has returned, and not before.
    /// - Parameter gone: completes when the caller hangs up.
    /// - Throws: `PlainFiles.Unusable` for files that do not fit the dataset, or cannot be written.
    package func open(
        _ id: TransferID, from: NodeID? = nil, into handed: HandedFiles, by user: UInt32,
        unless gone: EventLoopFuture<Void>? = nil
    ) async throws {
        let sealed = try await sealed(id, from: from)
        let upload = UploadID(from: sealed.row.from, transfer: id)
        let dataset = try sealed.head.manifest(under: sealed.key).dataset
        let files = try PlainFiles(handed, as: dataset.files, isWritten: true) {
            self.isWithdrawn(upload)
        }
        try await enterOpening(sealed, by: user)
        do {
            try await cancelled(by: gone) {
                try await PayloadOpener.open(
                    sealed.source, size: sealed.row.payloadSize, core: sealed.head.core,
                    contentKey: sealed.key, into: files)
            }
            try await spool.onDisk { () throws(FileFault) in
                try files.finish(size: sealed.head.layout.messageSize)
            }
            try requireNotWithdrawn(upload)
        } catch {
            try requireNotWithdrawn(upload)
            if let unusable = files.unusable { throw unusable }
            logger.error("opening failed", metadata: ["id": "\(id)", "error": "\(error)"])
            throw Self.problem(of: error)
        }
    }

    /// A delivered dataset that may be opened.
    private struct SealedDataset: Sendable {
        let row: InboundRow
        let head: VerifiedHead
        let key: ContentKey
        let source: any SegmentSource
    }

    private func sealed(_ id: TransferID, from: NodeID?) async throws -> SealedDataset {
        let row = try await delivered(id, from: from)
        if let destroyBy = row.destroyBy { await lookAtClock(past: destroyBy) }
        let now = clock.now()
        if let reason = quarantine(row) { throw ServiceProblem.quarantined(id, reason) }
        var machine = try Recipient(row)
        guard machine.handle(.open, at: self.moment(at: now)).contains(.handOut) else {
            try witnesses.requireEnding()
            try await end(row, .tick, at: now)
            throw ServiceProblem.notReady(
                "`\(id)` is \(machine.state.rawValue)", remedy: "see `selat show \(id)`")
        }
        let (head, key) = try await held(row)
        let source = try await payloadSource(of: SpoolFolder.Name(inbound: id, from: row.from))
        return SealedDataset(row: row, head: head, key: key, source: source)
    }

    /// Before the first byte is handed out.
    private func enterOpening(_ sealed: SealedDataset, by user: UInt32) async throws {
        let (row, now) = (sealed.row, clock.now())
        let statement =
            Self.isStated(try Recipient(row), .open, at: moment(at: now))
            ? try await self.statement(.opened, on: row, at: now) : nil
        guard try await recordOpening(row, statement, by: user, at: now) else {
            throw ServiceProblem.notReady(
                "`\(row.id)` was destroyed just now", remedy: "see `selat show \(row.id)`")
        }
    }

    /// A recall or a destruction reaches also what is being read, to the chunk that was read last.
    private func requireNotWithdrawn(_ upload: UploadID) throws {
        guard !isWithdrawn(upload) else {
            throw ServiceProblem.notReady(
                "`\(upload.transfer)` was taken back just now",
                remedy: "see `selat show \(upload.transfer)`")
        }
    }

    /// - Returns: whether the plaintext may be handed out.
    private func recordOpening(
        _ row: InboundRow, _ statement: Statement?, by user: UInt32, at now: Timestamp
    ) async throws -> Bool {
        let mayBeHandedOut = try await store.commit { transaction in
            guard var row = try transaction.inbound(row.id, from: row.from) else { return false }
            var recipient = try Recipient(row)
            let actions = recipient.handle(.open, at: self.moment(at: now))
            guard actions.contains(.handOut),
                !self.isWithdrawn(UploadID(from: row.from, transfer: row.id))
            else { return false }
            for case .record(let kind, let stated) in actions {
                // Two who open it for the first time at once: one of them states it.
                let statement = stated == nil ? nil : statement
                var details = statement?.details ?? [:]
                details["from"] = .string(row.from.text)
                let entry = try transaction.append(
                    EntryDraft(
                        kind: try EntryKind(kind), transfer: row.id, actor: .user(user),
                        details: .object(details)))
                if let statement {
                    try transaction.record(statement, on: row, as: entry, at: now)
                }
            }
            row.take(recipient)
            try transaction.save(row)
            return true
        }.value
        if statement != nil { accepted.yield(.letters(to: row.from)) }
        return mayBeHandedOut
    }

    /// Whether a step is one that this node states.
    private static func isStated(
        _ recipient: Recipient, _ event: Recipient.Event, at moment: Moment
    ) -> Bool {
        var recipient = recipient
        return recipient.handle(event, at: moment).contains { action in
            if case .record(_, .some) = action { true } else { false }
        }
    }

    /// A package as it travels: head, sealed payload, trailer. An own transfer goes before one that was received
    /// under the same id.
    package func package(
        _ id: TransferID, from: NodeID? = nil, by user: UInt32
    ) async throws -> Opening {
        let isOwn = from == nil || from == identity.node
        if isOwn, let row = try store.lookUp({ try $0.outbound(id) }) {
            let sender = try Sender(row)
            guard !sender.state.isOutcome else {
                throw ServiceProblem.notReady(
                    "`\(id)` is \(row.state), its sealed parts are not kept",
                    remedy: "export at the recipient, or while it is under way")
            }
            // A package is an offer too: only what is released, and rests on what is in force.
            guard row.attempt > 0, await lack(of: id, attempt: row.attempt) == nil else {
                throw Self.mayNotLeaveYet(id, sender)
            }
            let package = try await packed(SpoolFolder.Name(outbound: id))
            try await recordExport(of: row, as: package.envelope, by: user)
            return Opening(size: package.size, next: package.next)
        }
        let row = try await delivered(id, from: from)
        let package = try await packed(SpoolFolder.Name(inbound: id, from: row.from))
        try await recordExport(of: row, by: user)
        let upload = UploadID(from: row.from, transfer: id)
        return Opening(size: package.size) {
            let piece = try await package.next()
            try self.requireNotWithdrawn(upload)
            return piece
        }
    }

    /// What keeps a transfer here that has not ended, and what changes that.
    private static func mayNotLeaveYet(_ id: TransferID, _ sender: Sender) -> Problem {
        switch sender.state {
        case .sealing:
            ServiceProblem.notReady(
                "`\(id)` is being sealed, and may not leave yet",
                remedy: "export it once it is released: see `selat show \(id)`")
        case .waiting:
            ServiceProblem.notReady(
                "`\(id)` may not leave yet: \(sender.cause ?? "an approval is owed")",
                remedy: "officers sign with `selat approve \(id)`; export it after that")
        default:
            ServiceProblem.notReady(
                sender.attempt == 0
                    ? "`\(id)` is not released yet"
                    : "the verdict on `\(id)` must be made again before it leaves",
                remedy: "the next try does that, `selat retry \(id)` at once; export it then")
        }
    }

    /// Before the first byte leaves: a package is a complete envelope, whoever carries it.
    /// - Parameter envelope: the identity of the head that leaves. A pursuit may have written the head of its
    ///   next attempt, which is none before its release is committed.
    func recordExport(
        of known: OutboundRow, as envelope: Digest, by user: UInt32
    ) async throws {
        let (now, node) = (clock.now(), identity.node)
        _ = try await store.commit { transaction in
            guard var row = try transaction.outbound(known.id), row.attempt == known.attempt,
                try transaction.holdsHeader(of: envelope)
            else {
                throw ServiceProblem.notReady(
                    "`\(known.id)` has changed just now", remedy: "export it again")
            }
            guard try transaction.recall(of: row.id, from: node) == nil else {
                throw ServiceProblem.notReady(
                    "`\(row.id)` is recalled: nothing more of it leaves",
                    remedy: "see `selat show \(row.id)`")
            }
            var sender = try Sender(row)
            let actions = sender.handle(.exported, at: self.moment(at: now))
            guard !actions.isEmpty else {
                throw ServiceProblem.notReady(
                    "`\(row.id)` is \(row.state)", remedy: "see `selat show \(row.id)`")
            }
            for case .record(let kind, _) in actions {
                try transaction.append(
                    EntryDraft(
                        kind: try EntryKind(kind), transfer: row.id, actor: .user(user),
                        details: ["from": .string(node.text)]))
            }
            row.take(sender)
            try transaction.save(row)
        }
    }

    /// Of what was received: nothing of its state changes. What was recalled or destroyed meanwhile has
    /// stated what it does not reach, and no copy may be made after that.
    private func recordExport(of known: InboundRow, by user: UInt32) async throws {
        _ = try await store.commit { transaction in
            guard let row = try transaction.inbound(known.id, from: known.from),
                try row.isExportable,
                !self.isWithdrawn(UploadID(from: known.from, transfer: known.id))
            else { throw ServiceProblem.changed(known.id) }
            try transaction.append(
                EntryDraft(
                    kind: "transfer.exported", transfer: row.id, actor: .user(user),
                    details: ["from": .string(row.from.text)]))
        }
    }

    /// A package whose front is read and whose payload is open: what becomes of the files changes nothing
    /// in it any more.
    private struct Packed: Sendable {
        /// The identity of its head.
        let envelope: Digest
        let size: UInt64
        let next: @Sendable () async throws -> ByteBuffer?
    }

    private func packed(_ name: SpoolFolder.Name) async throws -> Packed {
        let front = try await part(.head, of: name)
        let head = try EnvelopeHead(parsing: front)
        let trailer = head.trailer
        let stream = try payloadStream(of: name)
        let cursor = PackageCursor(front: front, stream: stream, trailer: trailer)
        return Packed(
            envelope: try head.unverifiedIdentity(),
            size: UInt64(front.count) + stream.size + UInt64(trailer.count),
            next: { try await cursor.next() })
    }

    /// The outbound row, or all inbound or relayed rows, of an id: what still lies here before what does not.
    package func rows(
        _ id: TransferID, from: NodeID? = nil
    ) async throws -> (
        outbound: OutboundRow?, inbound: [InboundRow], relayed: [RelayedRow], entries: [EntryRow]
    ) {
        let (outbound, inbound, relayed, entries) = try store.lookUp {
            (
                try $0.outbound(id), try $0.inbound(id), try $0.relayed(id),
                try $0.entries(EntryFilter(transfer: id, limit: 1_000))
            )
        }
        let known = inbound.filter { from == nil || $0.from == from }
        let lying = try known.filter {
            [.delivered, .opened, .recalled].contains(try Recipient($0).state)
        }
        return (
            from == nil || from == identity.node ? outbound : nil,
            lying + known.filter { !lying.contains($0) },
            relayed.filter { from == nil || $0.from == from }, entries
        )
    }

    /// The same without the log's entries.
    package func standing(
        of id: TransferID
    ) throws -> (outbound: OutboundRow?, inbound: [InboundRow], relayed: [RelayedRow]) {
        try store.lookUp {
            if let row = try $0.outbound(id) { return (row, [], []) }
            return (nil, try $0.inbound(id), try $0.relayed(id))
        }
    }

    /// What relays, and the recipient since, have stated about an outbound transfer beside its outcome, oldest
    /// first.
    package func otherReceipts(of row: OutboundRow) throws -> [ReceiptRow] {
        let (id, node) = (row.id, identity.node)
        return try store.lookUp { try $0.receipts(of: id, from: node) }
    }

    /// Waits until a transfer that this node sends has ended.
    /// - Parameter gone: completes when whoever waits hangs up.
    package func waitForEnd(
        of id: TransferID, seconds: Int, unless gone: EventLoopFuture<Void>? = nil
    ) async throws {
        try await cancelled(by: gone) {
            try await self.endings.wait(for: id, seconds: seconds) {
                guard let row = try self.store.lookUp({ try $0.outbound(id) }) else { return true }
                return try Sender(row).state.isOutcome
            }
        }
    }

    /// What lies here under an id, and can be opened.
    func delivered(_ id: TransferID, from: NodeID? = nil) async throws -> InboundRow {
        try await received(id, from: from, in: [.delivered, .opened])
    }

    /// What lies here under an id, in one of these states. Ids are their senders' to choose, so another than the
    /// sender may have used the same.
    func received(
        _ id: TransferID, from: NodeID? = nil, in states: Set<Recipient.State>
    ) async throws -> InboundRow {
        let all = try store.lookUp { try $0.inbound(id) }
        let rows = all.filter { from == nil || $0.from == from }
        guard let first = rows.first else {
            if let from, !all.isEmpty {
                throw ServiceProblem.notReady(
                    "`\(id)` was not received from `\(from)`", remedy: "see `selat inbox`")
            }
            guard try store.lookUp({ try $0.outbound(id) }) == nil else {
                throw ServiceProblem.notReady(
                    "`\(id)` was sent from here, and not received",
                    remedy: "ask at its recipient; see `selat show \(id)`")
            }
            try requireNotPassing(id)
            throw ServiceProblem.unknownTransfer(id)
        }
        let lying = try rows.filter { states.contains(try Recipient($0).state) }
        guard let row = lying.first else {
            throw ServiceProblem.notReady(
                "`\(id)` is \(first.state)", remedy: "see `selat inbox` for what can be opened")
        }
        guard lying.count == 1 else {
            let senders = lying.map { "`\($0.from)`" }.joined(separator: " and ")
            throw ServiceProblem.notReady(
                "\(senders) have used the id `\(id)`", remedy: "say whose it is with `--from`")
        }
        return row
    }

    /// The verified head and the content key of a transfer that lies here.
    private func held(_ row: InboundRow) async throws -> (head: VerifiedHead, key: ContentKey) {
        guard let wrapped = row.contentKey else { throw ServiceProblem.unknownTransfer(row.id) }
        let owner = StorageKey.Owner.inbound(row.id, from: row.from)
        let head = try await head(of: row)
        do {
            return (head, try ContentKey(stored: try storageKey.unwrap(wrapped, for: owner)))
        } catch {
            throw ServiceProblem.verificationFailed("`\(row.id)`: \(error)")
        }
    }

    /// The head of a transfer that lies here. The signature is judged as of now, and as of the offer: an
    /// old certificate neither breaks an upload nor makes a delivered dataset unreadable, and neither
    /// does a clock that was ahead when the sender's record was taken.
    func head(of row: InboundRow) async throws -> VerifiedHead {
        let bytes: [UInt8]
        do {
            bytes = try await part(.head, of: SpoolFolder.Name(inbound: row.id, from: row.from))
        } catch let error as FileFault {
            throw ServiceProblem.disk(error)
        }
        let (current, now) = (federation, clock.now())
        let then = try await membership.federation(asOf: row.received)
        do {
            return try EnvelopeHead(parsing: bytes).verify { name, _ in
                do {
                    return try current.signer(name, node: row.from, at: now)
                } catch {
                    return try then.signer(name, node: row.from, at: row.received)
                }
            }
        } catch {
            throw ServiceProblem.verificationFailed("`\(row.id)`: \(error)")
        }
    }
}

extension InboundRow {
    /// Whether a package of it can be handed out.
    fileprivate var isExportable: Bool {
        get throws { [.delivered, .opened].contains(try Recipient(self).state) }
    }
}

/// Walks through a package's three pieces.
actor PackageCursor {
    private var front: [UInt8]?
    private let stream: SpoolStream
    private var trailer: [UInt8]?
    private var position: UInt64 = 0

    init(front: [UInt8], stream: SpoolStream, trailer: [UInt8]?) {
        self.front = front
        self.stream = stream
        self.trailer = trailer
    }

    func next() async throws -> ByteBuffer? {
        if let front {
            self.front = nil
            return ByteBuffer(bytes: front)
        }
        if position < stream.size {
            let start = position
            position = min(start + SpoolStream.pieceBytes, stream.size)
            return try await stream.buffer(start..<position)
        }
        defer { trailer = nil }
        return trailer.map { ByteBuffer(bytes: $0) }
    }
}

extension SpoolStream {
    /// The bytes of `range`, at most `pieceBytes`, copied once.
    func buffer(_ range: Range<UInt64>) async throws(FileFault) -> ByteBuffer {
        try await read(range) { span in
            var buffer = ByteBuffer()
            buffer.reserveCapacity(span.byteCount)
            span.withUnsafeBytes { _ = buffer.writeBytes($0) }
            return buffer
        }
    }
}
