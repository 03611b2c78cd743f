import SelatCore

// What the node judges and trusts by: policies, membership, keys.
extension OpenAPI {
    static let lawOperations: [Operation] = [
        Operation(
            "GET /v1/policies", "listPolicies",
            "policy editions: what judges, who signed it, what waits",
            parameters: [
                .init(
                    name: "documents",
                    schema: .number(0...1).byDefault(0).says("1: with the files in force"))
            ],
            answer: .json(
                .object([
                    "editions": .map(.component("Edition")), "documents?": .map(.base64),
                ]))),
        Operation(
            "POST /v1/policies", "activatePolicies",
            "takes signed editions and activates those that are due",
            body: .json(
                .request([
                    "editions": .list(
                        .request(["file": .text, "bytes": .base64, "signatures?": .base64]),
                        max: Int64(Limits.policyFilesMax))
                ])),
            answer: .json(
                .object([
                    "editions": .list(
                        .object([
                            "name": .text, "edition": .count, "digest": .digest, "in_force": .time,
                            "result": .words([
                                "active", "waiting", "known", "draft", "foreign", "faulty",
                            ]),
                        ]))
                ])),
            problems: [.policyRefused]),
        Operation(
            "GET /v1/membership", "showMembership",
            "who is a member, with nodes, officers and dates",
            parameters: [
                .init(
                    name: "documents",
                    schema: .number(0...1).byDefault(0).says("1: with the signed documents"))
            ],
            answer: .json(.component("Membership"))),
        Operation(
            "POST /v1/membership", "takeMembership",
            "takes lists, records and revocation lists; they are in force at once",
            body: .json(
                .request([
                    "lists?": .list(.base64, max: 64),
                    "records?": .map(.base64, names: "^[A-Z]{2}$"),
                    "crls?": .map(.base64, names: "^[A-Z]{2}$"),
                ])),
            answer: .json(
                .object(["taken": .list(.text), "membership": .component("Membership")])),
            problems: [.membershipRefused]),
    ]

    static let keyOperations: [Operation] = [
        Operation(
            "GET /v1/keys", "listKeys",
            "the node's keys and its member's certificates, with days left",
            answer: .json(
                .object([
                    "node": .node, "keys": .list(key), "officers": .list(certificate),
                    "policy_signers": .list(certificate), "authorities": .list(certificate),
                    "cas": .list(certificate),
                    "crls": .list(
                        .object([
                            "this_update": .time, "next_update": .time, "days_left": .integer,
                        ])),
                    "remove": .list(.text), "warnings": .list(.text),
                ]))),
        Operation(
            "POST /v1/keys/:purpose/rotation", "rotateKey", "makes the next key of a purpose",
            parameters: [
                .init(
                    name: "kind",
                    schema: .words(["P-256", "P-384", "ML-KEM-768", "ML-KEM-1024"]).says(
                        "of a kind that serves the purpose; else what is listed first now"))
            ],
            answer: .json(
                .object([
                    "node": .node, "purpose": .text, "kind": .text, "fingerprint": .fingerprint,
                    "made": .flag, "request?": .text.says("a certification request, PEM"),
                    "listing?": .text.says("what the record names"),
                ])),
            problems: [.notReady, .diskFull, .diskFailed, .tokenUnavailable]),
    ]

    private static let key = Schema.object([
        "purpose": .text, "state": .words(["in-use", "next", "old", "unlisted", "destroyed"]),
        "fingerprint": .fingerprint, "kind?": .text, "place?": .text, "not_after?": .time,
        "days_left?": .integer, "until?": .time, "made?": .time, "taken_up?": .time,
    ])

    private static let certificate = Schema.object([
        "id": .text, "fingerprint": .fingerprint, "not_after": .time, "days_left": .integer,
    ])
}
