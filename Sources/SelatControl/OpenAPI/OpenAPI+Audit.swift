import SelatCore

// The audit log.
extension OpenAPI {
    static let auditOperations: [Operation] = [
        Operation(
            "GET /v1/audit/entries", "listEntries", "audit entries with details, oldest first",
            parameters: filters, answer: .json(.object(["entries": .list(.component("Entry"))]))),
        Operation(
            "GET /v1/audit/entries/:sequence", "showEntry", "one entry with its proof",
            answer: .json(.object(entry + ["proof?": .text.says("a C2SP tlog-proof")])),
            problems: [.unknownEntry]),
        Operation(
            "GET /v1/audit/statistics", "countEntries",
            "entries counted by kind, day and actor", parameters: filters,
            answer: .json(
                .object([
                    "kinds": .list(counted), "days": .list(counted), "actors": .list(counted),
                    "entries": .count, "details_bytes": .count, "erased": .count,
                    "database_bytes": .count,
                ]))),
        Operation(
            "GET /v1/audit/checkpoint", "showCheckpoint", "the newest signed checkpoint",
            answer: .text("a C2SP signed note")),
        Operation(
            "POST /v1/audit/epoch", "beginEpoch",
            "goes on under the next origin after a restored backup",
            body: .json(.request(["reason": .text(1...1_000)])),
            answer: .json(
                .object([
                    "origin": .text, "before": .text, "held": .count, "witnessed": .count,
                    "last?": .time,
                ])),
            problems: [.notReady]),
        Operation(
            "POST /v1/audit/verification", "verifyLog", "verifies the whole log",
            answer: .json(
                .object([
                    "sound": .flag, "first": .count, "entries": .count, "checkpoints": .count,
                    "erased": .count, "size": .count, "root": .base64, "covered": .count,
                    "key": .either(.text, .nothing), "key_is_its_own": .flag,
                    "failures": .list(.text), "failure_count": .count,
                ]))),
        Operation(
            "POST /v1/audit/exports", "exportLog", "what an export has besides its entries",
            body: .json(
                .request(["first?": .count, "before?": .count, "redacted?": .flag])),
            answer: .json(
                .object([
                    "first": .count, "before": .count,
                    "head": .foreign("the export's first line (Audit.docc)"),
                    "erasures": .list(.foreign("a line of the export")),
                    "tail": .foreign("the export's last line"),
                ])),
            problems: [.notReady]),
        Operation(
            "POST /v1/audit/erasures", "eraseDetails", "erases details of entries for good",
            body: .json(
                .request([
                    "entries": .list(.count, min: 1),
                    "reason": .text(1...Int64(Limits.erasureReasonBytesMax)),
                    "statement?": .base64,
                ])),
            answer: .json(
                .object([
                    "entries": .list(.list(.count)), "reason": .text, "complete": .time,
                    "holders": .list(.text), "statement?": .base64, "sequence": .count,
                ])),
            problems: [.notErasable]),
    ]

    static let auditComponents: [String: Schema] = ["Entry": .object(entry)]

    /// Of a transfer's timeline no commitment, leaf and salt.
    private static let entry: Keys = [
        "sequence": .count, "time": .time, "kind": .text, "actor": .text, "witnessed": .flag,
        "transfer?": .transferID, "details?": .foreign("as the kind has them (Exchange.docc)"),
        "commitment?": .digest, "leaf?": .hash, "salt?": .base64, "erased_by?": .count,
    ]

    private static let counted = Schema.object([
        "name": .text, "entries": .count, "details_bytes": .count,
    ])

    private static let filters: [Operation.Parameter] = [
        .init(name: "transfer", schema: .transferID),
        .init(
            name: "kind",
            schema: .pattern("^[a-z][a-z0-9.-]{0,63}$", "this kind and those below it")),
        .init(
            name: "actor",
            schema: .either(
                .words(["daemon"]), .node, .digest.says("an officer's key"),
                .pattern("^uid:(?:0|[1-9][0-9]{0,8}|[1-3][0-9]{9})$", "a caller of this API"))),
        .init(name: "country", schema: .country.says("its nodes' acts, transfers to or from it")),
        .init(name: "since", schema: .time), .init(name: "until", schema: .time.says("before it")),
        .init(name: "after", schema: .count.says("only entries behind this sequence")),
        .init(name: "newest", schema: .words(["yes", "no"]).byDefault("no")),
        limit(100, 1...10_000),
    ]
}
