import SelatCore

// What officers are asked, and what they answer.
extension OpenAPI {
    static let approvalOperations: [Operation] = [
        Operation(
            "GET /v1/approvals", "listApprovals",
            "transfers that wait for officers: what is owed, who has said what",
            parameters: [limit(100, 1...10_000)],
            answer: .json(
                .object([
                    "approvals": .list(
                        .object(
                            outbound + [
                                "owed": .list(.component("Owed")),
                                "given": .list(.component("Given")),
                            ]))
                ]))),
        Operation(
            "GET /v1/transfers/:id/approval", "showApprovalRequest",
            "what an officer decides on, without the dataset",
            answer: .json(.foreign("an approval request (Exchange.docc)")),
            problems: [.unknownTransfer, .notReady]),
        Operation(
            "POST /v1/transfers/:id/review", "reviewDataset",
            "the same with the content key, and the sealed payload",
            answer: .bytes("an approval request, one line, and behind it the sealed payload"),
            problems: [.unknownTransfer, .notReady, .diskFailed]),
        Operation(
            "POST /v1/transfers/:id/approvals", "takeApproval",
            "takes an officer's approval or refusal",
            body: .json(.request(["statement": .base64])), status: 201,
            answer: .json(
                .object([
                    "id": .transferID, "state": .state, "officer": .officer, "decision": decision,
                    "role": .text, "side": .words(["source", "destination"]), "digest": .digest,
                    "owed": .list(.component("Owed")),
                ])),
            problems: [.unknownTransfer, .notReady, .badApproval] + ProblemKind.sending),
        Operation(
            "POST /v1/transfers/:id/report", "enterReport",
            "enters the report on a release by one officer",
            body: .json(.request(["report": .digest])), status: 201,
            answer: .json(
                .object([
                    "id": .transferID, "officer": .officer, "due": .time, "report": .digest,
                ])),
            problems: [.unknownTransfer, .notReady]),
        Operation(
            "GET /v1/statements", "listStatements", "officers' statements, newest first",
            parameters: [limit(100, 1...4_096)],
            answer: .json(.object(["statements": .list(.component("Statement"))]))),
        Operation(
            "POST /v1/statements", "takeStatement", "takes an officer's statement",
            body: .json(.request(["statement": .base64])), status: 201,
            answer: .json(.component("Statement")), problems: [.badStatement, .notReady]),
    ]

    private static let decision = Schema.words(["approve", "refuse"])

    static let lawComponents: [String: Schema] = [
        "Given": .object([
            "digest": .digest, "taken": .time, "decision?": decision, "role?": .text,
            "side?": .words(["source", "destination"]), "reason?": .text,
            "review?": .words(["dataset", "description"]), "issued?": .time, "not_after?": .time,
            "break_glass?": .flag, "officer?": .officer, "fault?": .text,
        ]),
        "Statement": .object([
            "digest": .digest, "taken": .time,
            "statement?": .foreign("what the officer signed (Federation.docc)"),
            "officer?": .officer, "fault?": .text,
        ]),
        "Edition": .object([
            "edition?": .count, "digest?": .digest, "standing?": .text, "in_force?": .time,
            "review_by?": .time, "received?": .time, "from?": .text,
            "signatures?": .object([
                "counted": .count, "needed": .count, "of": .words(["officers", "members"]),
                "by": .list(.officer),
            ]),
            "waiting?": .list(.object(["edition": .count, "digest": .digest, "in_force": .time])),
            "fault?": .text,
        ]),
        "Membership": membership,
    ]

    private static let certificate = Schema.object([
        "purpose": .text, "digest": .digest, "not_after": .time,
    ])

    private static let node = Schema.object([
        "id": .node, "host": .text, "port": .number(1...65_535), "roles": .list(.text),
        "certificates": .list(certificate), "cut?": .flag,
    ])

    private static let member = Schema.object([
        "country": .country, "sector": .text, "roles": .list(.text), "threshold": .count,
        "authorities": .list(.object(["name": .text, "digest": .digest, "not_after": .time])),
        "record?": .object([
            "serial": .count, "digest": .digest, "issued": .time, "expires": .time,
        ]),
        "crl?": .object([
            "number": .either(.count, .text.says("digits, beyond 2^53 - 1")), "next_update": .time,
        ]), "nodes?": .list(node),
        "officers?": .list(
            .object(["id": .officer, "roles": .list(.text), "not_after": .time])),
    ])

    private static let membership = Schema.object([
        "federation": .digest, "serial": .count, "digest": .digest, "issued": .time,
        "expires": .time, "quorum": .count, "sandbox": .flag, "forks": .list(.count),
        "cuts": .list(
            .object(["subject": .text, "distrust_from": .time, "log_size?": .text])),
        "members": .list(member), "warnings": .list(.text),
        "documents?": .object([
            "list": .base64, "lists": .list(.base64), "records": .map(.base64),
            "crls": .map(.base64),
        ]),
    ])
}
