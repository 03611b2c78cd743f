import FoundationEssentials
import SelatControl
import SelatCore
import SelatCrypto
import SelatExchange
import SelatPolicy
import SelatTransport

/// The daemon's configuration file.
struct Configuration: Sendable {
    /// This node, such as `SG/hub`.
    let node: NodeID
    /// Database, spool and storage key; only the daemon's user may enter it.
    let state: String
    /// The control socket.
    let control: String
    /// Where peers dial.
    let listen: (host: String, port: Int)
    /// `membership.cms`, `records/`, `crls/`.
    let membership: String
    /// The digest of the membership list, obtained elsewhere.
    let membershipDigest: Digest
    /// The policy files.
    let policies: String
    let keys: KeyPaths
    /// What encrypted key files and the storage key are opened with.
    let passphrase: SecretSource?
    /// Where keys named `pkcs11:…` lie.
    let token: TokenAccess?
    /// Which implementation of OpenSSL computes.
    let provider: OpenSSLProvider
    /// Whether a membership list that is marked as a sandbox's is accepted.
    let isSandbox: Bool
    /// Where what watches the daemon asks; nil where nobody does.
    let metrics: (host: String, port: Int)?
    /// The certificate to which backups are sealed; nil where none are made.
    let backup: String?
    /// How often witnesses are asked, and how long the node goes on without them.
    let witnessing: WitnessSettings
    /// How much is held for others.
    let relaying: Quota
    /// How much of one member's lies here for this node.
    let inbox: Quota
    /// How much of this node's own may be under way.
    let queue: QueueQuotas
    /// How much uploads may send to other nodes.
    private(set) var bandwidth: [BandwidthLimit]
    /// How much of the spool's disk is kept for flash.
    private(set) var reserve: DiskReserve
    /// How often one other node may ask.
    private(set) var requests: RequestRate
    /// How many seconds details of entries of a kind, or below it, are kept.
    private(set) var retention: [String: Int64]
    /// Which groups have which role at the control socket.
    private(set) var roles: [Role: [String]]
    /// SHA-256 of the file is entered at each start.
    private(set) var bytes: [UInt8]

    /// Of signing, agreement and ML-KEM keys there may be several: one of each kind that a suite has.
    struct KeyPaths: Hashable, Sendable {
        let tls: String
        let signing: [String]
        let agreement: [String]
        /// Where the record lists ML-KEM keys.
        let mlkem: [String]
        let log: String
        /// For nodes that witness.
        let witness: String?
    }

    /// - Throws: `StartFailure.invalid` with every mistake of the file, each with its place.
    init(file path: String) throws {
        guard let contents = FileManager.default.contents(atPath: path) else {
            throw StartFailure.invalid(
                "reading the configuration `\(path)`: \(Hindrance.ofReading(path))")
        }
        bytes = Array(contents)
        var reader = DocumentReader(file: path)
        let root = reader.root(of: PolicySource(name: path, bytes: bytes))
        let read = Self.read(root, &reader)
        let errors = reader.problems.filter { $0.severity == .error }
        guard let read, errors.isEmpty else {
            throw StartFailure.invalid(errors.map(\.description).joined(separator: "\n"))
        }
        (node, state, control, listen) = (read.node, read.state, read.control, read.listen)
        (membership, membershipDigest) = (read.membership, read.digest)
        (policies, keys, isSandbox) = (read.policies, read.keys, read.isSandbox)
        (witnessing, relaying, inbox) = (read.witnessing, read.relaying, read.inbox)
        (queue, bandwidth) = (read.queue, read.bandwidth)
        (reserve, requests, retention) = (read.reserve, read.requests, read.retention)
        (metrics, backup) = (read.metrics, read.backup)
        roles = read.roles
        (passphrase, token) = read.protection
        provider = read.provider
    }

    /// This one with what may change while the daemon runs as `other` has it, and as the file that is read now.
    func applying(_ other: Configuration) -> Configuration {
        var applied = self
        applied.roles = other.roles
        applied.retention = other.retention
        applied.bandwidth = other.bandwidth
        applied.reserve = other.reserve
        applied.requests = other.requests
        applied.bytes = other.bytes
        return applied
    }

    private typealias Values = (
        node: NodeID, state: String, control: String, listen: (host: String, port: Int),
        membership: String, digest: Digest, policies: String, keys: KeyPaths, isSandbox: Bool,
        witnessing: WitnessSettings, relaying: Quota, inbox: Quota,
        queue: QueueQuotas,
        bandwidth: [BandwidthLimit],
        reserve: DiskReserve, requests: RequestRate,
        retention: [String: Int64], roles: [Role: [String]],
        protection: (passphrase: SecretSource?, token: TokenAccess?), provider: OpenSSLProvider,
        metrics: (host: String, port: Int)?, backup: String?
    )

