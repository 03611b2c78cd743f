package import NIOCore
import SelatAudit
package import SelatCore
import SelatCrypto
import SelatDelivery
import SelatEnvelope
import SelatFederation
package import SelatPolicy
import SelatStore
import SelatTransport
import Synchronization

// The sender's road: parse the request, decide and record.

extension Exchange {
    /// What would be found out only when the head is made, or offered.
    private func checkSize(_ request: OutboundRequest, _ verdict: Verdict) throws {
        let dataset = request.dataset.json
        // Room for what else stands in a manifest, and for its sealing.
        let rest = 2 * verdict.record.count + 64 << 10
        let manifest = dataset.canonical.count + rest
        guard manifest <= Limits.manifestBytesMax else {
            throw ServiceProblem.badDataset(
                "its description is too large: \(manifest) bytes of \(Limits.manifestBytesMax)")
        }
        // Whoever reads it counts these too. None of the rest takes less than two bytes.
        let extent = dataset.extent
        let (values, containers) = (extent.values + rest / 2, extent.containers + rest / 2)
        guard values <= Limits.jsonValuesMax, containers <= Limits.jsonContainersMax else {
            throw ServiceProblem.badDataset(
                "its description is too large: \(extent.values) values, of them"
                    + " \(extent.containers) objects and arrays")
        }
    }

    /// What `begin` answers.
    package struct Begun: Sendable {
        package let id: TransferID
        /// `sealing`, `refused` or `incomplete`.
        package let state: String
        package let decision: Decision
    }

    /// What somebody asks for, before it is judged.
    struct Asked: Sendable {
        let id: TransferID
        /// In the caller's words; `request` names the sender of each part.
        let stated: OutboundRequest
        let prepared: Prepared
        let expires: Timestamp
        let user: UInt32
        /// Whether the caller has chosen the id, and can come back under it.
        let isChosen: Bool

        var request: OutboundRequest { prepared.request }
        var created: Timestamp { prepared.question.decided }
    }

    /// Judges a transfer and records the decision. Where it permits, the payload may follow. Asked the same under
    /// an id whose payload is awaited, it answers the same.
    /// - Parameter id: of the caller's own; nil for a fresh one.
    package func begin(
        _ request: OutboundRequest, as id: TransferID? = nil, lifeSeconds: Int64, by user: UInt32
    ) async throws -> Begun {
        if let id, let begun = awaited(id, request, lifeSeconds) { return begun }
        return try await alone(with: id) {
            try await begin(try await ask(request, as: id, lifeSeconds, by: user))
        }
    }

    /// What was begun by the same request and not sealed yet, nor is just now.
    private func awaited(
        _ id: TransferID, _ request: OutboundRequest, _ lifeSeconds: Int64
    ) -> Begun? {
        guard let held = pending.withLock({ $0[id] }), held.asked.stated == request,
            held.asked.expires == held.asked.created + lifeSeconds
        else { return nil }
        return Begun(id: id, state: Sender.State.sealing.rawValue, decision: held.decision)
    }

    /// Runs `body`, to which alone an id belongs meanwhile that a caller has chosen.
    /// - Throws: `Problem` where a transfer has the id, or is about to, and where it was not made just now.
    private nonisolated(nonsending) func alone<Value>(
        with id: TransferID?, _ body: nonisolated(nonsending) () async throws -> Value
    ) async throws -> Value {
        guard let id else { return try await body() }
        guard chosen.withLock({ $0.insert(id).inserted }) else {
            throw ServiceProblem.beingTaken(id)
        }
        defer { chosen.withLock { _ = $0.remove(id) } }
        // Also of another's choosing: what is said of an id is to mean one transfer.
        let isKnown = try store.lookUp { snapshot in
            try snapshot.outbound(id) != nil || !snapshot.inbound(id).isEmpty
                || !snapshot.relayed(id).isEmpty
        }
        guard !isKnown else { throw ServiceProblem.knownTransfer(id) }
        // Transfers are listed by their ids' time. Who asks again later for what was never taken learns that.
        let now = clock.now()
        guard abs(id.made - now) <= Limits.clockSkewSecondsMax else {
            throw ServiceProblem.strayID(id, at: now)
        }
        return try await body()
    }

