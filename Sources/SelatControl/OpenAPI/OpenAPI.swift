package import SelatCore

/// The OpenAPI 3.1 document of the control API, made from the operations listed beside this file and
/// from `Permissions`. The daemon serves it, `selat openapi` prints it, and
/// `Control.docc/openapi.json` is a copy.
package enum OpenAPI {
    package static let document: JSON = [
        "openapi": "3.1.0",
        "info": [
            "title": "Selat control API", "version": .string(Program.version),
            "description": .string(
                "How operators' programs talk to their own node's daemon, over a unix socket. "
                    + "API.md says what each call means. Keys in answers are added, never renamed "
                    + "or removed: ignore those that you do not know."),
            "license": ["name": "Apache License 2.0", "identifier": "Apache-2.0"],
        ],
        "servers": [
            [
                "url": "http://selat",
                "description": .string(
                    "any host will do; the connection is a unix socket: "
                        + "curl --unix-socket /run/selat/control.sock http://selat/v1/status"),
            ]
        ],
        "paths": .object(paths),
        "components": [
            "schemas": .object(JSON.Object(components.mapValues(\.json))),
            "responses": .object(refusals),
        ],
    ]

    /// Every operation of the API.
    static let operations: [Operation] =
        nodeOperations + transferOperations + datasetOperations + recallOperations
        + approvalOperations + lawOperations + keyOperations + backupOperations + auditOperations

    /// What answers share.
    private static let components: [String: Schema] =
        sharedComponents
        .merging(transferComponents) { first, _ in first }
        .merging(recallComponents) { first, _ in first }
        .merging(lawComponents) { first, _ in first }
        .merging(auditComponents) { first, _ in first }

    private static var refusals: JSON.Object {
        let all = Set(operations.flatMap(\.refusals))
        return JSON.Object(all.map { ($0.name, $0.json) })
    }

    private static var paths: JSON.Object {
        var paths: [String: JSON.Object] = [:]
        for operation in operations {
            paths[operation.path, default: [:]][operation.method] = operation.json
        }
        return JSON.Object(paths.mapValues { .object($0) })
    }

    static func limit(_ value: Int64, _ range: ClosedRange<Int64>) -> Operation.Parameter {
        Operation.Parameter(
            name: "limit", schema: .number(range).byDefault(.integer(value)).says("at most so many")
        )
    }
}

extension OpenAPI {
    static let sharedComponents: [String: Schema] = [
        "Problem": .object([
            "type": .text.says("programs go by this alone"), "title": .text,
            "status": .number(400...599), "detail?": .text, "remedy?": .text.says("what to do"),
            "errors?": .list(.text).says("every reason, of documents that were not taken"),
        ]).says("RFC 9457"),
        "Label": .request([
            "classification": .words(Classification.self),
            "releasable-to": .set(.country).says("in alphabetical order"),
            "tlp": .words(TLP.self), "marking?": .text(0...Int64(Limits.markingBytesMax)),
        ]),
        "Owed": .object([
            "role": .text, "side": .words(["source", "destination"]), "count": .count,
        ]),
    ]
}
