import Logging
import SelatAudit
import SelatCore
import SelatStore
import SelatTransport
import Synchronization

// The log's side of C2SP tlog-witness.

extension Witnesses {
    /// Asks every witness that has not seen the newest checkpoint, or not for long.
    func ask() async throws {
        try await noteUnwitnessed()
        let signed = store.latestCheckpoint
        let due = witnessesDue(signed.checkpoint.size)
        guard !due.isEmpty, signed.checkpoint.size > 0 else { return }
        await withTaskGroup(of: Void.self) { group in
            for witness in due {
                guard let key = asked[witness] else { continue }
                group.addTask { await self.ask(witness, key, signed) }
            }
        }
        try await noteUnwitnessed()
    }

    private func witnessesDue(_ size: UInt64) -> [NodeID] {
        let now = clock.now()
        return state.withLock { state in
            asked.keys.sorted().filter { witness in
                guard let known = state.dialogues[witness] else { return true }
                if let next = known.next, next > .now { return false }
                let isOld = known.time.map { now - $0 >= settings.refresh } ?? true
                return known.size < size || isOld
            }
        }
    }

    /// One witness's cosignature, kept as soon as it is here.
    private func ask(_ witness: NodeID, _ key: CosignerKey, _ signed: SignedCheckpoint) async {
        do {
            let cosignature = try await cosignature(of: witness, key, on: signed)
            try await keep(cosignature, on: signed)
            state.withLock {
                $0.dialogues[witness] = Dialogue(
                    size: signed.checkpoint.size, time: cosignature.time,
                    skew: cosignature.time - clock.now())
            }
        } catch {
            if Task.isCancelled { return }
            let isFirst = state.withLock { state in
                var dialogue = state.dialogues[witness, default: Dialogue()]
                dialogue.failures += 1
                dialogue.cause = "\(error)"
                dialogue.next = .now + pause(after: dialogue.failures)
                state.dialogues[witness] = dialogue
                return dialogue.failures == 1
            }
            if isFirst {
                logger.warning(
                    "witness does not cosign",
                    metadata: ["witness": "\(witness)", "cause": "\(error)"])
            }
        }
    }

    /// Doubles with each failure, from the interval to the refresh.
    private func pause(after failures: Int) -> Duration {
        let doubled = settings.interval << Int64(min(failures - 1, 16))
        return .seconds(min(doubled, max(settings.interval, settings.refresh)))
    }

    /// - Throws: `WitnessRefusal`, and what the connection throws.
    private func cosignature(
        of witness: NodeID, _ key: CosignerKey, on signed: SignedCheckpoint
    ) async throws -> Cosignature {
        let size = signed.checkpoint.size
        var old = state.withLock { $0.dialogues[witness]?.size ?? 0 }
        // A first answer may say that the witness stands elsewhere.
        for _ in 0..<2 {
            guard old <= size else {
                try await examine(witness, key)
                throw WitnessRefusal(detail: "it has cosigned \(old) entries, \(size) are here")
            }
            switch try await reply(of: witness, to: signed, from: old) {
            case .cosigned(let lines): return try verified(lines, on: signed, by: key)
            case .conflict(let known): old = known
            case .refused(let status, let detail):
                if status == 422 || status == 403 { try await examine(witness, key) }
                throw WitnessRefusal(detail: "\(status): \(detail)")
            }
        }
        throw WitnessRefusal(detail: "it contradicts itself about what it has cosigned")
    }

    private func reply(
        of witness: NodeID, to signed: SignedCheckpoint, from old: UInt64
    ) async throws -> WitnessReply {
        let size = signed.checkpoint.size
        let proof =
            old == 0 || old == size
            ? [] : try await store.read { try $0.consistencyProof(from: old, to: size) }
        let request = try WitnessRequest(old: old, proof: proof, note: signed.note)
        return try await asking(witness) { try await $0.addCheckpoint(request.bytes) }
    }

    private func verified(
        _ lines: [UInt8], on signed: SignedCheckpoint, by key: CosignerKey
    ) throws -> Cosignature {
        let note = try SignedNote(parsing: signed.note + lines)
        guard let cosignature = try note.cosignatures(by: [key]).first else {
            throw AuditError.unsigned(key.name)
        }
        return cosignature
    }

    /// Joins a cosignature to the others of the same checkpoint.
    private func keep(_ cosignature: Cosignature, on signed: SignedCheckpoint) async throws {
        let joined = try state.withLock { state in
            let known = state.collected?.checkpoint == signed.checkpoint ? state.collected : nil
            let joined = try (known ?? signed).adding(cosignature)
            // An answer to an older question must not take the place of a newer checkpoint.
            guard state.collected?.checkpoint.size ?? 0 <= signed.checkpoint.size else {
                return joined
            }
            state.collected = joined
            state.news.checkpoint = Base64.encode(joined.note)
            return joined
        }
        let isWitnessed = try policy.standing(of: SignedNote(parsing: joined.note)).isWitnessed
        let row = CosignedRow(
            size: joined.checkpoint.size, note: joined.note, isWitnessed: isWitnessed)
        _ = try await store.commit { transaction in
            try transaction.save(row, origin: joined.checkpoint.origin)
        }
        guard isWitnessed else { return }
        state.withLock { state in
            if state.witnessed?.checkpoint.size ?? 0 <= joined.checkpoint.size {
                state.witnessed = joined
            }
        }
    }
}

/// Why a witness did not cosign.
struct WitnessRefusal: Error, CustomStringConvertible {
    let detail: String
    var description: String { detail }
}
