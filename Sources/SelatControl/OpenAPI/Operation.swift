import SelatCore

/// One route as the OpenAPI document describes it.
struct Operation: Sendable {
    /// What a caller sends.
    enum Body: Sendable {
        case none
        case json(Schema)
        /// Bytes, streamed, described in words.
        case bytes(String)
    }

    /// What a call that is granted is answered with.
    enum Answer: Sendable {
        case json(Schema)
        case text(String)
        case bytes(String)
    }

    struct Parameter: Sendable {
        let name: String
        let schema: Schema
        var isRequired = false
    }

    /// As `Permissions` has it: `GET /v1/transfers/:id`.
    let route: String
    /// The name under which generated clients have it: `listTransfers`.
    let name: String
    let summary: String
    var parameters: [Parameter] = []
    var body = Body.none
    var status = 200
    let answer: Answer
    var problems: [ProblemKind] = []
    /// Statuses of problems that are the link's (Transport.docc), whose types are not listed here.
    var linkStatuses: [Int] = []

    init(
        _ route: String, _ name: String, _ summary: String, parameters: [Parameter] = [],
        body: Body = .none, status: Int = 200, answer: Answer, problems: [ProblemKind] = [],
        linkStatuses: [Int] = []
    ) {
        self.route = route
        self.name = name
        self.summary = summary
        self.parameters = parameters
        self.body = body
        self.status = status
        self.answer = answer
        self.problems = problems
        self.linkStatuses = linkStatuses
    }

    var method: String { route.split(separator: " ")[0].lowercased() }

    /// `/v1/transfers/{id}`.
    var path: String {
        route.split(separator: " ")[1].split(separator: "/").map { part in
            part.hasPrefix(":") ? "/{\(part.dropFirst())}" : "/\(part)"
        }.joined()
    }

    // MARK: As a document

    var json: JSON {
        var members: JSON.Object = [
            "operationId": .string(name), "summary": .string(summary),
            "responses": .object(responses),
            "x-selat-roles": .strings((Permissions.roles[route] ?? []).sorted().map(\.rawValue)),
        ]
        let all = pathParameters + parameters.map { Self.parameter($0, in: "query") }
        if !all.isEmpty { members["parameters"] = .array(all) }
        members["requestBody"] = requestBody
        return .object(members)
    }

    private var pathParameters: [JSON] {
        path.matches(of: #/\{([a-z]+)\}/#).map { match in
            let name = String(match.1)
            let schema = Self.inPath[name] ?? .text
            return Self.parameter(
                Parameter(name: name, schema: schema, isRequired: true), in: "path")
        }
    }

    private static let inPath: [String: Schema] = [
        "id": .transferID, "sequence": .number(0...Int64(JSON.integerMax)),
        "purpose": .words(["tls", "signing", "agreement", "mlkem", "witness"]),
    ]

    private static func parameter(_ parameter: Parameter, in place: String) -> JSON {
        [
            "name": .string(parameter.name), "in": .string(place),
            "required": .bool(parameter.isRequired), "schema": parameter.schema.json,
        ]
    }

    private var requestBody: JSON? {
        switch body {
        case .none: nil
        case .json(let schema):
            ["required": true, "content": ["application/json": ["schema": schema.json]]]
        case .bytes(let says):
            [
                "required": true, "description": .string(says),
                "content": ["application/octet-stream": [:]],
            ]
        }
    }

    private var responses: JSON.Object {
        var responses: JSON.Object = [:]
        for answer in refusals { responses["\(answer.status)"] = answer.reference }
        responses["\(status)"] = granted
        return responses
    }

    /// How this route refuses, status by status.
    var refusals: [Refusal] {
        linkStatuses.map { Refusal(status: $0, types: []) }
            + problemTypes.filter { !linkStatuses.contains($0.key) }
            .map { Refusal(status: $0.key, types: $0.value.sorted()) }
    }

    private var granted: JSON {
        switch answer {
        case .json(let schema):
            [
                "description": .string(summary),
                "content": ["application/json": ["schema": schema.json]],
            ]
        case .text(let says):
            [
                "description": .string(says),
                "content": ["text/plain; charset=utf-8": ["schema": ["type": "string"]]],
            ]
        case .bytes(let says):
            ["description": .string(says), "content": ["application/octet-stream": [:]]]
        }
    }

    /// Status to types: this route's own, and those that any route may answer with.
    private var problemTypes: [Int: [String]] {
        var kinds = problems + [.unknownCaller, .roleMissing]
        if route != "GET /v1/status" { kinds.append(.joining) }
        let asksSomething = !parameters.isEmpty || path.contains("{")
        var bare = [400, 408, 431, 500]
        if case .none = body {} else { bare.append(413) }
        if asksSomething || bare.contains(413) { kinds.append(.badRequest) }
        var types: [Int: Set<String>] = [:]
        for kind in kinds { types[kind.status, default: []].insert(kind.type) }
        for status in bare { types[status, default: []].insert("about:blank") }
        return types.mapValues { Array($0) }
    }
}

/// An answer that is a problem, shared by the routes that refuse alike.
struct Refusal: Hashable, Sendable {
    let status: Int
    /// Empty where Transport.docc lists them.
    let types: [String]

    /// `409.not-ready.suite-missing`.
    var name: String {
        let words = types.map { $0.split(separator: ":").last.map(String.init) ?? $0 }
        return (["\(status)"] + (types.isEmpty ? ["as-over-the-link"] : words)).joined(
            separator: ".")
    }

    var reference: JSON { ["$ref": .string("#/components/responses/\(name)")] }

    var json: JSON {
        let schema = types.isEmpty ? Schema.component("Problem") : .problem(types)
        return [
            "description": .string(
                types.isEmpty ? "as over the link (Transport.docc)" : types.joined(separator: ", ")),
            "content": ["application/problem+json": ["schema": schema.json]],
        ]
    }
}