    /// Judges a small dataset that came with the request, seals it, and records both; when this returns and
    /// the verdict permits, the transfer is accepted. Asked the same under an id whose payload is awaited, it is
    /// sealed by the verdict of then.
    /// - Parameters:
    ///   - id: of the caller's own; nil for a fresh one.
    ///   - gone: completes when the sender hangs up.
    package func send(
        _ request: OutboundRequest, _ payload: [UInt8], as id: TransferID? = nil,
        lifeSeconds: Int64, by user: UInt32, unless gone: EventLoopFuture<Void>? = nil
    ) async throws -> Begun {
        guard payload.count == request.dataset.totalBytes else {
            throw ServiceProblem.badSize(
                expected: request.dataset.totalBytes, actual: UInt64(payload.count))
        }
        let plaintext = ArrivingPlaintext(body: OneBuffer(ByteBuffer(bytes: payload)))
        if let id, let begun = awaited(id, request, lifeSeconds) {
            return try await seal(begun, plaintext, by: user, unless: gone)
        }
        return try await alone(with: id) {
            try await sendAlone(request, plaintext, as: id, lifeSeconds, by: user, unless: gone)
        }
    }

    private nonisolated(nonsending) func sendAlone(
        _ request: OutboundRequest, _ plaintext: some Plaintext, as id: TransferID?,
        _ lifeSeconds: Int64, by user: UInt32, unless gone: EventLoopFuture<Void>?
    ) async throws -> Begun {
        var asked = try await ask(request, as: id, lifeSeconds, by: user)
        do {
            if let begun = try await sendAtOnce(asked, plaintext, unless: gone) { return begun }
        } catch is Overtaken {
            // It is asked anew, by what is in force now; nothing was recorded.
            asked = try await ask(request, as: id, lifeSeconds, by: user)
        }
        return try await seal(try await begin(asked), plaintext, by: user, unless: gone)
    }

    private nonisolated(nonsending) func seal(
        _ begun: Begun, _ plaintext: some Plaintext, by user: UInt32,
        unless gone: EventLoopFuture<Void>?
    ) async throws -> Begun {
        guard begun.state == Sender.State.sealing.rawValue else { return begun }
        let state = try await seal(begun.id, from: plaintext, by: user, unless: gone)
        return Begun(id: begun.id, state: state.rawValue, decision: begun.decision)
    }

    func ask(
        _ request: OutboundRequest, as id: TransferID? = nil, _ lifeSeconds: Int64, by user: UInt32
    ) async throws -> Asked {
        try witnesses.requireNewTransfers()
        try store.lookUp { try requireRoom(for: request, in: $0) }
        try await requireReserve(
            for: request.precedence, size: request.dataset.totalBytes, from: .operated)
        let prepared = try await prepare(request, through: try await chooseRelays(for: request))
        return Asked(
            id: id ?? TransferID(madeAt: clock.now(), entropy), stated: request,
            prepared: prepared,
            expires: prepared.question.decided + lifeSeconds, user: user, isChosen: id != nil)
    }

    private func begin(_ asked: Asked) async throws -> Begun {
        let bytes = asked.request.dataset.json.canonical.count
        try pending.withLock {
            try $0.reserve(bytes, asked.request.precedence, of: asked.user)
        }
        do {
            let begun = try await begin(asked, descriptionBytes: bytes)
            // Then no payload is awaited.
            if begun.decision.permit == nil {
                pending.withLock { $0.giveBack(bytes, of: asked.user) }
            }
            return begun
        } catch {
            pending.withLock { $0.giveBack(bytes, of: asked.user) }
            throw error
        }
    }

