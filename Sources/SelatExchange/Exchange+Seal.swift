package import NIOCore
import SelatAudit
package import SelatCore
import SelatCrypto
package import SelatDelivery
import SelatEnvelope
import SelatFederation
import SelatHTTP
import SelatPolicy
import SelatStore
import SelatTransport
import Synchronization

// The sender's road, after the permit: seal the payload as it comes, record, answer; or end it.

extension Exchange {
    /// Seals the payload as it arrives. When this returns, the transfer is accepted: it will end in
    /// exactly one outcome.
    ///
    /// It waits for its turn first (*Sealing in turn*), with the body still at the sender.
    /// - Parameter gone: completes when the sender hangs up.
    package func seal<Body: AsyncSequence & Sendable>(
        _ id: TransferID, _ body: Body, by user: UInt32, unless gone: EventLoopFuture<Void>? = nil
    ) async throws -> Sender.State where Body.Element == ByteBuffer {
        try await seal(id, from: ArrivingPlaintext(body: body), by: user, unless: gone)
    }

    /// The same of files that the caller has handed over.
    package func seal(
        _ id: TransferID, _ files: HandedFiles, by user: UInt32,
        unless gone: EventLoopFuture<Void>? = nil
    ) async throws -> Sender.State {
        let plaintext = HandedPlaintext(handed: files, gone: gone)
        return try await seal(id, from: plaintext, by: user, unless: gone)
    }

    func seal(
        _ id: TransferID, from plaintext: some Plaintext, by user: UInt32,
        unless gone: EventLoopFuture<Void>?
    ) async throws -> Sender.State {
        let claimed = pending.withLock { $0.take(id) }
        guard let claimed else {
            guard let row = try store.lookUp({ try $0.outbound(id) }) else {
                throw ServiceProblem.unknownTransfer(id)
            }
            throw ServiceProblem.notReady(
                "no payload is awaited for `\(id)`, which is \(row.state)",
                remedy: "begin a new transfer")
        }
        var isAwaitedAnew = false
        defer {
            if !isAwaitedAnew {
                pending.withLock { $0.giveBack(claimed.descriptionBytes, of: claimed.asked.user) }
            }
        }
        do {
            let sealed = try await sealedInTurn(id, claimed, plaintext, unless: gone)
            let wrapped = try storageKey.wrap(sealed.key.secret, for: .outbound(id))
            if case .spool(let leaves) = sealed.place { try await keep(leaves, of: id) }
            let owed = !claimed.permit.outstanding([]).isEmpty
            let stored = sealed.record.stored
            let state = try await accept(
                id, sealed, stored, wrapped, approvalsOwed: owed, by: user)
            sealedRecords.keep(sealed.record, of: id, storedBytes: stored.count)
            accepted.yield(.outbound(id))
            return state
        } catch {
            let problem = Self.problem(ofSealing: error)
            if claimed.asked.isChosen, error is HTTPFault || error is CancellationError {
                await awaitAnew(id, claimed)
                isAwaitedAnew = true
                throw problem
            }
            do {
                try await endSealing(id, cause: "sealing failed: \(error)")
            } catch {
                // The database takes nothing now; housekeeping tries again.
                cutShort.withLock { $0[id] = "sealing failed: \(problem)" }
            }
            throw problem
        }
    }

    /// The sender hung up, who can come back under the same id: then all of it is sealed anew, by another key.
    private func awaitAnew(_ id: TransferID, _ claimed: PendingSeal) async {
        await spool.remove(SpoolFolder.Name(outbound: id))
        var claimed = claimed
        claimed.begun = .now
        pending.withLock { [claimed] in $0.keep(claimed, of: id) }
    }

    /// Bytes that are not as many as was said say nothing of what may be trusted: whoever sent them was wrong.
    private static func problem(ofSealing error: any Error) -> any Error {
        guard case EnvelopeError.sizeDiffers(let expected, let actual) = error else {
            return problem(of: error)
        }
        return ServiceProblem.badSize(expected: expected, actual: actual)
    }

