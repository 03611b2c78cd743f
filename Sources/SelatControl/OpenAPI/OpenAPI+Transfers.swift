import SelatCore

// Sending, and how transfers stand.
extension OpenAPI {
    static let transferOperations: [Operation] = [
        Operation(
            "POST /v1/verdicts", "judge", "judges a transfer; nothing is sent or recorded",
            body: .json(.component("TransferRequest")),
            answer: .json(.object(["verdict": .component("Verdict")])),
            problems: [.badFacts, .badDataset, .badStatement] + ProblemKind.sending),
        Operation(
            "POST /v1/routes", "listRoutes",
            "the ways to a recipient, and what each relay's country says of a label",
            body: .json(.request(["to": .node, "label": .component("Label")])),
            answer: .json(.object(["routes": .list(route)])), problems: [.badDataset, .notReady]),
        Operation(
            "POST /v1/transfers", "beginTransfer",
            "judges and records; where it permits, seals the payload, or awaits it",
            parameters: [
                .init(
                    name: "wait_seconds",
                    schema: .number(0...300).byDefault(0).says(
                        "with `payload`: the answer comes when the transfer has ended, or after so long"
                    ))
            ],
            body: .json(.component("NewTransfer")), status: 201,
            answer: .json(
                .object([
                    "id": .transferID, "state": .state, "ended": .flag, "cause?": .text,
                    "verdict": .component("Verdict"),
                ])),
            problems: [
                .badFacts, .badDataset, .badStatement, .knownTransfer, .notYet, .queueFull,
            ] + ProblemKind.sending),
        Operation(
            "PUT /v1/transfers/:id/payload", "sealPayload",
            "seals the dataset; the transfer is accepted", parameters: [files],
            body: .bytes("the dataset's files, one after the other, in the order of `resources`"),
            answer: .json(.object(["id": .transferID, "state": .state, "ended": .flag])),
            problems: [.unknownTransfer, .badDataset, .badFiles, .verificationFailed]
                + ProblemKind.sending),
        Operation(
            "GET /v1/transfers", "listTransfers", "transfers, newest first",
            parameters: [
                .init(name: "direction", schema: .words(Direction.self)), limit(100, 1...10_000),
                .init(
                    name: "selection",
                    schema: .words(TransferSelection.self).says(
                        "`dead`: own ones that ended as nobody here asked for")),
            ],
            answer: .json(.object(["transfers": .list(.component("Transfer"))]))),
        Operation(
            "GET /v1/transfers/:id", "showTransfer",
            "one transfer with verdict, receipt and log entries",
            parameters: [from, waitSeconds],
            answer: .json(.component("TransferDetails")), problems: [.unknownTransfer]),
        Operation(
            "GET /v1/transfers/:id/state", "showTransferState",
            "where one transfer stands, for whoever waits",
            parameters: [waitSeconds],
            answer: .json(.component("Transfer")), problems: [.unknownTransfer]),
        Operation(
            "POST /v1/transfers/:id/cancellation", "cancelTransfer",
            "takes a transfer back that has not left whole",
            body: .json(.request(["reason": .text(1...Int64(CancelRequest.reasonBytesMax))])),
            answer: .json(.component("Transfer")), problems: [.unknownTransfer, .notReady]),
        Operation(
            "POST /v1/transfers/:id/retry", "retryTransfer",
            "tries a transfer now that waits for its next try",
            answer: .json(.component("Transfer")), problems: [.unknownTransfer, .notReady]),
    ]

    static let files = Operation.Parameter(
        name: "files",
        schema: .pattern(
            "^[0-9a-f]{32}$", "files that were handed over (Files.md): no bytes come with the call")
    )

    static let from = Operation.Parameter(
        name: "from", schema: .node.says("its sender, where two have used the id"))

    private static let waitSeconds = Operation.Parameter(
        name: "wait_seconds",
        schema: .number(0...300).byDefault(0).says(
            "the answer comes when an outbound transfer has ended, or after so long"))

    private static let route = Schema.object([
        "nodes": .list(.node), "lawful": .flag, "out_of_reach": .flag,
        "transit": .list(
            .object([
                "country": .text, "outcome": .text, "rules": .list(.text), "clauses": .list(.text),
            ])),
    ])