    private func begin(_ asked: Asked, descriptionBytes: Int) async throws -> Begun {
        let (id, request) = (asked.id, asked.request)
        // Counters are read and raised in one transaction, with the permit that they allow.
        let (decision, storedBytes) = try await store.commit { transaction in
            let (decision, raised) = try self.decide(asked.prepared, id) {
                try transaction.counted(in: $0)
            }
            try self.check(request, decision)
            if decision.permit != nil {
                try self.requireRoom(for: request, in: transaction.snapshot)
            }
            let verdict = decision.verdict
            let stored = verdict.outcome == .incomplete ? [] : request.stored(verdict: verdict)
            try Self.enter(
                Self.judged(asked, verdict), stored, asked, verdict, raised, in: transaction)
            return (decision, stored.count)
        }.value
        let verdict = decision.verdict
        guard let permit = decision.permit else {
            return Begun(id: id, state: verdict.outcome.rawValue, decision: decision)
        }
        requests.keep(
            JudgedRequest(request: request, verdict: verdict), of: id, storedBytes: storedBytes)
        await lanes.announce(id, request.precedence)
        let seal = PendingSeal(
            decision: decision, permit: permit, asked: asked, begun: .now,
            descriptionBytes: descriptionBytes)
        pending.withLock { $0.keep(seal, of: id) }
        return Begun(id: id, state: Sender.State.sealing.rawValue, decision: decision)
    }

    /// Records a decision.
    /// - Parameters:
    ///   - row: the transfer; of an incomplete question none is kept.
    ///   - raised: what its permit adds to counters.
    static func enter(
        _ row: OutboundRow, _ stored: [UInt8], _ asked: Asked, _ verdict: Verdict,
        _ raised: [CountedRow], in transaction: Transaction
    ) throws {
        if verdict.outcome != .incomplete {
            try transaction.save(row)
            try transaction.keep(stored, as: .request, of: row.id)
        }
        if verdict.outcome == .permitted {
            for row in raised { try transaction.count(row) }
            try transaction.derive(row.id, from: asked.request.derivedFrom)
        }
        try transaction.append(entry(asked, verdict))
    }

    func check(_ request: OutboundRequest, _ decision: Decision) throws {
        try checkSize(request, decision.verdict)
        guard decision.permit != nil else { return }
        do throws(SuiteShortage) {
            _ = try chooseSuite(
                to: request.to, label: request.label, decision.verdict, at: clock.now())
        } catch {
            throw ServiceProblem.suiteMissing(error)
        }
    }

    /// A transfer as its decision leaves it.
    static func judged(_ asked: Asked, _ verdict: Verdict) -> OutboundRow {
        let state = verdict.outcome == .permitted ? Sender.State.sealing : .refused
        var row = OutboundRow(
            id: asked.id, to: asked.request.to, created: asked.created, expires: asked.expires,
            precedence: asked.request.precedence, state: state.rawValue,
            payloadSize: asked.request.dataset.totalBytes)
        if verdict.outcome == .refused { row.cause = verdict.reason }
        return row
    }

    private static func entry(_ asked: Asked, _ verdict: Verdict) -> EntryDraft {
        let prepared = asked.prepared
        var details: JSON.Object = [
            "to": .string(prepared.request.to.text),
            "verdict": verdict.json,
        ]
        let shown = prepared.presented.messages
        if !shown.isEmpty {
            details["statements"] = .strings(shown.map { SHA256.digest($0).text })
        }
        if !prepared.request.derivedFrom.isEmpty {
            details["derived-from"] = .strings(prepared.request.derivedFrom.map(\.text))
        }
        return EntryDraft(
            kind: verdict.entryKind, transfer: asked.id, actor: .user(asked.user),
            details: .object(details))
    }

    /// Looked for before anything is judged, and again with the record of the permit: many that come at once may have
    /// found the same room.
    func requireRoom(for request: OutboundRequest, in snapshot: Snapshot) throws {
        let (to, size) = (request.to, request.dataset.totalBytes)
        let own = queue.recipient.extended(for: request.precedence)
        let waiting = try snapshot.outboundLoad(to: to)
        guard own.hasRoom(for: size, beside: waiting) else {
            throw ServiceProblem.queueFull("to `\(to)`", own.words(waiting), size, "recipient")
        }
        let total = queue.total.extended(for: request.precedence)
        let all = try snapshot.outboundLoad()
        guard total.hasRoom(for: size, beside: all) else {
            throw ServiceProblem.queueFull("to all nodes", total.words(all), size, "total")
        }
    }
}
