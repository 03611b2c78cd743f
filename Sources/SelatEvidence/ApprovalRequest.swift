package import SelatCore
import SelatCrypto
package import SelatEnvelope
package import SelatFederation
package import SelatPolicy

extension ApprovalStatement.Subject {
    /// What an approval of a transfer is about (Membership documents, *Approvals*).
    /// - Parameter route: the nodes between the two ends.
    package init(
        core: EnvelopeCore, payload: PayloadIdentity, dataset: DatasetDescription, verdict: Verdict,
        through route: [NodeID] = []
    ) {
        self.init(
            federation: core.federation, id: core.id, core: core.digest, root: payload.root,
            size: payload.size, description: SHA256.digest(dataset.json.canonical),
            basis: verdict.basis, transit: Set(route.map(\.country)))
    }
}

/// What an officer is asked: everything that the statement is about (Exchange, *Approval requests*).
package struct ApprovalRequest: Sendable {
    package let core: EnvelopeCore
    package let payload: PayloadIdentity
    package let dataset: DatasetDescription
    /// Made when the request was.
    package let verdict: Verdict
    /// Sender, relays and recipient.
    package let route: [NodeID]
    package let precedence: Precedence
    /// Whether it rests on a declared emergency, so that one officer may release it alone.
    package let restsOnEmergency: Bool
    /// What is still owed.
    package let owed: [ApprovalDebt]
    /// What others have signed, with who and what it is worth.
    package let given: [JSON]
    package let made: Timestamp
    /// Opens the sealed payload; nil in a request without it.
    package let contentKey: ContentKey?

    package init(
        core: EnvelopeCore, payload: PayloadIdentity, dataset: DatasetDescription,
        verdict: Verdict, route: [NodeID], precedence: Precedence, restsOnEmergency: Bool,
        owed: [ApprovalDebt], given: [JSON], made: Timestamp, contentKey: ContentKey? = nil
    ) {
        self.core = core
        self.payload = payload
        self.dataset = dataset
        self.verdict = verdict
        self.route = route
        self.precedence = precedence
        self.restsOnEmergency = restsOnEmergency
        self.owed = owed
        self.given = given
        self.made = made
        self.contentKey = contentKey
    }

    /// What the officer's statement is about.
    package var subject: ApprovalStatement.Subject {
        ApprovalStatement.Subject(
            core: core, payload: payload, dataset: dataset, verdict: verdict,
            through: Array(route.dropFirst().dropLast()))
    }

    package var json: JSON {
        var members: JSON.Object = [
            "type": "approval-request", "format": 1, "core": core.json,
            "root": .string(payload.root.text), "size": .integer(payload.size),
            "dataset": dataset.json, "verdict": verdict.json,
            "route": .strings(route.map(\.text)), "precedence": .string(precedence.rawValue),
            "emergency": .bool(restsOnEmergency), "owed": .array(owed.map(\.json)),
            "given": .array(given), "made": .string(made.text),
        ]
        members["content-key"] = contentKey.map {
            .string(Base64.encode($0.secret.revealed()))
        }
        return .object(members)
    }

    /// The line that stands before the sealed payload, with its end.
    package var line: [UInt8] { json.canonical + [0x0A] }

    /// - Parameter bytes: canonical JSON without the line's end.
    /// - Throws: `CoreError`, `EnvelopeError` or `QuestionError` for anything but a request that is
    ///   of one piece: verdict and route are the core's.
    package init(parsing bytes: [UInt8]) throws {
        // A sender's descriptor may hold constraints such as 0.5; the rest holds none.
        let json = try JSON(parsing: bytes, floats: true)
        var reader = try ObjectReader(json, Self.name)
        guard try reader.string("type") == Self.name, try reader.unsigned("format") == 1,
            json.canonical == bytes
        else {
            throw CoreError.wrongType(
                "(top)", in: Self.name, expected: "an approval request of format 1, canonical")
        }
        core = try EnvelopeCore(json: try reader.json("core"))
        payload = PayloadIdentity(
            size: try reader.unsigned("size"), root: try reader.digest("root"))
        dataset = try DatasetDescription(json: try reader.json("dataset"))
        verdict = try Verdict(record: try reader.json("verdict").canonical)
        route = try reader.strings("route").map { try NodeID($0) }
        precedence = try reader.choice("precedence")
        restsOnEmergency = try reader.bool("emergency")
        owed = try reader.array("owed").map { try ApprovalDebt(json: $0) }
        given = try reader.array("given")
        made = try reader.timestamp("made")
        contentKey =
            reader.optional("content-key") == nil
            ? nil : try ContentKey(stored: Secret(copying: try reader.base64("content-key")))
        try reader.end()
        if let part = contradiction {
            throw CoreError.wrongType(part, in: Self.name, expected: "as in `core`")
        }
    }

    private var contradiction: String? {
        let question = verdict.question
        if question.source != core.from || question.destination != core.to { return "verdict" }
        if question.label != core.label || verdict.outcome != .permitted { return "verdict" }
        let between = Array(route.dropFirst().dropLast())
        if route.first != core.from || route.last != core.to || route.count < 2 { return "route" }
        if between != question.relays { return "route" }
        let sealed = try? SegmentLayout(sealedSize: payload.size)
        return sealed?.messageSize == dataset.totalBytes ? nil : "size"
    }

    private static let name = "approval-request"
}

extension ApprovalDebt {
    package var json: JSON {
        ["role": .string(role), "side": .string(side.rawValue), "count": .integer(count)]
    }

    package init(json: JSON) throws(CoreError) {
        var reader = try ObjectReader(json, "owed approval")
        self.init(
            role: try reader.string("role"), side: try reader.choice("side"),
            count: try reader.unsigned("count"))
        try reader.end()
    }
}
