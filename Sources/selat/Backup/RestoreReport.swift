import Glibc
import SelatBackup
import SelatCore
import SelatStore

/// What a backup held, and what is left to do.
struct RestoreReport {
    private let header: BackupHeader
    private let description: BackupDescription
    /// Nil where it was only verified.
    private let layout: RestoredLayout?
    private let contents: StoredContents?

    init(
        _ header: BackupHeader, _ description: BackupDescription, _ layout: RestoredLayout?,
        _ contents: StoredContents?
    ) {
        self.header = header
        self.description = description
        self.layout = layout
        self.contents = contents
    }

    var json: JSON {
        var members: JSON.Object = [
            "node": .string(header.node.text), "taken": .string(header.created.text),
            "program": .string(header.program), "schema": .integer(Int64(header.schema)),
            "log": [
                "origin": .string(header.log.origin), "size": .integer(header.log.size),
            ],
            "verified": true, "restored": .bool(layout != nil),
            "tokens": .strings(description.tokens),
        ]
        members["passphrase"] = description.passphrase.map { .string($0) }
        members["configuration"] = layout.map { .string($0.configuration) }
        members["state"] = layout.map { .string($0.state) }
        members["transfers"] = contents.map { contents in
            .object(
                JSON.Object(
                    contents.transfers.mapValues { states in
                        .object(JSON.Object(states.mapValues { .integer($0) }))
                    }))
        }
        return .object(members)
    }

    var text: String {
        let what = "\(header.node) as it was at \(header.created), \(header.log.size) log entries"
        guard let layout else { return "verified: \(what)" }
        let transfers = (contents?.transfers ?? [:]).sorted { $0.key < $1.key }
            .flatMap { direction, states in
                states.sorted { $0.key < $1.key }.map { "\(direction): \($0.value) \($0.key)" }
            }
        return
            (["restored: \(what)"] + transfers
            + ["configuration: \(layout.configuration)", "state: \(layout.state)"])
            .joined(separator: "\n")
    }

    /// What has to be done by hand, in its order.
    var hints: [String] {
        guard let layout else { return [] }
        var hints = ["see to it that the old node never runs again: two with one key fork its log"]
        if let passphrase = description.passphrase {
            hints.append("bring the keys' passphrase: the daemon looks in \(passphrase)")
        }
        if !description.tokens.isEmpty {
            hints.append("bring the token with \(description.tokens.joined(separator: ", "))")
        }
        hints.append(
            layout.configuration == "/etc/selat/selatd.yaml"
                ? "start it: systemctl start selatd"
                : "start it: selatd --config \(layout.configuration)")
        hints.append(
            "once witnesses have answered, `selat status` says whether something is missing; then: "
                + "selat restore --continue --reason TEXT")
        return hints
    }
}
