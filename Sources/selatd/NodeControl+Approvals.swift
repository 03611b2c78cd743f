import NIOCore
import SelatControl
import SelatCore
import SelatDelivery
import SelatEvidence
import SelatExchange
import SelatFederation
import SelatPolicy
import SelatStore

// What officers are asked, and what they answer.

extension NodeControl {
    func approvals(limit: Int) async throws -> JSON {
        var waiting: [JSON] = []
        for row in try await exchange.awaitingApproval(limit: limit) {
            var members = try self.members(row)
            members.merge(standing(try await exchange.approvals(of: row))) { _, new in new }
            waiting.append(.object(members))
        }
        return ["approvals": .array(waiting)]
    }

    /// What is owed for a transfer, and who has said what.
    func standing(_ standing: ApprovalStanding) -> JSON.Object {
        let given = standing.given.map { given -> JSON in
            var members: JSON.Object = [
                "digest": .string(given.row.digest.text), "taken": .string(given.row.taken.text),
            ]
            if let statement = given.statement {
                members.merge(self.members(statement)) { first, _ in first }
            }
            members["officer"] = given.officer.map { .string($0.id.text) }
            members["fault"] = given.fault.map { .string($0) }
            return .object(members)
        }
        return ["owed": .array(standing.owed.map(\.json)), "given": .array(given)]
    }

    private func members(_ statement: ApprovalStatement) -> JSON.Object {
        [
            "decision": .string(statement.decision.rawValue), "role": .string(statement.role),
            "side": .string(statement.side.rawValue), "reason": .string(statement.reason),
            "review": .string(statement.review.rawValue),
            "issued": .string(statement.issued.text),
            "not_after": .string(statement.notAfter.text),
            "break_glass": .bool(statement.isBreakGlass),
        ]
    }

    func approvalRequest(_ id: TransferID) async throws -> JSON {
        try await exchange.approvalRequest(id)
    }

    func review(_ id: TransferID, by caller: Caller) async throws -> ByteStream {
        let opening = try await exchange.review(id, by: caller.user)
        return ByteStream(size: opening.size, next: opening.next)
    }

    func take(
        approval message: [UInt8], of id: TransferID, by caller: Caller
    ) async throws -> JSON {
        let taken = try await exchange.take(approval: message, of: id, by: caller.user)
        let statement = taken.verified.statement
        return [
            "id": .string(id.text), "state": .string(taken.state.rawValue),
            "officer": .string(taken.verified.officer.id.text),
            "decision": .string(statement.decision.rawValue), "role": .string(statement.role),
            "side": .string(statement.side.rawValue),
            "digest": .string(taken.verified.digest.text),
            "owed": .array(taken.owed.map(\.json)),
        ]
    }

    func enterReport(_ digest: Digest, on id: TransferID, by caller: Caller) async throws -> JSON {
        let row = try await exchange.enterReport(digest, on: id, by: caller.user)
        return [
            "id": .string(id.text), "officer": .string(row.officer.text),
            "due": .string(row.due.text), "report": .string(digest.text),
        ]
    }
}
