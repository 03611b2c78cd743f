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
        // Room for what else stands in a manifest, and for its sealing.
        let manifest =
            request.dataset.json.canonical.count + 2 * verdict.record.count + 64 << 10
        guard manifest <= Limits.manifestBytesMax else {
            throw ServiceProblem.badDataset(
                "its description is too large: \(manifest) bytes of \(Limits.manifestBytesMax)")
        }
    }

    /// What `begin` answers.
    package struct Begun: Sendable {
        package let id: TransferID
        /// `sealing`, `refused` or `incomplete`.
        package let state: String
        package let decision: Decision
    }

    /// Judges a transfer and records the decision. Where it permits, the payload may follow.
    package func begin(
        _ request: OutboundRequest, lifeSeconds: Int64, by user: UInt32
    ) async throws -> Begun {
        try witnesses.requireNewTransfers()
        try await requireReserve(
            for: request.precedence, size: request.dataset.totalBytes, from: .operated)
        let prepared = try await prepare(request, through: try await chooseRelays(for: request))
        let id = try await newID()
        let now = prepared.question.decided
        let expires = now + lifeSeconds
        // Counters are read and raised in one transaction, with the permit that they allow.
        let (decision, storedBytes) = try await store.commit { transaction in
            let (decision, raised) = try self.decide(prepared, id) {
                try transaction.counted(in: $0)
            }
            try self.check(request, decision)
            let verdict = decision.verdict
            var stored: [UInt8] = []
            if verdict.outcome != .incomplete {
                stored = request.stored(verdict: verdict)
                try transaction.save(Self.judged(request, verdict, id, now, expires))
                try transaction.keep(stored, as: .request, of: id)
            }
            if verdict.outcome == .permitted {
                for row in raised { try transaction.count(row) }
                try transaction.derive(id, from: request.derivedFrom)
            }
            try transaction.append(Self.entry(prepared, verdict, id, by: user))
            return (decision, stored.count)
        }.value
        let verdict = decision.verdict
        guard let permit = decision.permit else {
            return Begun(id: id, state: verdict.outcome.rawValue, decision: decision)
        }
        requests.keep(
            JudgedRequest(request: request, verdict: verdict), of: id, storedBytes: storedBytes)
        await lanes.announce(id, request.precedence)
        pending.withLock {
            $0[id] = PendingSeal(
                permit: permit, request: request, created: now, expires: expires, begun: .now)
        }
        return Begun(id: id, state: Sender.State.sealing.rawValue, decision: decision)
    }

    private func check(_ request: OutboundRequest, _ decision: Decision) throws {
        try checkSize(request, decision.verdict)
        guard decision.permit != nil else { return }
        do throws(SuiteShortage) {
            _ = try chooseSuite(
                to: request.to, label: request.label, decision.verdict, at: clock.now())
        } catch {
            throw ServiceProblem.suiteMissing(error)
        }
    }

    private static func judged(
        _ request: OutboundRequest, _ verdict: Verdict, _ id: TransferID, _ now: Timestamp,
        _ expires: Timestamp
    ) -> OutboundRow {
        let state = verdict.outcome == .permitted ? Sender.State.sealing : .refused
        var row = OutboundRow(
            id: id, to: request.to, created: now, expires: expires, precedence: request.precedence,
            state: state.rawValue, payloadSize: request.dataset.totalBytes)
        if verdict.outcome == .refused { row.cause = verdict.reason }
        return row
    }

    private static func entry(
        _ prepared: Prepared, _ verdict: Verdict, _ id: TransferID, by user: UInt32
    ) -> EntryDraft {
        var details: [String: JSON] = [
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
            kind: verdict.entryKind, transfer: id, actor: .user(user), details: .object(details))
    }

    private func newID() async throws -> TransferID {
        let states = Sender.openStates.union(Sender.cutShortStates)
        let open = try store.lookUp { try $0.outboundCount(in: states) }
        guard open < Limits.transfersOpenMax else {
            throw ServiceProblem.notReady(
                "\(open) transfers are under way", remedy: "wait until some have ended")
        }
        return TransferID(
            milliseconds: UInt64(max(0, clock.now().seconds)) * 1_000, entropy: entropy.bytes(10))
    }
}
