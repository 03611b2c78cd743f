import SelatAudit
package import SelatCore
import SelatHTTP
import SelatStore
import Synchronization

// What operators see, and what holds new transfers back.

extension Witnesses {
    /// The members of `log` in `GET /v1/status` that are of witnesses.
    package func status() async throws -> JSON.Object {
        let (state, size) = (state.withLock { $0 }, store.latestCheckpoint.checkpoint.size)
        let now = clock.now()
        let (findings, counts) = try await store.read {
            (
                try $0.findings(),
                try $0.unwitnessedReceipts(lateSince: now + -Self.receiptSecondsMax)
            )
        }
        // Of a country that asks for no cosignatures none is late, nor of one that has left.
        let open = counts.filter { policies[$0.peer.country]?.quorum != nil }
        let witnessed = state.witnessed?.checkpoint.size ?? 0
        var members: JSON.Object = [
            "standing": .string(state.standing.word),
            "witnessed": .integer(witnessed),
            "unwitnessed": .integer(hasQuorum ? max(size, witnessed) - witnessed : 0),
            "witnesses": .array(asked.keys.sorted().map { json($0, state.dialogues[$0], size) }),
            "findings": .array(
                findings.map {
                    [
                        "node": .string($0.node.text), "finding": .string($0.finding),
                        "time": .string($0.time.text), "detail": .string($0.detail),
                    ]
                }),
            "receipts_unwitnessed": .integer(Int64(open.reduce(0) { $0 + $1.all })),
        ]
        members["quorum"] = policy.groups.last.map { .integer(Int64($0.threshold)) }
        if hasQuorum, witnessed < size {
            members["unwitnessed_since"] = state.unwitnessedSince.map { .string($0.text) }
        }
        var warnings = findings.map { "log of \($0.node): \($0.finding): \($0.detail)" }
        warnings += self.warnings(state, now)
        for (peer, _, late) in open where late > 0 {
            warnings.append(
                "\(late) receipts of \(peer) are not witnessed after 24 h; ask its operator")
        }
        members["warnings"] = .strings(warnings)
        return members
    }

    private func json(_ witness: NodeID, _ dialogue: Dialogue?, _ size: UInt64) -> JSON {
        var members: JSON.Object = [
            "node": .string(witness.text), "size": .integer(dialogue?.size ?? 0),
            "missing": .integer(max(size, dialogue?.size ?? 0) - (dialogue?.size ?? 0)),
        ]
        members["time"] = dialogue?.time.map { .string($0.text) }
        members["cause"] = dialogue?.cause.map { .string($0) }
        return .object(members)
    }

    private func warnings(_ state: State, _ now: Timestamp) -> [String] {
        var warnings: [String] = []
        switch state.standing {
        case .proven: break
        case .unproven:
            warnings.append("no witness has answered since the start: receipts wait")
        case .contradicted(let contradiction):
            warnings.append(
                "\(contradiction.description): nothing is sent or taken; if a backup was restored, "
                    + "run: selat restore --continue --reason TEXT")
        }
        for (witness, dialogue) in state.dialogues.sorted(by: { $0.key < $1.key })
        where dialogue.failures > 0 {
            warnings.append("witness \(witness) does not cosign: \(dialogue.cause ?? "")")
        }
        if let shortfall { warnings.append(shortfall) }
        if let fault = state.clockFault { warnings.append("\(fault): nothing is sent or taken") }
        if isOverdue(state, now), let since = state.unwitnessedSince {
            warnings.append("entries since \(since) are unwitnessed: nothing new is sent")
        }
        return warnings
    }

    /// Why no checkpoint of the own log can be witnessed, if so.
    package var shortfall: String? {
        guard hasQuorum, !policy.canBeMet, let countries = policy.groups.last else { return nil }
        return
            "this country's record asks for the cosignatures of \(countries.threshold) countries, and "
            + "\(countries.members.count) can give one: no entry becomes witnessed"
    }

    private func isOverdue(_ state: State, _ now: Timestamp) -> Bool {
        hasQuorum && (state.unwitnessedSince.map { now - $0 >= settings.patience } ?? false)
    }

    /// - Throws: `Problem` while nothing is taken or sent.
    package func requireExchange() throws {
        guard standing == .proven else { throw ServiceProblem.logNotProven(standing.word) }
        try requireClock()
    }

    /// - Throws: `Problem` while no new transfer is begun.
    package func requireNewTransfers() throws {
        if case .contradicted = standing { throw ServiceProblem.logNotProven(standing.word) }
        try requireClock()
        let (state, now) = (state.withLock { $0 }, clock.now())
        if isOverdue(state, now), let since = state.unwitnessedSince {
            throw ServiceProblem.unwitnessed(since: since)
        }
    }

    /// A receipt not witnessed for so long is its signer's fault.
    static let receiptSecondsMax: Int64 = 86_400
}
