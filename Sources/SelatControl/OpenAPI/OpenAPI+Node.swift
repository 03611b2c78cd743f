import SelatCore

// How the node stands.
extension OpenAPI {
    static let nodeOperations: [Operation] = [
        Operation(
            "GET /v1/openapi.json", "describeAPI", "this document",
            answer: .json(.foreign("OpenAPI 3.1"))),
        Operation("GET /v1/status", "showStatus", "how the node stands", answer: .json(status)),
        Operation(
            "GET /v1/doctor", "examine", "every check of the node, with what to do",
            answer: .json(
                .object([
                    "node": .node, "state": checkState,
                    "checks": .list(
                        .object([
                            "name": .text, "looked_at": .text, "state": checkState, "found": .text,
                            "remedy?": .text,
                        ])),
                ]))),
        Operation(
            "POST /v1/pings", "ping", "calls another node",
            body: .json(.request(["node": .node])),
            answer: .json(
                .object([
                    "node": .node, "address": .text, "handshake_ms": .count,
                    "round_trip_ms": .count, "list_here": .count, "list_there": .count,
                    "same_list": .flag, "same_documents": .flag,
                ])),
            problems: [.peerUnreachable]),
    ]

    private static let checkState = Schema.words(["ok", "warning", "failure"])

    /// While the node joins, only the first keys are there.
    private static let status = Schema.object([
        "node": .node, "version": .text, "state": .words(["ready", "joining"]),
        "membership?": .object([
            "federation": .digest, "serial": .count, "expires": .time, "members": .count,
            "sandbox": .flag,
        ]),
        "backup?": .object(made + ["age_seconds": .count]),
        "policies?": .object(["editions": .map(.component("Edition"))]),
        "log?": log, "outbound?": .map(.count), "inbound?": .map(.count), "relayed?": .map(.count),
        "links?": .list(
            .object([
                "node": .node, "sending": .map(.count), "waiting": .map(.count),
                "waiting_seconds?": .count, "giving_way": .count,
            ])),
        "disk?": .object(["free_bytes": .count, "reserve_bytes": .count, "reached": .flag]),
        "queues?": .map(.object(["states": .map(.count), "size_bytes": .count])),
        "peers?": .list(
            .object([
                "node": .node, "out_of_reach": .flag, "sent_bytes": .count,
                "received_bytes": .count,
            ])), "suites?": suites,
        "openssl?": .object(["version": .text, "providers": .list(.text), "properties?": .text]),
        "warnings": .list(.text),
    ])

    private static let log = Schema.object([
        "origin": .text, "size": .count, "root": .base64, "key": .text,
        "standing": .words(["proven", "unproven", "behind", "forked"]), "witnessed": .count,
        "unwitnessed": .count, "unwitnessed_since?": .time, "quorum?": .count,
        "witnesses": .list(
            .object([
                "node": .node, "size": .count, "missing": .count, "time?": .time, "cause?": .text,
            ])),
        "findings": .list(
            .object(["node": .node, "finding": .text, "time": .time, "detail": .text])),
        "receipts_unwitnessed": .count,
    ])

    private static let suites = Schema.object([
        "profile": .text, "high_from?": .text,
        "peers": .list(
            .object([
                "node": .node, "suite?": .count, "name?": .text, "post_quantum?": .flag,
                "fault?": .text,
            ])),
    ])
}