    /// What sealing gives, until it is recorded.
    struct Sealed: Sendable {
        let record: SealedRecord
        let key: ContentKey
        let place: Place

        enum Place {
            /// The sealed payload of a small dataset, which goes into the database with the record.
            case database([UInt8])
            /// The payload is a file; these belong to it.
            case spool(Leaves)
        }
    }

    /// Of one segment the record's root says it already. Either way the payload's name is durable then.
    private func keep(_ leaves: Leaves, of id: TransferID) async throws(FileFault) {
        if leaves.count == 1 { return try await spool.syncNames() }
        try await spool.write(leaves.bytes, to: SpoolFolder.Name(outbound: id), .leaves)
    }

    /// The payload as it was sealed.
    func payload(of id: TransferID, _ record: SealedRecord) async throws -> SealedPayload {
        if let payload = try SealedPayload(ofOneSegment: record.payload) { return payload }
        let leaves = try Leaves(try await spool.read(SpoolFolder.Name(outbound: id), .leaves))
        return try SealedPayload(identity: record.payload, leaves: leaves)
    }

    func sealedInTurn(
        _ id: TransferID, _ claimed: PendingSeal, _ plaintext: some Plaintext,
        unless gone: EventLoopFuture<Void>?
    ) async throws -> Sealed {
        let request = claimed.request
        let place = Sealings.Place(
            id: id, precedence: request.precedence, size: request.dataset.totalBytes)
        try await sealings.enter(place, unless: gone)
        do {
            let sealed = try await sealed(id, claimed, plaintext)
            await sealings.leave(place)
            return sealed
        } catch {
            await sealings.leave(place)
            throw error
        }
    }

    private func sealed(
        _ id: TransferID, _ claimed: PendingSeal, _ plaintext: some Plaintext
    ) async throws -> Sealed {
        let choice: SuiteChoice
        do throws(SuiteShortage) {
            choice = try chooseSuite(
                to: claimed.request.to, label: claimed.request.label, claimed.permit.verdict,
                at: clock.now())
        } catch {
            throw ServiceProblem.suiteMissing(error)
        }
        let core = try EnvelopeCore(
            id: id, federation: federation.id, from: identity.node, to: claimed.request.to,
            created: claimed.asked.created, expires: claimed.asked.expires,
            label: claimed.request.label,
            suite: choice.suite, toKeys: choice.keys.digest)
        let (key, parts) = try ContentKey.make(for: core, to: choice.keys)
        // Sealing takes what an urgent transfer needs as well: the processors, and the disk.
        let turn = { @Sendable [lanes] in
            try await lanes.giveWay(claimed.request.precedence)
        }
        let size = claimed.request.dataset.totalBytes
        let sealedSize = try SegmentLayout(messageSize: size).sealedSize
        if Self.isStored(sealed: sealedSize) {
            let message = try await plaintext.whole(claimed.request, turn: turn)
            let (bytes, payload) = try PayloadSealer.seal(
                message, permit: claimed.permit, core: core, contentKey: key)
            let record = SealedRecord(core: core, keys: parts, payload: payload.identity)
            return Sealed(record: record, key: key, place: .database(bytes))
        }
        let sink = try await spool.makePayload(
            of: SpoolFolder.Name(outbound: id), size: sealedSize)
        let payload = try await plaintext.seal(
            claimed.request, permit: claimed.permit, core: core, contentKey: key, sink: sink,
            turn: turn)
        let record = SealedRecord(core: core, keys: parts, payload: payload.identity)
        return Sealed(record: record, key: key, place: .spool(payload.leaves))
    }

