import ArgumentParser
import SelatBackup
import SelatControl
import SelatCore
import SelatCrypto

struct Restore: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "restore",
        abstract:
            "Lay out a node from its backup; or, once it runs, go on where witnesses know more.",
        discussion: """
            With FILE, without a daemon: opens the backup with its key, verifies from the
            federation's digest on that this node made it, and lays everything out so that
            selatd starts: in a folder of its own (--out), or where the configuration had
            it, below a root (--root /). Nothing that exists is touched, and what fails
            leaves nothing behind. The old node must never run again.

            The node then finds from its witnesses that it knows less than they do, and
            neither sends nor takes. With --continue its log begins the next epoch, under
            a new name; the first entry says what the old one had reached, and why it
            ended. What only the lost part held stays lost.

            Examples:
              selat restore csa.selatbackup --key backup.key --trust sha256:4f62… \\
                --root / --user selat
              selat restore csa.selatbackup --key backup.key --trust sha256:4f62… --check
              selat restore --continue --reason "disk failed, backup of Monday restored"
            """)

    @Argument(help: "The backup.")
    var file: String?

    @Option(help: "The key to which it is sealed: a PEM file, or one in a token (`pkcs11:…`).")
    var key: String?

    @Option(help: "The federation's digest, obtained elsewhere.")
    var trust: Digest?

    @Option(help: "A folder that does not exist yet, for everything; the configuration is fitted.")
    var out: String?

    @Option(help: "The root below which everything gets its old place, such as /.")
    var root: String?

    @Flag(help: "Only verify: read everything, and lay out nothing.")
    var check = false

    @Option(help: "The daemon's user, to whom the files are given; only root can.")
    var user: String?

    @Option(help: "The node whose backup it must be, such as SG/csa.")
    var node: NodeID?

    @Flag(help: "Take one that is older than 30 days, when it should not exist any more.")
    var expired = false

    @Option(help: "A file whose first line is the key's passphrase; without it you are asked.")
    var passphraseFile: String?

    @Option(help: "The PKCS#11 module of the token, with its path.")
    var module: String?

    @Option(help: "A file whose first line is the token's PIN; without it you are asked.")
    var pinFile: String?

    @Flag(name: .customLong("continue"), help: "Begin the next epoch of the audit log.")
    var continues = false

    @Option(help: "With --continue: why, as it is entered in the log.")
    var reason: String?

    @OptionGroup var client: ClientOptions

    func validate() throws {
        guard file != nil else {
            guard continues else {
                throw ValidationError("name a backup, or say --continue: it cannot be undone")
            }
            guard reason != nil else { throw ValidationError("--continue goes with --reason") }
            return
        }
        guard !continues, reason == nil else {
            throw ValidationError("--continue is said to the restored daemon, without a file")
        }
        guard key != nil, trust != nil else {
            throw ValidationError("a backup takes --key and --trust")
        }
        guard [out != nil, root != nil, check].filter({ $0 }).count == 1 else {
            throw ValidationError("say one of --out, --root and --check")
        }
    }

    func run() async throws {
        guard let file, let key, let trust else { return try await goOn() }
        SecretMemory.protect()
        let own: PrivateKey
        do {
            own = try PersonalKey.privateKey(
                key, passphraseFile: passphraseFile, module: module, pinFile: pinFile)
        } catch let error as CryptoError {
            throw Ending(.failed, "key `\(key)`: \(error)", hint: PersonalKey.hint(for: error))
        }
        let opened = try OpenedBackup(
            file, key: own, trust: trust, node: node, allowsExpired: expired)
        let place: RestoredPlace? =
            if let out { .folder(out) } else if let root { .root(root) } else { nil }
        let report = try opened.restore(to: place, owner: try user.map { try Owner(named: $0) })
        if client.json { return Terminal.result(report.json) }
        Terminal.result(report.text)
        for hint in report.hints { Terminal.hint(hint) }
    }

    private func goOn() async throws {
        let answer = try await client.withDaemon {
            try await $0.post("/v1/audit/epoch", ["reason": .string(reason ?? "")])
        }
        if client.json { return Terminal.result(answer) }
        Terminal.result(lines(answer).joined(separator: "\n"))
    }

    private func lines(_ answer: JSON) -> [String] {
        let held = UInt64(answer.text("held")) ?? 0
        let seen = UInt64(answer.text("witnessed")) ?? 0
        var lines = ["the log goes on as \(answer.text("origin"))"]
        if answer["last"] != nil {
            lines.append("the last entry that is here, \(held - 1), is of \(answer.text("last"))")
        }
        if seen > held {
            lines.append(
                "lost: entries \(held) to \(seen - 1) of \(answer.text("before")); what they said is "
                    + "in the exports of auditors, and in what peers hold")
        } else {
            lines.append("lost: what \(answer.text("before")) had instead of these entries")
        }
        lines.append(
            "lost: transfers that began after it; senders offer theirs again while they have not "
                + "expired, and recipients know of yours: ask them for `selat holdings`")
        return lines
    }
}
