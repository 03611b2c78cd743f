package import SelatCore

/// What an operator asks to send, or to have judged.
package struct SendRequest: Sendable {
    package var to: NodeID
    package var label: Label
    /// Facts that the sender states, by the vocabulary's names.
    package var facts: Facts
    /// The ground that the sender relies on; nil takes the first that applies.
    package var ground: String?
    package var title: String?
    package var precedence: Precedence
    /// How long the transfer lives, in seconds.
    package var lifeSeconds: Int64
    /// A Data Package v2 descriptor with `path` and `bytes` for each resource, in payload order.
    package var dataset: JSON
    /// What the transfers that hold the same persons have in common.
    package var series: Series?
    /// The received transfers that the dataset derives from.
    package var derivedFrom: [TransferReference]
    /// The reference of the declared emergency that the sender relies on.
    package var emergency: String?
    /// The files of a small dataset, one after the other; nil where they follow.
    package var payload: [UInt8]?
    /// An id of the caller's own; nil leaves it to the node.
    package var id: TransferID?

    package init(
        to: NodeID, label: Label, facts: Facts, ground: String? = nil, title: String? = nil,
        precedence: Precedence = .routine, lifeSeconds: Int64 = Self.lifeSecondsDefault,
        dataset: JSON, series: Series? = nil, derivedFrom: [TransferReference] = [],
        emergency: String? = nil, payload: [UInt8]? = nil, id: TransferID? = nil
    ) {
        self.to = to
        self.label = label
        self.facts = facts
        self.ground = ground
        self.title = title
        self.precedence = precedence
        self.lifeSeconds = lifeSeconds
        self.dataset = dataset
        self.series = series
        self.derivedFrom = derivedFrom
        self.emergency = emergency
        self.payload = payload
        self.id = id
    }

    /// Seven days.
    package static let lifeSecondsDefault: Int64 = 7 * 86_400

    package var json: JSON {
        var members: JSON.Object = [
            "to": .string(to.text), "label": label.json,
            "facts": .object(JSON.Object(facts.byName.mapValues(\.value.json))),
            "precedence": .string(precedence.rawValue),
            "life_seconds": .integer(lifeSeconds), "dataset": dataset,
        ]
        if let ground { members["ground"] = .string(ground) }
        if let title { members["title"] = .string(title) }
        if let series { members["series"] = .string(series.text) }
        if let emergency { members["emergency"] = .string(emergency) }
        if let payload { members["payload"] = .string(Base64.encode(payload)) }
        if let id { members["id"] = .string(id.text) }
        if !derivedFrom.isEmpty { members["derived_from"] = .strings(derivedFrom.map(\.text)) }
        return .object(members)
    }

    /// - Throws: `CoreError` for unknown keys, missing ones and wrong values.
    package init(json: JSON) throws(CoreError) {
        var reader = try ObjectReader(json, "request")
        to = try reader.node("to")
        label = try Label(json: try reader.json("label"))
        guard case .object(let stated) = try reader.json("facts"),
            stated.count <= Limits.factsMax
        else {
            throw .wrongType(
                "facts", in: "request", expected: "an object of at most \(Limits.factsMax) facts")
        }
        facts = Facts()
        for (name, value) in stated {
            facts[name] = Fact(try FactValue(json: value, fact: name), .stated)
        }
        try facts.requireAll(of: stated)
        ground = try reader.optionalString("ground")
        title = try reader.optionalString("title")
        guard (title?.utf8.count ?? 0) <= Limits.titleBytesMax else {
            throw .wrongType(
                "title", in: "request", expected: "at most \(Limits.titleBytesMax) bytes")
        }
        precedence =
            try reader.optional("precedence") == nil ? .routine : reader.choice("precedence")
        let life = try reader.optionalUnsigned("life_seconds").map { Int64($0) }
        lifeSeconds = life ?? Self.lifeSecondsDefault
        guard (1...Limits.envelopeLifeSecondsMax).contains(lifeSeconds) else {
            throw .wrongType("life_seconds", in: "request", expected: "from 1 to 30 days")
        }
        dataset = try reader.json("dataset")
        series = try reader.optionalString("series").map { text throws(CoreError) in
            guard let series = Series(text) else {
                throw .malformed("series", text, expected: Series.expected)
            }
            return series
        }
        derivedFrom = try Self.transfers(&reader)
        emergency = try reader.optionalString("emergency")
        payload = try Self.payload(&reader)
        id = try reader.optionalString("id").map { text throws(CoreError) in try TransferID(text) }
        try reader.end()
    }

    private static func payload(_ reader: inout ObjectReader) throws(CoreError) -> [UInt8]? {
        guard reader.optional("payload") != nil else { return nil }
        let payload = try reader.base64("payload")
        guard payload.count <= Limits.payloadWithRequestBytesMax else {
            throw .wrongType(
                "payload", in: "request",
                expected: "at most \(Limits.payloadWithRequestBytesMax) bytes; larger ones follow"
                    + " by `PUT /v1/transfers/ID/payload`")
        }
        return payload
    }

    private static func transfers(
        _ reader: inout ObjectReader
    ) throws(CoreError) -> [TransferReference] {
        guard reader.optional("derived_from") != nil else { return [] }
        var transfers: [TransferReference] = []
        for text in try reader.strings("derived_from") {
            transfers.append(try TransferReference(text))
        }
        guard Set(transfers).count == transfers.count,
            transfers.count <= Limits.derivedFromMax
        else {
            throw .wrongType(
                "derived_from", in: "request",
                expected: "at most \(Limits.derivedFromMax) transfers, none twice")
        }
        return transfers
    }
}
