package import SelatCore
import SelatCrypto

// The record of a verdict: canonical JSON, the same bytes wherever the same inputs are judged. Its
// keys are described in Verdict, in this module's documentation.
extension Verdict {
    /// The canonical bytes (RFC 8785).
    package var record: [UInt8] { form.made { made }.record }

    /// SHA-256 of the record.
    package var digest: Digest { SHA256.digest(record) }

    package var json: JSON { form.made { made }.json }

    private var made: JSON {
        var members: JSON.Object = [
            "decided": .string(question.decided.text),
            "editions": .object(JSON.Object(editions.mapValues(\.json))),
            "facts": facts.json,
            "from": .string(question.source.text),
            "instruments": .strings(instruments),
            "judgements": .array(judgements.map(\.json)),
            "membership": .integer(question.membershipSerial),
            "missing": .strings(missing),
            "obligations": .array(obligations.map(\.json)),
            "outcome": .string(outcome.rawValue),
            "relays": .strings(question.relays.map(\.text)),
            "sectors": .object(sectors),
            "semantics": .integer(question.semantics.rawValue),
            "to": .string(question.destination.text),
            "type": .string(Self.type),
        ]
        members["ground"] = question.ground.map { .string($0) }
        members["label"] = question.label?.json
        if !question.received.isEmpty {
            members["received"] = .array(Received.inOrder(question.received).map(\.json))
        }
        return .object(members)
    }

    private static let type = "selat verdict"

    private var sectors: JSON.Object {
        JSON.Object(question.sectors.map { ($0.key.code, .string($0.value.rawValue)) })
    }

    /// A verdict from its record; what it says is not checked here (`PolicySet.verify` does).
    /// - Throws: `QuestionError.malformedRecord` for anything but the canonical bytes of a verdict.
    package init(record: [UInt8]) throws(QuestionError) {
        try self.init(stated: record)
        guard self.record == record else { throw Self.otherForm }
    }

    static let otherForm = QuestionError.malformedRecord(
        .json("not the canonical form of a verdict", offset: 0))

    /// What a record says, also where it is not how this verdict is written: for who makes the verdict again and
    /// compares the records.
    /// - Throws: `QuestionError.malformedRecord` for anything but the canonical JSON of a verdict.
    package init(stated record: [UInt8]) throws(QuestionError) {
        let json: JSON
        do throws(CoreError) { json = try JSON(canonical: record) } catch {
            throw .malformedRecord(error)
        }
        try self.init(stated: json)
    }

    /// The same of a record that was parsed already, as canonical JSON.
    package init(stated json: JSON) throws(QuestionError) {
        do throws(CoreError) { try self.init(json: json) } catch { throw .malformedRecord(error) }
    }

    private init(json: JSON) throws(CoreError) {
        var reader = try ObjectReader(json, "verdict")
        guard try reader.string("type") == Self.type else {
            throw .wrongType("type", in: "verdict", expected: "`\(Self.type)`")
        }
        guard let semantics = Semantics(rawValue: try reader.unsigned("semantics")) else {
            let known = Semantics.allCases.map { "\($0.rawValue)" }.joined(separator: " or ")
            throw .wrongType("semantics", in: "verdict", expected: known)
        }
        facts = try Facts(json: try reader.json("facts"))
        question = try Question(&reader, facts, semantics)
        editions = try Self.members(try reader.json("editions"), "editions") {
            (json) throws(CoreError) in try Edition(json: json)
        }
        instruments = try reader.strings("instruments")
        outcome = try reader.choice("outcome")
        var judgements: [Judgement] = []
        for element in try reader.array("judgements") {
            judgements.append(try Judgement(json: element))
        }
        self.judgements = judgements
        var obligations: [Obligation] = []
        for element in try reader.array("obligations") {
            obligations.append(try Obligation(json: element))
        }
        self.obligations = obligations
        missing = try reader.strings("missing")
        try reader.end()
    }

    fileprivate static func members<Value>(
        _ json: JSON, _ what: String, _ read: (JSON) throws(CoreError) -> Value
    ) throws(CoreError) -> [String: Value] {
        guard case .object(let members) = json else {
            throw .wrongType(what, in: "verdict", expected: "an object")
        }
        var result: [String: Value] = [:]
        for (key, value) in members { result[key] = try read(value) }
        return result
    }
}

