import SelatCore

// Datasets that lie here, and what is carried by hand.
extension OpenAPI {
    static let datasetOperations: [Operation] = [
        Operation(
            "GET /v1/transfers/:id/manifest", "showManifest",
            "the description of a delivered dataset", parameters: [from],
            answer: .json(
                .object([
                    "id": .transferID, "from": .node,
                    "dataset": .foreign("a Data Package v2 descriptor"),
                    "facts": .foreign("name to `value` and `by`"),
                    "verdict": .foreign("the verdict's record (Policy.docc)"),
                ])),
            problems: ProblemKind.reading),
        Operation(
            "POST /v1/transfers/:id/opening", "openDataset",
            "the plaintext of a delivered dataset", parameters: [from, files],
            answer: .bytes("the files, one after the other, as the manifest lists them"),
            problems: ProblemKind.reading + [.badFiles]),
        Operation(
            "POST /v1/transfers/:id/destruction", "destroyDataset",
            "destroys a delivered dataset for good", parameters: [from],
            body: .json(.request(["reason?": .text(1...Int64(CancelRequest.reasonBytesMax))])),
            answer: .json(.object(inbound + ["unreached": .list(unreached)])),
            problems: ProblemKind.reading + [.tokenUnavailable]),
        Operation(
            "GET /v1/transfers/:id/evidence", "proveTransfer",
            "what proves the transfer, as files", parameters: [from],
            answer: .json(.object(["files": .map(.base64)])),
            problems: [.unknownTransfer, .notReady, .verificationFailed, .diskFailed]),
        Operation(
            "GET /v1/transfers/:id/package", "exportPackage", "the sealed package",
            parameters: [from],
            answer: .bytes("a package file (Envelope.docc)"),
            problems: ProblemKind.reading + ProblemKind.sending),
        Operation(
            "GET /v1/holdings", "listHoldings",
            "who holds which of the own datasets, and whose lie here",
            parameters: [limit(1_000, 1...10_000)],
            answer: .json(.object(["ours": .list(holding), "theirs": .list(holding)]))),
        Operation(
            "POST /v1/packages", "takePackage", "takes a package that was brought by hand",
            parameters: [
                .init(
                    name: "front",
                    schema: .number(1...Int64(Limits.envelopeHeadBytesMax)).says(
                        "bytes before the payload"), isRequired: true)
            ],
            body: .bytes("a package up to the end of its payload (Envelope.docc)"),
            answer: .json(
                .object([
                    "id": .transferID, "from": .node, "to": .node, "next?": .node,
                    "state": .state, "size_bytes": .count, "receipt?": .component("Receipt"),
                ])),
            problems: [.logNotProven, .clock, .tokenUnavailable, .diskFull, .diskFailed],
            linkStatuses: [404, 409, 422, 429]),
        Operation(
            "POST /v1/receipts", "takeReceipt",
            "takes a recipient's receipt that was brought by hand",
            body: .json(
                Schema.request([
                    "statement": .base64, "entry": .text, "details": .text, "salt": .base64,
                    "proof": .text,
                ]).says("a receipt as it travels (Exchange.docc)")),
            answer: .json(
                .object([
                    "id": .transferID, "kind": .text, "signer": .node, "state": .state,
                    "new": .flag,
                ])),
            problems: [.unknownTransfer, .notReady, .verificationFailed]),
    ]

    private static let holding = Schema.object([
        "id": .transferID, "peer": .node, "state": .state, "title?": .text,
        "label": .component("Label"), "size_bytes": .count, "since?": .time, "until?": .time,
        "recall?": .words(["asked", "recalled", "retained", "refused", "destroyed"]),
        "stated?": .words(["opened", "recalled", "retained"]),
    ])
}
