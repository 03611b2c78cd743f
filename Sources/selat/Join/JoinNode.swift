import ArgumentParser
import SelatCore
import SelatCrypto
import SelatFederation

struct JoinNode: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "node",
        abstract: "Make a new node's keys, requests, sheet and configuration; needs no daemon.",
        discussion: """
            The keys are made here and stay here; with --passphrase-file they are
            encrypted, and the configuration says where the daemon finds the passphrase:
            in that file, which only its user may read then, or in a credential of its
            service. The federation's digest comes from another member by another way than
            the files: everything else is believed because of it.

            Example:
              selat join --node TH/hub --host selat.th.example --membership membership/ \\
                --trust sha256:4f62… --out /etc/selat --passphrase-file pass \\
                --credential selat-keys
            """)

    @Option(help: "The new node, such as TH/hub.")
    var node: NodeID

    @Option(help: "The DNS name or address at which peers dial it.")
    var host: String

    @Option(help: "The port at which peers dial it.")
    var port: UInt16 = 7443

    @Option(help: "A folder with the membership list, records and revocation lists.")
    var membership: String

    @Option(help: "The federation's digest, obtained from a member by another way.")
    var trust: Digest

    @Option(help: "Where keys, requests, sheet and configuration are written.")
    var out: String

    @Option(help: "What the node will be: exchange, relay, witness; repeat it for each.")
    var role: [NodeRole] = [.exchange, .witness]

    @Option(help: "Keys: standard (P-256) or high (P-384).")
    var profile: JoinProfile = .standard

    @Option(help: "The daemon's state directory.")
    var state: String = "/var/lib/selat"

    @Option(help: "The daemon's control socket.")
    var control: String = "/run/selat/control.sock"

    @Option(help: "The address at which the daemon listens.")
    var listen: String = "0.0.0.0"

    @Option(help: "The folder with the policy files (default: policies in --out).")
    var policies: String?

    @Option(help: "A file whose first line encrypts the keys.")
    var passphraseFile: String?

    @Option(help: "The credential in which the daemon finds that passphrase (default: the file).")
    var credential: String?

    @Flag(help: "Print one JSON document instead of text.")
    var json = false

    func validate() throws {
        for (option, text) in [("--host", host), ("--listen", listen)]
        where !NodeHost.isOne(text) {
            throw ValidationError(
                "\(option) is a DNS name or an address without a port, not `\(text)`")
        }
        guard port > 0 else { throw ValidationError("--port is 1 to 65535") }
        guard let credential else { return }
        guard passphraseFile != nil else {
            throw ValidationError("--credential goes with --passphrase-file")
        }
        let isName = credential.utf8.allSatisfy { byte in
            switch byte {
            case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x2D, 0x2E, 0x5F: true
            default: false
            }
        }
        guard isName, !["", ".", ".."].contains(credential), credential.utf8.count <= 255 else {
            throw ValidationError("`\(credential)` is no name of a credential")
        }
    }

    func run() async throws {
        SecretMemory.protect()
        let federation = try JoinedFederation.load(membership, trust: trust)
        if federation.nodes[node] != nil {
            throw Ending(
                .refused, "`\(node)` is in the membership already",
                hint: "new keys for a node that is: selat keys rotate")
        }
        let folder = NodeFolder(out)
        // Before the first key: what fails now leaves nothing.
        let settings = try settings(folder, federation)
        let unfinished = Unfinished()
        let keys = NodeKeys(
            folder: folder, node: node, endpoint: Endpoint(host: host, port: port),
            roles: Set(role), federation: federation.id, curve: profile.curve,
            passphrase: try passphraseFile.map(Passphrase.ofNewKeys), unfinished: unfinished)
        let sheet = ReadableSheet(sheet: try keys.make(), isSandbox: federation.isSandbox)
        try NewFile.write(sheet.text, to: folder.readableSheet, of: unfinished)
        try NewFile.write(settings, to: folder.configuration, of: unfinished)
        unfinished.keep()
        if !federation.members.contains(where: { $0.country == node.country }) {
            Terminal.note(
                "\(node.country) is no member yet: its authority makes a candidate with "
                    + "`selat join member`, and the members sign it into the list")
        }
        report(sheet, folder)
    }

    private func settings(_ folder: NodeFolder, _ federation: Federation) throws -> String {
        try NodeConfiguration(
            node: node, state: AbsolutePath.of(state), control: AbsolutePath.of(control),
            listen: (listen, port), membership: AbsolutePath.of(membership),
            digest: federation.id,
            policies: policies.map(AbsolutePath.of) ?? "\(folder.path)/policies",
            folder: folder, hasWitness: role.contains(.witness), isSandbox: federation.isSandbox,
            passphrase: passphrasePlace
        ).checked()
    }

    private var passphrasePlace: PassphrasePlace? {
        passphraseFile.map { file in
            credential.map { .credential($0) } ?? .file(AbsolutePath.of(file))
        }
    }

    private func report(_ sheet: ReadableSheet, _ folder: NodeFolder) {
        guard json else {
            Terminal.result(sheet.text)
            Terminal.hint("keys and sheet lie in \(folder.path); the keys stay there")
            if passphraseFile == nil {
                Terminal.hint("the keys are not encrypted; --passphrase-file would do that")
            }
            return
        }
        let fingerprints = sheet.fingerprints.map {
            ($0.purpose.rawValue, JSON.string($0.fingerprint.text))
        }
        Terminal.result([
            "node": .string(node.text), "folder": .string(folder.path),
            "sheet": .string(folder.sheet), "configuration": .string(folder.configuration),
            "fingerprints": .object(JSON.Object(fingerprints)),
        ])
    }
}

/// How strong the keys are that are made.
enum JoinProfile: String, ExpressibleByArgument, CaseIterable {
    case standard, high

    var curve: KeyKind { self == .standard ? .p256 : .p384 }
}

extension NodeRole: ExpressibleByArgument {}

/// The federation that somebody wants to join, as a folder shows it.
enum JoinedFederation {
    static func load(_ directory: String, trust: Digest) throws -> Federation {
        do throws(FederationError) {
            return try FederationLoader.load(
                directory: AbsolutePath.of(directory), trusted: trust, allowsSandbox: true,
                at: SystemClock().now())
        } catch {
            throw Ending(
                error.status, "membership in `\(directory)`: \(error)",
                hint: "ask a member for its files, and by another way for the digest")
        }
    }
}
