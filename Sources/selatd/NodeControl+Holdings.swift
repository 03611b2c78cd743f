import SelatControl
import SelatCore
import SelatExchange

// What lies where.
extension NodeControl {
    func holdings(limit: Int) async throws -> JSON {
        let ours = try await exchange.holdingsOfOthers(limit: limit).map { holding in
            var fields = try members(holding.row)
            fields["since"] = holding.since.map { .string($0.text) }
            fields["until"] = holding.until.map { .string($0.text) }
            return JSON.object(Self.shown(fields))
        }
        let theirs = try await exchange.holdings(limit: limit).map { row in
            var fields = try members(row)
            fields["since"] = fields["received"]
            fields["until"] = fields["destroy_by"]
            return JSON.object(Self.shown(fields))
        }
        return ["ours": .array(ours), "theirs": .array(theirs)]
    }

    private static func shown(_ fields: [String: JSON]) -> [String: JSON] {
        let keys: Set = [
            "id", "peer", "state", "title", "label", "size_bytes", "since", "until",
        ]
        return fields.filter { keys.contains($0.key) }
    }
}
