package import SelatCore
package import SelatEnvelope
import SelatPolicy

/// What a sender asked for, and the verdict that permits it.
package struct OutboundRequest: Hashable, Sendable {
    package let to: NodeID
    package let label: Label
    /// As the sender stated them.
    package let facts: Facts
    package let ground: String?
    package let precedence: Precedence
    package let dataset: DatasetDescription
    /// What the transfers that hold the same persons have in common.
    package let series: Series?
    /// The received transfers that the dataset derives from; each with its sender once it was found.
    package internal(set) var derivedFrom: [TransferReference]
    /// The reference of the declared emergency that the sender relies on.
    package let emergency: String?

    package init(
        to: NodeID, label: Label, facts: Facts, ground: String?, precedence: Precedence,
        dataset: DatasetDescription, series: Series? = nil, derivedFrom: [TransferReference] = [],
        emergency: String? = nil
    ) {
        self.to = to
        self.label = label
        self.facts = facts
        self.ground = ground
        self.precedence = precedence
        self.dataset = dataset
        self.series = series
        self.derivedFrom = derivedFrom
        self.emergency = emergency
    }

    /// The request as the store keeps it, with the verdict's record.
    func stored(verdict: Verdict) -> [UInt8] {
        var members: JSON.Object = [
            "to": .string(to.text), "label": label.json, "facts": facts.json,
            "precedence": .string(precedence.rawValue), "dataset": dataset.json,
            "verdict": verdict.json,
        ]
        if let ground { members["ground"] = .string(ground) }
        if let series { members["series"] = .string(series.text) }
        if let emergency { members["emergency"] = .string(emergency) }
        if !derivedFrom.isEmpty { members["derived-from"] = .strings(derivedFrom.map(\.text)) }
        return JSON.object(members).canonical
    }

    /// Reads what `stored` wrote.
    static func read(_ stored: [UInt8]) throws -> (request: OutboundRequest, verdict: Verdict) {
        var reader = try ObjectReader(try JSON(parsing: stored, floats: true), "stored request")
        let request = OutboundRequest(
            to: try reader.node("to"), label: try Label(json: try reader.json("label")),
            facts: try Facts(json: try reader.json("facts")),
            ground: try reader.optionalString("ground"),
            precedence: try reader.choice("precedence"),
            dataset: try DatasetDescription(json: try reader.json("dataset")),
            series: try reader.optionalString("series").flatMap { Series($0) },
            derivedFrom: try reader.optional("derived-from") == nil
                ? [] : reader.strings("derived-from").map { try TransferReference($0) },
            emergency: try reader.optionalString("emergency"))
        let verdict = try Verdict(record: try reader.json("verdict").canonical)
        try reader.end()
        return (request, verdict)
    }
}

/// What sealing gave: never changes between attempts.
struct SealedRecord {
    let core: EnvelopeCore
    let keys: KeyParts
    let payload: PayloadIdentity

    var stored: [UInt8] {
        let record: JSON = [
            "core": core.json, "keys.cms": .string(Base64.encode(keys.cms)),
            "keys.mlkem": .string(Base64.encode(keys.mlkem)),
            "root": .string(payload.root.text), "size": .integer(payload.size),
        ]
        return record.canonical
    }

    init(core: EnvelopeCore, keys: KeyParts, payload: PayloadIdentity) {
        self.core = core
        self.keys = keys
        self.payload = payload
    }

    init(stored: [UInt8]) throws {
        var reader = try ObjectReader(try JSON(parsing: stored), "sealed record")
        core = try EnvelopeCore(json: try reader.json("core"))
        keys = try KeyParts(
            cms: try reader.base64("keys.cms"), mlkem: try reader.base64("keys.mlkem"))
        payload = PayloadIdentity(
            size: try reader.unsigned("size"), root: try reader.digest("root"))
        try reader.end()
    }
}