    private static func read(_ root: DocumentNode?, _ reader: inout DocumentReader) -> Values? {
        let known = [
            "node", "state", "control", "listen", "membership", "policies", "keys", "sandbox",
            "witnesses", "relay", "inbox", "queue", "bandwidth", "reserve", "requests", "retention",
            "roles", "passphrase", "token", "openssl", "metrics", "backup",
        ]
        guard let top = reader.section(root, "the configuration", keys: known) else { return nil }
        let node = value(top, "node", &reader) { try NodeID($0) }
        let state = path(top, "state", &reader)
        let control = path(top, "control", &reader)
        let policies = path(top, "policies", &reader)
        let listen = listen(top, &reader)
        let list = reader.section(
            reader.required(top, "membership"), "`membership`", keys: ["directory", "digest"])
        let directory = list.flatMap { path($0, "directory", &reader) }
        let digest = list.flatMap { value($0, "digest", &reader) { try Digest($0) } }
        let keys = keys(top, &reader)
        let isSandbox = top["sandbox"] == nil ? false : reader.flag(top["sandbox"], "`sandbox`")
        let witnessing = witnessing(top, &reader)
        let relaying = quota(top, "relay", .relay, &reader)
        let inbox = quota(top, "inbox", .inbox, &reader)
        let queue = queue(top, &reader)
        let bandwidth = bandwidth(top, &reader)
        let reserve = reserve(top, &reader)
        let requests = requests(top, &reader)
        let retention = retention(top, &reader)
        let roles = roles(top, &reader)
        let protection = protection(top, &reader)
        let provider = provider(top, &reader)
        let metrics = metrics(top, &reader)
        let backup = top["backup"] == nil ? nil : path(top, "backup", &reader)
        guard let node, let state, let control, let policies, let listen, let directory, let digest,
            let keys, let isSandbox, let witnessing, let relaying, let inbox,
            let queue,
            let bandwidth,
            let reserve, let requests, let retention, let roles, let protection, let provider,
            let metrics
        else { return nil }
        return (
            node, state, control, listen, directory, digest, policies, keys, isSandbox, witnessing,
            relaying, inbox, queue, bandwidth, reserve, requests, retention, roles, protection,
            provider,
            metrics,
            backup
        )
    }

    /// The times of `witnesses`, each in seconds and with a default.
    private static func witnessing(
        _ top: Section, _ reader: inout DocumentReader
    ) -> WitnessSettings? {
        var settings = WitnessSettings()
        guard top["witnesses"] != nil else { return settings }
        let names = ["interval", "refresh", "patience"]
        guard let section = reader.section(top["witnesses"], "`witnesses`", keys: names) else {
            return nil
        }
        for name in names where section[name] != nil {
            guard let number = reader.number(section[name], "`\(name)`") else { return nil }
            guard (1...2_592_000).contains(number) else {
                reader.report(
                    .number, section.place, "`\(name)` must be from 1 to 2592000 seconds")
                return nil
            }
            switch name {
            case "interval": settings.interval = Int64(number)
            case "refresh": settings.refresh = Int64(number)
            default: settings.patience = Int64(number)
            }
        }
        return settings
    }

    /// How much of the own may be under way, with defaults.
    private static func queue(_ top: Section, _ reader: inout DocumentReader) -> QueueQuotas? {
        var queue = QueueQuotas()
        guard top["queue"] != nil else { return queue }
        let names = ["recipient", "total"]
        guard let section = reader.section(top["queue"], "`queue`", keys: names),
            let recipient = quota(section, "recipient", queue.recipient, &reader),
            let total = quota(section, "total", queue.total, &reader)
        else { return nil }
        (queue.recipient, queue.total) = (recipient, total)
        return queue
    }

    /// How much may lie here, with defaults.
    private static func quota(
        _ top: Section, _ key: String, _ standard: Quota, _ reader: inout DocumentReader
    ) -> Quota? {
        var quota = standard
        guard top[key] != nil else { return quota }
        let names = ["transfers", "bytes"]
        guard let section = reader.section(top[key], "`\(key)`", keys: names) else { return nil }
        for name in names where section[name] != nil {
            guard let number = reader.number(section[name], "`\(name)`") else { return nil }
            switch name {
            case "transfers": quota.transfersMax = Int(clamping: number)
            default: quota.bytesMax = number
            }
        }
        return quota
    }

    private static func listen(
        _ top: Section, _ reader: inout DocumentReader
    ) -> (host: String, port: Int)? {
        let keys = ["host", "port"]
        guard
            let section = reader.section(reader.required(top, "listen"), "`listen`", keys: keys)
        else { return nil }
        return address(section, &reader)
    }