    private func accept(
        _ id: TransferID, _ sealed: Sealed, _ stored: [UInt8], _ wrapped: [UInt8],
        approvalsOwed: Bool, by user: UInt32
    ) async throws -> Sender.State {
        let now = clock.now()
        return try await store.commit { transaction in
            guard var row = try transaction.outbound(id) else {
                throw ServiceProblem.unknownTransfer(id)
            }
            var sender = try Sender(row)
            row.contentKey = wrapped
            for action in sender.handle(
                .sealed(approvalsOwed: approvalsOwed), at: self.moment(at: now))
            {
                guard case .record(let kind, _) = action else { continue }
                try Self.enter(sealed, stored, as: kind, of: id, by: user, in: transaction)
            }
            row.take(sender)
            try transaction.save(row)
            return sender.state
        }.value
    }

    /// Records what was sealed.
    static func enter(
        _ sealed: Sealed, _ stored: [UInt8], as kind: String, of id: TransferID, by user: UInt32,
        in transaction: Transaction
    ) throws {
        let record = sealed.record
        try transaction.append(
            EntryDraft(
                kind: try EntryKind(kind), transfer: id, actor: .user(user),
                details: [
                    "core": .string(record.core.digest.text),
                    "suite": .integer(record.core.suite.rawValue),
                    "root": .string(record.payload.root.text),
                    "size": .integer(record.payload.size),
                ]))
        try transaction.keep(stored, as: .sealed, of: id)
        if case .database(let bytes) = sealed.place {
            try transaction.keep(bytes, as: .payload, of: SpoolFolder.Name(outbound: id))
        }
    }

    /// Ends a transfer whose dataset was never sealed whole. No id was answered for it.
    func endSealing(_ id: TransferID, cause: String) async throws {
        let known = try store.lookUp { try $0.outbound(id) }
        guard known?.state == Sender.State.sealing.rawValue else { return }
        // Before the commit: what was half sealed may be what leaves the database no room.
        await spool.remove(SpoolFolder.Name(outbound: id))
        let now = clock.now()
        let ended = try await store.commit { transaction -> Bool in
            guard var row = try transaction.outbound(id) else { return false }
            var sender = try Sender(row)
            let actions = sender.handle(.sealingFailed(cause: cause), at: self.moment(at: now))
            guard actions.contains(.destroy) else { return false }
            for case .record(let kind, let cause) in actions {
                try transaction.append(
                    EntryDraft(
                        kind: try EntryKind(kind), transfer: id,
                        details: ["cause": .string(cause ?? "")]))
            }
            row.take(sender)
            row.contentKey = nil
            try transaction.save(row)
            try transaction.uncount(id)
            return true
        }.value
        guard ended else { return }
        await lanes.withdraw(id)
        await endings.tell(id)
    }

    /// Ends permitted transfers whose payload nobody sent within ten minutes.
    func endForgottenSeals() async throws {
        let overdue = pending.withLock {
            $0.takeOverdue(begunBefore: ContinuousClock.now - .seconds(600))
        }
        let causes = cutShort.withLock { cutShort in
            for id in overdue { cutShort[id] = "the dataset never came" }
            return cutShort
        }
        for (id, cause) in causes {
            try await endSealing(id, cause: cause)
            cutShort.withLock { $0[id] = nil }
        }
    }
}

extension Verdict {
    /// How the log calls a decision.
    var entryKind: EntryKind {
        switch outcome {
        case .permitted: "transfer.permitted"
        case .refused: "transfer.refused"
        case .incomplete: "transfer.incomplete"
        }
    }
}

extension Sender {
    /// The machine as a row keeps it.
    init(_ row: OutboundRow) throws {
        guard let state = State(rawValue: row.state) else {
            throw CoreError.malformed("state", row.state, expected: "a state of a sender")
        }
        self.init(
            expires: row.expires, state: state, handedOn: row.handedOn, attempt: row.attempt,
            cause: row.cause)
    }
}

extension OutboundRow {
    /// Whether it still says what the machine was made from.
    func isAs(_ sender: Sender) -> Bool {
        state == sender.state.rawValue && handedOn == sender.handedOn && attempt == sender.attempt
    }

    /// Takes over what is durable of the machine.
    mutating func take(_ sender: Sender) {
        state = sender.state.rawValue
        handedOn = handedOn || sender.handedOn
        attempt = sender.attempt
        cause = sender.cause
    }
}
