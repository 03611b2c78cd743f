import SelatControl
import SelatCore
import SelatEnvelope
import SelatExchange
import SelatStore

// What lies where.
extension NodeControl {
    func holdings(limit: Int) async throws -> JSON {
        var ours: [JSON] = []
        for holding in try await exchange.holdingsOfOthers(limit: limit) {
            var fields = try members(holding.row)
            fields["since"] = holding.since.map { .string($0.text) }
            fields["until"] = holding.until.map { .string($0.text) }
            fields["stated"] = holding.stated.map { .string($0) }
            fields["recall"] = try await standing(holding.row.id, exchange.identity.node)
            ours.append(.object(Self.shown(fields)))
        }
        var theirs: [JSON] = []
        for row in try await exchange.holdings(limit: limit) {
            var fields = try members(row)
            // As of ours: what both ends call the size of a dataset.
            fields["size_bytes"] = .integer(
                try SegmentLayout(sealedSize: row.payloadSize).messageSize)
            fields["since"] = fields["received"]
            fields["until"] = fields["destroy_by"]
            fields["recall"] = try await standing(row.id, row.from)
            theirs.append(.object(Self.shown(fields)))
        }
        return ["ours": .array(ours), "theirs": .array(theirs)]
    }

    /// Where a recall stands, in one word; nil where there is none.
    private func standing(_ id: TransferID, _ from: NodeID) async throws -> JSON? {
        guard let recall = try await recall(of: id, from: from) else { return nil }
        return recall["answers"]?.arrayValue?.last ?? "asked"
    }

    private static func shown(_ fields: JSON.Object) -> JSON.Object {
        let keys: Set = [
            "id", "peer", "state", "stated", "title", "label", "size_bytes", "since", "until",
            "recall",
        ]
        return fields.filter { keys.contains($0.key) }
    }
}