    /// Nobody has to prove anything there, so only this machine may reach it.
    private static func metrics(
        _ top: Section, _ reader: inout DocumentReader
    ) -> (host: String, port: Int)?? {
        guard let node = top["metrics"] else { return .some(nil) }
        guard let section = reader.section(node, "`metrics`", keys: ["host", "port"]),
            let address = address(section, &reader)
        else { return nil }
        guard address.host == "::1" || address.host.hasPrefix("127.") else {
            reader.report(
                .wrongType, section.place,
                "`metrics` must listen on a loopback address, `127.0.0.1` or `::1`")
            return nil
        }
        return address
    }

    private static func address(
        _ section: Section, _ reader: inout DocumentReader
    ) -> (host: String, port: Int)? {
        let host = reader.word(reader.required(section, "host"), "`host`")
        let port = reader.number(reader.required(section, "port"), "`port`")
        guard let host, let port else { return nil }
        guard (1...65_535).contains(port) else {
            reader.report(.number, section.place, "`port` must be from 1 to 65535")
            return nil
        }
        return (host, Int(port))
    }

    private static func keys(_ top: Section, _ reader: inout DocumentReader) -> KeyPaths? {
        let known = ["tls", "log", "signing", "agreement", "witness", "mlkem"]
        guard let section = reader.section(reader.required(top, "keys"), "`keys`", keys: known)
        else { return nil }
        let tls = path(section, "tls", orInToken: true, &reader)
        let log = path(section, "log", &reader)
        let signing = paths(section, "signing", orInToken: true, &reader)
        let agreement = paths(section, "agreement", orInToken: true, &reader)
        let witness = section["witness"] == nil ? nil : path(section, "witness", &reader)
        let mlkem = section["mlkem"] == nil ? [] : paths(section, "mlkem", &reader)
        guard let tls, let log, let signing, let agreement, let mlkem else { return nil }
        return KeyPaths(
            tls: tls, signing: signing, agreement: agreement, mlkem: mlkem, log: log,
            witness: witness)
    }

    /// OpenSSL's own choice where nothing is said.
    private static func provider(
        _ top: Section, _ reader: inout DocumentReader
    ) -> OpenSSLProvider? {
        guard top["openssl"] != nil else { return try? OpenSSLProvider() }
        let keys = ["provider", "properties"]
        guard let section = reader.section(top["openssl"], "`openssl`", keys: keys) else {
            return nil
        }
        let words = keys.map { section[$0] == nil ? nil : reader.word(section[$0], "`\($0)`") }
        do throws(CryptoError) {
            return try OpenSSLProvider(name: words[0], properties: words[1])
        } catch {
            reader.report(.wrongType, section.place, "`openssl`: \(error)")
            return nil
        }
    }

    /// - Parameter orInToken: whether the name of a key in a token may stand there.
    static func path(
        _ section: Section, _ key: String, orInToken: Bool = false, _ reader: inout DocumentReader
    ) -> String? {
        guard let node = reader.required(section, key), let text = reader.word(node, "`\(key)`")
        else { return nil }
        return path(text, key, orInToken: orInToken, at: node.place, &reader)
    }

    /// One path, or a list of them.
    private static func paths(
        _ section: Section, _ key: String, orInToken: Bool = false, _ reader: inout DocumentReader
    ) -> [String]? {
        guard let node = reader.required(section, key), let words = reader.words(node, "`\(key)`")
        else { return nil }
        let paths = words.compactMap {
            path($0.text, key, orInToken: orInToken, at: $0.place, &reader)
        }
        return paths.count == words.count ? paths : nil
    }

    /// A path must be absolute: what a relative one means depends on who starts the daemon.
    private static func path(
        _ text: String, _ key: String, orInToken: Bool, at place: Place,
        _ reader: inout DocumentReader
    ) -> String? {
        if orInToken, TokenKeyName.isOne(text) { return name(text, key, at: place, &reader) }
        guard text.hasPrefix("/") else {
            reader.report(.wrongType, place, "`\(key)` must be an absolute path, not `\(text)`")
            return nil
        }
        return text
    }

    private static func name(
        _ text: String, _ key: String, at place: Place, _ reader: inout DocumentReader
    ) -> String? {
        do throws(CryptoError) { return try TokenKeyName(text).text } catch {
            reader.report(.wrongType, place, "`\(key)`: \(error)")
            return nil
        }
    }

    static func value<Value>(
        _ section: Section, _ key: String, _ reader: inout DocumentReader,
        _ parse: (String) throws -> Value
    ) -> Value? {
        guard let node = reader.required(section, key), let text = reader.word(node, "`\(key)`")
        else { return nil }
        do {
            return try parse(text)
        } catch {
            reader.report(.wrongType, node.place, "`\(key)`: \(error)")
            return nil
        }
    }
}
