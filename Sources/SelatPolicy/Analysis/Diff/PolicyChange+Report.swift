package import SelatCore

// A change for people, and as a document.
extension PolicyChange.Kind {
    /// How a statement begins.
    package var title: String {
        switch self {
        case .newlyPermitted: "Newly permitted"
        case .newlyRefused: "Newly refused"
        case .newlyIncomplete: "No longer permitted without more facts"
        case .otherObligations: "Permitted under other obligations"
        case .otherChoice: "Other for a sender who names the ground"
        case .otherRefusal: "Not permitted as before, but answered otherwise"
        }
    }
}

extension PolicyChange {
    /// The statement, its witness and what to type, line by line.
    package var lines: [String] {
        var lines = ["\(kind.title): \(subject)"]
        lines += alternatives
        lines += newlyOwed.map { "  owed now: \($0)" }
        lines += noLongerOwed.map { "  owed no longer: \($0)" }
        lines.append(
            "  for example, \(witness.before.rawValue) before and \(witness.after.rawValue) now:")
        return lines + witness.lines.map { "    \($0)" }
    }

    private var subject: String {
        let place = flow.map { "\(jurisdiction) \($0.rawValue)" } ?? "\(jurisdiction), any flow"
        guard let cause else { return place }
        return "\(place), by \(cause.kind.rawValue) \(cause.name) "
            + "(\(cause.edit.rawValue), \(cause.file):\(cause.place.line):\(cause.place.column))"
    }

    private var alternatives: [String] {
        var lines = when.enumerated().map { position, conditions in
            let text = conditions.isEmpty ? "always" : conditions.joined(separator: "; ")
            return "  \(position == 0 ? "when" : "or") \(text)"
        }
        if !isComplete { lines.append("  or in further cases: these are not all") }
        return lines
    }

    package var json: JSON {
        var members: JSON.Object = [
            "kind": .string(kind.rawValue), "jurisdiction": .string(jurisdiction),
            "when": .array(when.map { .strings($0) }), "complete": .bool(isComplete),
            "owed": .strings(newlyOwed), "no-longer-owed": .strings(noLongerOwed),
            "witness": witness.json,
        ]
        members["flow"] = flow.map { .string($0.rawValue) }
        members["rule"] = cause.map { cause in
            [
                "name": .string(cause.name), "kind": .string(cause.kind.rawValue),
                "edit": .string(cause.edit.rawValue), "file": .string(cause.file),
                "line": .integer(Int64(cause.place.line)),
                "column": .integer(Int64(cause.place.column)),
            ]
        }
        return .object(members)
    }
}

extension Witness {
    /// The facts that go into the file of `selat check --facts`.
    private var facts: JSON.Object {
        let own = ["personal-data", "purpose"]
        let others = question.facts.byName.filter { !own.contains($0.key) }
        return JSON.Object(others.mapValues(\.value.json))
    }

    /// The command that asks a node of the source, the facts file, and what else has to hold.
    package var lines: [String] {
        var lines = ["at a node of \(question.source.country): \(command)"]
        if !facts.isEmpty {
            lines.append(
                "facts.json: \(String(decoding: JSON.object(facts).canonical, as: UTF8.self))")
        }
        lines += circumstances.map { "and: \($0)" }
        return lines
    }

    private var command: String {
        var words = ["selat check DATASET --to \(question.destination.text)"]
        if case .set(let purposes) = question.facts["purpose"]?.value {
            words += purposes.sorted().map { "--purpose \($0)" }
        }
        if let label = question.label {
            words.append("--label \(label.classification.rawValue)")
            if label.tlp != .amber { words.append("--tlp \(label.tlp.rawValue)") }
            if label.releasableTo != [question.destination.country] {
                words += label.releasableTo.map { "--releasable-to \($0.code)" }
            }
        }
        if case .flag(let flag) = question.facts["personal-data"]?.value {
            words.append("--personal-data \(flag ? "yes" : "no")")
        }
        if let ground = question.ground {
            words.append("--ground \(question.source.country)/\(ground)")
        }
        if !facts.isEmpty { words.append("--facts facts.json") }
        return words.joined(separator: " ")
    }

    /// What a sender cannot state.
    private var circumstances: [String] {
        var lines = ["purpose", "personal-data"].filter { question.facts[$0] == nil }
            .map { "\($0) not stated" }
        lines += question.documents.sorted().map { "document \($0) attested" }
        if question.isEmergency { lines.append("an emergency declared") }
        lines += question.lineage.sorted().map { "made of data received from \($0)" }
        lines += question.relays.map { "by way of \($0.country)" }
        lines += safeguards.map { "an instrument of kind \($0) covers it" }
        lines += openSafeguards.map { "open whether an instrument of kind \($0) covers it" }
        lines += question.counters.sorted { $0.key < $1.key }.map { "counter \($0) at \($1)" }
        for (country, sector) in question.sectors.sorted(by: { $0.key < $1.key })
        where sector != .public {
            lines.append("\(country)'s node of the sector \(sector.rawValue)")
        }
        if isTimed { lines.append("decided on \(question.decided.text.prefix(10))") }
        return lines
    }

    var json: JSON {
        var members: JSON.Object = [
            "from": .string(question.source.text), "to": .string(question.destination.text),
            "relays": .strings(question.relays.map(\.text)),
            "facts": .object(JSON.Object(question.facts.byName.mapValues(\.value.json))),
            "lineage": .strings(question.lineage.sorted().map(\.code)),
            "documents": .strings(question.documents.sorted()),
            "emergency": .bool(question.isEmergency),
            "counters": .object(JSON.Object(question.counters.mapValues { .integer($0) })),
            "sectors": .object(
                JSON.Object(
                    question.sectors.map { ($0.key.code, .string($0.value.rawValue)) })),
            "safeguards": .strings(safeguards), "open-safeguards": .strings(openSafeguards),
            "decided": .string(question.decided.text), "command": .string(command),
            "before": .string(before.rawValue), "after": .string(after.rawValue),
        ]
        members["label"] = question.label?.json
        members["ground"] = question.ground.map { .string("\(question.source.country)/\($0)") }
        return .object(members)
    }
}

extension TextChange {
    package var json: JSON {
        var members: JSON.Object = ["file": .string(file), "path": .string(path)]
        members["before"] = before.map { .string($0) }
        members["after"] = after.map { .string($0) }
        return .object(members)
    }
}
