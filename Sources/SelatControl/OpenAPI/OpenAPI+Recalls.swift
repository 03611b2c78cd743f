import SelatCore

// Datasets that somebody wants back.
extension OpenAPI {
    static let recallOperations: [Operation] = [
        Operation(
            "GET /v1/recalls", "listRecalls",
            "recalls, newest first: of the own datasets, and of others' here",
            parameters: [limit(100, 1...10_000)],
            answer: .json(.object(["recalls": .list(.component("Recall"))]))),
        Operation(
            "POST /v1/recalls", "takeRecall",
            "takes an officer's recall, or an own officer's answer to one",
            body: .json(.request(["statement": .base64])), status: 201,
            answer: .json(.component("Recall")),
            problems: [
                .unknownTransfer, .badRecall, .alreadyRecalled, .tokenUnavailable, .notReady,
            ]),
    ]

    static let recallComponents: [String: Schema] = [
        "Recall": .object([
            "id": .transferID, "from": .node, "to": .node,
            "direction": .words(["outbound", "inbound", "relayed", "none"]), "state": .state,
            "officer": .officer, "reason": .text, "issued": .time, "taken": .time,
            "digest": .digest, "statement": .base64, "answers": .list(.text), "hold_until?": .time,
            "ordered?": .flag,
            "decision?": .words(["destroy", "refuse"]), "cause?": .text,
            "onward?": .list(
                .object(["id": .transferID, "to": .node, "state": .state, "recalled": .flag])),
        ])
    ]
}
