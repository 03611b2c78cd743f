import SelatControl
import SelatCore
import SelatExchange
import SelatFederation
import SelatStore

// What officers have signed.

extension NodeControl {
    func take(statement message: [UInt8], by caller: Caller) async throws -> JSON {
        members(try await exchange.take(statement: message, by: caller.user))
    }

    func statements(limit: Int) async throws -> JSON {
        ["statements": .array(try await exchange.statements(limit: limit).map { members($0) })]
    }

    private func members(_ kept: Exchange.KeptStatement) -> JSON {
        var members: JSON.Object = [
            "digest": .string(kept.row.digest.text), "taken": .string(kept.row.taken.text),
        ]
        members["statement"] = kept.statement?.json
        members["officer"] = kept.officer.map { .string($0.id.text) }
        members["fault"] = kept.fault.map { .string($0) }
        return .object(members)
    }
}
