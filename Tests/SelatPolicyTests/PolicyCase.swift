import SelatCore
import SelatPolicy
import Testing

/// One case of `Policies/tests/cases.yaml`, read with the strict reader.
struct PolicyCase: Sendable, CustomTestStringConvertible {
    let name: String
    let signed: Set<String>
    let question: Question
    let verdict: Verdict.Outcome
    let ground: String?
    let prohibitions: [String]?
    let builtIn: [String]?
    let obligations: [String]?
    let missing: [String]?

    var testDescription: String { name }

    struct Malformed: Error { let problems: [PolicyDiagnostic] }

    static func all() throws -> [PolicyCase] {
        let source = PolicySource(
            name: "cases.yaml", bytes: try ShippedPolicies.bytes("tests/cases.yaml"))
        var reader = DocumentReader(file: source.name)
        let root = reader.section(reader.root(of: source), "the cases", keys: ["at", "tests"])
        let at = root.flatMap { reader.word(reader.required($0, "at"), "at") } ?? ""
        let nodes = root.flatMap { reader.list($0["tests"], "tests") } ?? []
        let decided = try Timestamp(at)
        let cases = nodes.compactMap { PolicyCase($0, decided, &reader) }
        guard reader.problems.isEmpty else { throw Malformed(problems: reader.problems) }
        return cases
    }

    private init?(_ node: DocumentNode, _ decided: Timestamp, _ reader: inout DocumentReader) {
        let keys = [
            "test", "facts", "signed", "chosen", "verdict", "ground", "prohibitions", "built-in",
            "obligations", "missing",
        ]
        guard let section = reader.section(node, "a test", keys: keys),
            let name = reader.quoted(reader.required(section, "test"), "test"),
            let verdict: Verdict.Outcome = reader.choice(section["verdict"], "verdict"),
            let factsNode = section["facts"], let facts = reader.map(factsNode, "facts"),
            var question = try? Question.blank(decided)
        else { return nil }
        self.name = name
        self.verdict = verdict
        signed = Set(Self.texts(section["signed"], &reader) ?? [])
        question.ground = section["chosen"].flatMap { reader.word($0, "chosen") }
        for entry in facts.entries { question.set(entry.key, entry.value, &reader) }
        question.finish()
        self.question = question
        ground = section["ground"].flatMap { reader.word($0, "ground") }
        prohibitions = Self.texts(section["prohibitions"], &reader)
        builtIn = Self.texts(section["built-in"], &reader)
        obligations = Self.texts(section["obligations"], &reader)
        missing = Self.texts(section["missing"], &reader)
    }

    fileprivate static func texts(
        _ node: DocumentNode?, _ reader: inout DocumentReader
    ) -> [String]? {
        guard let elements = reader.list(node, "a list") else { return nil }
        return elements.compactMap { reader.word($0, "an element") }
    }
}

extension Question {
    fileprivate static func blank(_ decided: Timestamp) throws -> Question {
        Question(
            source: try NodeID("ZZ/hub"), destination: try NodeID("ZZ/hub"), sectors: [:],
            membershipSerial: 1, decided: decided,
            label: Label(classification: .topSecret, releasableTo: []), facts: Facts())
    }

    /// Puts one fact of a case where a question has it.
    fileprivate mutating func set(
        _ name: String, _ node: DocumentNode, _ reader: inout DocumentReader
    ) {
        let texts = PolicyCase.texts(node, &reader) ?? []
        let word = texts.first ?? ""
        switch name {
        case "source": source = (try? NodeID("\(word)/hub")) ?? source
        case "destination": destination = (try? NodeID("\(word)/hub")) ?? destination
        case "relays": relays = texts.compactMap { try? NodeID("\($0)/relay") }
        case "lineage": lineage = Set(texts.compactMap { try? Country($0) })
        case "destination-sector": sectors[destination.country] = Sector(rawValue: word)
        case "classification":
            label?.classification = Classification(rawValue: word) ?? .topSecret
            facts["labelled"] = Fact(.flag(true), .stated)
        case "tlp": label?.tlp = TLP(rawValue: word) ?? .red
        case "marking": label?.marking = word
        case "releasable-to": label?.releasableTo = texts.compactMap { try? Country($0) }
        case "document": documents = Set(texts)
        case "emergency": isEmergency = word == "yes"
        default: setStated(name, node, texts)
        }
    }

    private mutating func setStated(_ name: String, _ node: DocumentNode, _ texts: [String]) {
        if case .list = node.content {
            facts[name] = Fact(.set(Set(texts)), .stated)
        } else if let number = UInt64(texts[0]) {
            if name.contains(":") {
                counters[name] = number
            } else {
                facts[name] = Fact(.number(number), .stated)
            }
        } else {
            facts[name] = Fact(
                ["yes": .flag(true), "no": .flag(false)][texts[0]] ?? .term(texts[0]), .stated)
        }
    }

    /// What the case leaves to silence: defence at both ends, released to the destination.
    fileprivate mutating func finish() {
        if facts["labelled"] == nil { label = nil }
        facts["labelled"] = nil
        for country in [source, destination].map(\.country) + relays.map(\.country)
        where sectors[country] == nil {
            sectors[country] = .defence
        }
        if label?.releasableTo.isEmpty == true { label?.releasableTo = [destination.country] }
    }
}
