import SelatCore

// Copies of everything that the node keeps.
extension OpenAPI {
    static let backupOperations: [Operation] = [
        Operation(
            "POST /v1/backups", "backUp", "a sealed backup of everything, made while it is read",
            body: .json(
                .request([
                    "recipient?": .text.says(
                        "PEM of a certificate; for user 0 and the daemon's own")
                ])),
            answer: .bytes("the file (Backup.docc)"), problems: [.notReady, .diskFull, .diskFailed]
        ),
        Operation(
            "POST /v1/backups/confirmation", "confirmBackup",
            "hears that the last backup lies whole where it was written",
            body: .json(.request(["digest": .digest])), answer: .json(.object(made)),
            problems: [.notReady, .verificationFailed]),
    ]

    /// A backup that was confirmed.
    static let made: Keys = [
        "digest": .digest, "size_bytes": .count, "taken": .time, "recipient": .digest,
    ]
}
