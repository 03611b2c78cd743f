import SelatControl
import SelatCore
import SelatExchange
import SelatFederation
import SelatStore

// What was recalled, and what came of it.
extension NodeControl {
    func recalls(limit: Int) async throws -> JSON {
        var recalls: [JSON] = []
        for row in try await exchange.recalls(limit: limit) {
            recalls.append(.object(try await members(row)))
        }
        return ["recalls": .array(recalls)]
    }

    func take(recallWord message: [UInt8], by caller: Caller) async throws -> JSON {
        let taken = try await exchange.take(recallWord: message, by: caller.user)
        return .object(try await members(taken.row))
    }

    /// The recall of a transfer; nil where there is none.
    func recall(of id: TransferID, from: NodeID) async throws -> JSON? {
        guard let row = try await exchange.recall(of: id, from: from) else { return nil }
        return .object(try await members(row))
    }

    private func members(_ row: RecallRow) async throws -> JSON.Object {
        let view = try await exchange.view(of: row)
        var members: JSON.Object = [
            "id": .string(row.id.text), "from": .string(row.from.text),
            "to": .string(view.to.text), "direction": .string(view.direction),
            "state": .string(view.state), "officer": .string(row.officer),
            "reason": .string(row.reason), "issued": .string(view.issued.text),
            "taken": .string(row.taken.text), "digest": .string(row.digest.text),
            "statement": .string(Base64.encode(row.message)), "answers": .strings(view.answers),
        ]
        members["hold_until"] = (row.holdUntil ?? view.holdUntil).map { .string($0.text) }
        if row.holdUntil != nil { members["ordered"] = .bool(row.isOrdered) }
        members["decision"] = row.decision.map { .string($0) }
        members["cause"] = view.cause.map { .string($0) }
        if !view.onward.isEmpty {
            members["onward"] = .array(
                view.onward.map {
                    [
                        "id": .string($0.row.id.text), "to": .string($0.row.to.text),
                        "state": .string($0.row.state), "recalled": .bool($0.isRecalled),
                    ]
                })
        }
        return members
    }
}