    static let transferComponents: [String: Schema] = [
        "TransferRequest": .request(request),
        "NewTransfer": .request(
            request + [
                "payload?": .base64(
                    bytesMax: Limits.payloadWithRequestBytesMax,
                    "the files one after the other; where it is missing it is awaited"),
                "id?": .transferID.says("of the caller's own, made within five minutes of now"),
            ]),
        "Verdict": .object(verdict + ["reasons": .list(.text)]),
        "Transfer": .either(.object(outbound), .object(inbound), .object(relayed)),
        "TransferDetails": .either(
            .object(outbound + detailed + sent), .object(inbound + detailed + stated),
            .object(relayed + detailed)),
        "Receipt": receipt,
        "Debt": .object(["obligation": .text, "event": .text, "starts?": .time, "due?": .time]),
    ]

    private static let request: Keys = [
        "to": .node, "label": .component("Label"), "facts": facts,
        "dataset": .foreign(
            "a Data Package v2 descriptor; each resource has `path` and `bytes`"),
        "ground?": .text.says("the ground relied on, `SG/consent`"),
        "title?": .text(0...Int64(Limits.titleBytesMax)),
        "precedence?": .words(Precedence.self).byDefault("routine"),
        "derived_from?": .set(.transferReference, max: Int64(Limits.derivedFromMax)),
        "emergency?": .text, "series?": .pattern("^[a-z0-9.-]{1,80}$", "a series' name"),
        "life_seconds?": .number(1...Limits.envelopeLifeSecondsMax)
            .byDefault(.integer(SendRequest.lifeSecondsDefault)),
    ]

    /// Name to value, in the words of `vocabulary.yaml`.
    private static let facts: Schema = {
        let value = Schema.either(.flag, .count, .text, .set(.text).says("in order"))
        return Schema([
            "type": "object", "additionalProperties": value.json,
            "maxProperties": .integer(Int64(Limits.factsMax)),
        ]).says("name to value, in the words of vocabulary.yaml")
    }()

    private static let verdict: Keys = [
        "outcome": .words(["permitted", "refused", "incomplete"]), "summary": .list(.text),
        "missing": .list(.text), "digest": .digest,
        "record": .foreign("the verdict's record (Policy.docc)"),
    ]

    // MARK: Keys of a transfer

    static let common: Keys = [
        "id": .transferID, "peer": .node, "state": .state, "expires": .time,
        "precedence": .words(Precedence.self), "label": .component("Label"), "cause?": .text,
        "size_bytes": .count, "route?": .list(.node), "created": .time,
    ]

    static let outbound: Keys =
        common + [
            "direction": .words(["outbound"]), "attempt": .count, "ended": .flag, "title?": .text,
            "suite?": .count, "suite_name?": .text, "ended_at?": .time, "remedy?": .text,
        ]

    static let inbound: Keys =
        common + [
            "direction": .words(["inbound"]), "received": .time, "durable_bytes": .count,
            "envelope": .digest, "destroy_by?": .time, "suite?": .count, "suite_name?": .text,
        ]

    private static let relayed: Keys =
        common + [
            "direction": .words(["relayed"]), "from": .node, "to": .node, "received": .time,
            "durable_bytes": .count, "envelope": .digest, "attempt": .count, "ended": .flag,
        ]

    private static let detailed: Keys = [
        "timeline": .list(.component("Entry")), "receipt?": .component("Receipt"),
        "debts?": .list(.component("Debt")),
        "story": .list(
            .object([
                "time": .time, "kind": .text, "signer": .node, "attempt": .count, "entry": .count,
                "reason?": .text, "unreached?": .list(unreached),
            ])),
        "recall?": .component("Recall"),
        "letters?": .list(
            .object([
                "kind": .text, "to": .node, "until": .time, "since?": .time, "cause?": .text,
            ])),
    ]

    static let unreached = Schema.foreign("a copy that is not reached (Exchange.docc)")

    private static let sent: Keys = [
        "receipts?": .list(.component("Receipt")),
        "relay_receipts?": .list(.component("Receipt")), "verdict": .object(verdict),
        "approvals?": .object([
            "owed": .list(.component("Owed")), "given": .list(.component("Given")),
        ]),
        "dataset": .foreign("a Data Package v2 descriptor"),
    ]

    private static let stated: Keys = ["receipts?": .list(.component("Receipt"))]

    private static let receipt = Schema.foreign(
        "the receipt's statement (Exchange.docc), with what this node makes of it")
}