extension Question {
    /// The question inside a record. What silence meant is left out: it follows from the
    /// vocabulary, and so must come out the same.
    fileprivate init(
        _ reader: inout ObjectReader, _ facts: Facts, _ semantics: Semantics
    ) throws(CoreError) {
        self.semantics = semantics
        source = try reader.node("from")
        destination = try reader.node("to")
        var relays: [NodeID] = []
        for text in try reader.strings("relays") { relays.append(try NodeID(text)) }
        self.relays = relays
        var sectors: [Country: Sector] = [:]
        let named = try Verdict.members(try reader.json("sectors"), "sectors") {
            (json) throws(CoreError) -> Sector in
            guard let sector = json.stringValue.flatMap(Sector.init(rawValue:)) else {
                throw .wrongType("sectors", in: "verdict", expected: "sectors")
            }
            return sector
        }
        for (code, sector) in named { sectors[try Country(code)] = sector }
        self.sectors = sectors
        membershipSerial = try reader.unsigned("membership")
        decided = try reader.timestamp("decided")
        label = if let json = reader.optional("label") { try Label(json: json) } else { nil }
        ground = try reader.optionalString("ground")
        received = []
        if let parts = reader.optional("received") {
            received = try Self.received(parts, semantics)
        }
        self.facts = Facts()
        (lineage, documents, isEmergency, counters) = ([], [], false, [:])
        for (name, fact) in facts.byName { try take(name, fact) }
    }

    private static func received(
        _ json: JSON, _ semantics: Semantics
    ) throws(CoreError) -> Set<Received> {
        guard semantics > .one, let parts = json.arrayValue, !parts.isEmpty else {
            throw .wrongType("received", in: "verdict", expected: "parts, or no such key")
        }
        var received: Set<Received> = []
        for part in parts { received.insert(try Received(json: part)) }
        return received
    }

    /// Puts one fact of a record where the question has it.
    private mutating func take(_ name: String, _ fact: Fact) throws(CoreError) {
        switch (KnownFact(rawValue: name), fact.origin, fact.value) {
        case (.lineage, .computed, .set(let codes)):
            for code in codes { lineage.insert(try Country(code)) }
        case (.document, _, .set(let names)): documents = names
        case (.emergency, _, .flag(let flag)): isEmergency = flag
        case (.safeguard, .computed, .set): break
        case (_, .stated, _), (_, .inspected, _): facts[name] = fact
        case (_, .assumed, _): break
        case (nil, .computed, .number(let number)): counters[name] = number
        default: throw .wrongType(name, in: "facts", expected: "a fact of its own origin")
        }
    }
}

extension Edition {
    package var json: JSON {
        [
            "digest": .string(digest.text), "number": .integer(number),
            "standing": .string(standing.rawValue),
        ]
    }

    fileprivate init(json: JSON) throws(CoreError) {
        var reader = try ObjectReader(json, "edition")
        digest = try reader.digest("digest")
        number = try reader.unsigned("number")
        standing = try reader.choice("standing")
        try reader.end()
    }
}

extension Judgement {
    package var json: JSON {
        var members: JSON.Object = [
            "clauses": .array(clauses.map(\.json)), "jurisdiction": .string(jurisdiction),
            "outcome": .string(outcome.rawValue),
        ]
        members["flow"] = flow.map { .string($0.rawValue) }
        return .object(members)
    }

    fileprivate init(json: JSON) throws(CoreError) {
        var reader = try ObjectReader(json, "judgement")
        var clauses: [Clause] = []
        for element in try reader.array("clauses") { clauses.append(try Clause(json: element)) }
        self.clauses = clauses
        jurisdiction = try reader.string("jurisdiction")
        outcome = try reader.choice("outcome")
        flow = reader.optional("flow") == nil ? nil : try reader.choice("flow")
        try reader.end()
    }
}

extension Clause {
    package var json: JSON {
        var members: JSON.Object = [
            "certain": .bool(isCertain), "kind": .string(kind.rawValue), "rule": .string(rule),
        ]
        members["citation"] = citation?.json
        return .object(members)
    }

    fileprivate init(json: JSON) throws(CoreError) {
        var reader = try ObjectReader(json, "clause")
        isCertain = try reader.bool("certain")
        kind = try reader.choice("kind")
        rule = try reader.string("rule")
        citation =
            if let json = reader.optional("citation") { try Citation(json: json) } else { nil }
        try reader.end()
    }
}

extension Citation {
    package var json: JSON {
        var members: JSON.Object = [
            "binds": .bool(binds), "cite": .string(cite), "clause": .string(clause),
            "kind": .string(kind.rawValue), "title": .string(title),
        ]
        members["exemption"] = exemption.map { .string($0) }
        return .object(members)
    }

    fileprivate init(json: JSON) throws(CoreError) {
        var reader = try ObjectReader(json, "citation")
        binds = try reader.bool("binds")
        cite = try reader.string("cite")
        clause = try reader.string("clause")
        kind = try reader.choice("kind")
        title = try reader.string("title")
        exemption = try reader.optionalString("exemption")
        try reader.end()
    }
}
