package import SelatCore

extension RecallStatement {
    package var json: JSON {
        [
            "type": "recall", "federation": .string(federation.text), "from": .string(from.text),
            "to": .string(to.text), "id": .string(id.text), "reason": .string(reason),
            "issued": .string(issued.text),
        ]
    }

    /// - Parameter content: canonical JSON, inside a message of type *recall*.
    /// - Throws: `FederationError.documentInvalid` for anything but a recall.
    package init(content: [UInt8]) throws(FederationError) {
        do throws(CoreError) {
            var reader = try ObjectReader(try JSON(parsing: content), Self.name)
            try reader.type("recall", in: Self.name)
            self.init(
                federation: try reader.digest("federation"), from: try reader.node("from"),
                to: try reader.node("to"), id: try TransferID(try reader.string("id")),
                reason: try reader.text("reason", max: Self.reasonBytesMax, in: Self.name),
                issued: try reader.timestamp("issued"))
            try reader.end()
            guard json.canonical == content else {
                throw .wrongType("(top)", in: Self.name, expected: "in canonical form")
            }
        } catch {
            throw .documentInvalid(Self.name, error)
        }
    }
}

extension RecallStatement {
    /// - Throws: as `ApprovalStatement.requirePlainText()`.
    package func requirePlainText() throws(FederationError) {
        try PlainText.require(reason, "reason", in: Self.name)
    }
}

extension RecallAnswer {
    /// - Throws: as `ApprovalStatement.requirePlainText()`.
    package func requirePlainText() throws(FederationError) {
        try PlainText.require(ground ?? "", "ground", in: Self.name)
    }

    package var json: JSON {
        var members: JSON.Object = [
            "type": "recall-answer", "federation": .string(federation.text),
            "recall": .string(recall.text), "from": .string(from.text), "to": .string(to.text),
            "id": .string(id.text), "decision": .string(decision.rawValue),
            "issued": .string(issued.text),
        ]
        members["ground"] = ground.map { .string($0) }
        return .object(members)
    }

    /// - Parameter content: canonical JSON, inside a message of type *recall answer*.
    /// - Throws: `FederationError.documentInvalid` for anything but an answer to a recall.
    package init(content: [UInt8]) throws(FederationError) {
        do throws(CoreError) {
            var reader = try ObjectReader(try JSON(parsing: content), Self.name)
            try reader.type("recall-answer", in: Self.name)
            let decision = try reader.choice("decision", Decision.self)
            self.init(
                federation: try reader.digest("federation"), recall: try reader.digest("recall"),
                from: try reader.node("from"), to: try reader.node("to"),
                id: try TransferID(try reader.string("id")), decision: decision,
                ground: decision == .refuse
                    ? try reader.text(
                        "ground", max: RecallStatement.reasonBytesMax, in: Self.name) : nil,
                issued: try reader.timestamp("issued"))
            try reader.end()
            guard json.canonical == content else {
                throw .wrongType("(top)", in: Self.name, expected: "in canonical form")
            }
        } catch {
            throw .documentInvalid(Self.name, error)
        }
    }
}

extension ObjectReader {
    fileprivate mutating func type(
        _ word: String, in document: String
    ) throws(CoreError) {
        guard try string("type") == word else {
            throw .wrongType("type", in: document, expected: "`\(word)`")
        }
    }
}
