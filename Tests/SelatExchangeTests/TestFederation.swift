import Foundation
import GRDB
import Logging
import SelatAudit
import SelatCore
import SelatCrypto
import SelatFederation
import SelatHTTP
import SelatPolicy
import SelatTestSupport
import SelatTransport
import Synchronization
import Testing

@testable import SelatExchange
@testable import SelatStore

/// Members with authorities, keys, certificates and one node each, in this process: everything but
/// the daemon around them is the real thing.
struct TestFederation: Sendable {
    /// How a test's federation departs from a plain one.
    struct Plan: Sendable {
        var suites: [Suite: Timestamp?] = [.p256: nil, .p256MLKEM768: nil]
        var profile = CryptographyProfile.standard
        var highFrom: Classification?
        /// What a node has for envelopes, by node.
        var keys: [String: NodeKeys] = [:]
        var listDays: Int64 = 29
        /// Countries whose node is no more than a witness.
        var witnesses: Set<String> = []
        /// Whether the nodes witness for each other, and how.
        var isWitnessed = false
        var witnessing = WitnessSettings()
        /// Whether logs wait for a witness.
        var awaitsProof = false
        /// A text to replace in a policy file, by node and file name.
        var edits: [String: (file: String, old: String, new: String)] = [:]
        /// The same edit for every node.
        var edit: (file: String, old: String, new: String)?
        /// Where a node's spool lies, if not beside its database.
        var spools: [String: String] = [:]
        /// The members, with one node each.
        var countries = ["MY", "SG", "VN"]
        /// Countries whose node relays.
        var relays: Set<String> = []
        /// The countries with which a node exchanges directly, by country.
        var links: [String: Set<String>] = [:]
        /// How much a relay holds for others.
        var relaying = Quota.relay
        var inbox = Quota.inbox
        var queue = QueueQuotas()
        /// How much of the disk is kept for flash: whatever the machine has left, nothing.
        var reserve = DiskReserve(bytes: 0)
        /// How often one peer may ask.
        var requests = RequestRate()
        /// How long peers are waited for.
        var patience = Duration.seconds(60)
    }

    /// The keys of a node with which envelopes are signed and to which they are sealed.
    struct NodeKeys: Sendable {
        var curves: [KeyKind] = [.p256]
        var mlkem: [MLKEMKind] = [.mlkem768]

        static let classical = NodeKeys(mlkem: [])
        static let high = NodeKeys(curves: [.p384], mlkem: [.mlkem1024])
        static let both = NodeKeys(curves: [.p256, .p384], mlkem: [.mlkem768, .mlkem1024])
    }

    static let start = Timestamp(seconds: 1_793_491_200)  // 2026-11-01
    private static let days: Int64 = 86_400

    let clock = TestClock(start)
    /// As it is at the start; what a node goes by later is its exchange's.
    let federation: Federation
    let authorities: [Authority]
    let nodes: [NodeID: TestNode]
    let policySigners: [Country: [CMS.Signer]]

    var sender: TestNode { node("SG/hub") }
    var recipient: TestNode { node("VN/hub") }
    var stranger: TestNode { node("MY/hub") }

    private func node(_ text: String) -> TestNode {
        guard let node = nodes.first(where: { $0.key.text == text }) else {
            preconditionFailure("no node \(text)")
        }
        return node.value
    }

    init(_ plan: Plan = Plan()) throws {
        let (start, clock) = (Self.start, clock)
        let authorities = try plan.countries.map { try Authority(Country($0), from: start) }
        let list = try MembershipList(
            issued: start, expires: start + plan.listDays * Self.days, isSandbox: true,
            quorum: authorities.count / 2 + 1, suites: plan.suites, profile: plan.profile,
            highFrom: plan.highFrom,
            members: authorities.map(\.member)
        ).signed(by: authorities.flatMap(\.signers), at: start)
        self.authorities = authorities
        let id = SHA256.digest(list)
        policySigners = Dictionary(
            uniqueKeysWithValues: authorities.map { ($0.member.country, $0.policySigners) })
        let founded = try authorities.map { authority in
            let isWitness = plan.witnesses.contains(authority.member.country.code)
            var usual: Set<NodeRole> = plan.isWitnessed ? [.exchange, .witness] : [.exchange]
            let code = authority.member.country.code
            if plan.relays.contains(code) { usual.insert(.relay) }
            return try Founded(
                authority, of: id, roles: isWitness ? [.witness] : usual,
                links: try plan.links[code].map { Set(try $0.map { try NodeID("\($0)/hub") }) },
                with: plan.keys["\(authority.member.country)/hub"] ?? NodeKeys(), from: start)
        }
        var records: [Country: [UInt8]] = [:]
        for node in founded { records[node.id.country] = node.record }
        let federation = try Federation(
            verifying: MembershipDocuments(list: list, records: records, revocationLists: [:]),
            trusted: id, allowsSandbox: true, at: start)
        self.federation = federation
        nodes = Dictionary(
            uniqueKeysWithValues: try founded.map {
                ($0.id, try TestNode($0, federation, clock, plan))
            })
        _ = Self.endsAtOnce
    }

    /// The last stores of a run may sign a checkpoint still while this process ends: OpenSSL is not to be cleaned up
    /// under them. What was registered last is called first, so it has to be in use by now.
    private static let endsAtOnce: Void = {
        _ = on_exit(
            { status, _ in
                fflush(nil)
                _exit(status)
            }, nil)
    }()

    /// One member's authority.
    struct Authority: Sendable {
        let root: CertificateIssuer
        let member: MembershipList.Member
        let signers: [CMS.Signer]
        /// Two persons who sign the country's policy editions.
        let policySigners: [CMS.Signer]

        init(_ country: Country, from start: Timestamp) throws {
            let key = try PrivateKey.generate(.p256)
            let root = try CertificateIssuer(
                root: "\(country) authority", country: country, key: key, from: start + -days,
                until: start + 3_650 * days)
            signers = try ["first", "second"].map { person in
                let key = try PrivateKey.generate(.p256)
                let certificate = try root.issue(
                    for: .authority, uri: "selat://\(country)/authority/\(person)",
                    to: key.publicKey, from: start + -days, until: start + 365 * days)
                return try CMS.Signer(certificate: certificate, key: key)
            }
            policySigners = try ["first", "second"].map { person in
                let key = try PrivateKey.generate(.p256)
                let certificate = try root.issue(
                    for: .officer, uri: "selat://\(country)/hub/\(person)", to: key.publicKey,
                    from: start + -days, until: start + 365 * days)
                return try CMS.Signer(certificate: certificate, key: key)
            }
            self.root = root
            member = MembershipList.Member(
                country: country, sector: .public, anchors: [root.certificate],
                authorities: signers.map(\.certificate), threshold: 2,
                roles: [.exchange, .relay, .witness])
        }
    }

    /// One node's keys, and its member's signed record.
    struct Founded {
        let id: NodeID
        let port: UInt16
        let keys: NodeIdentity.Keys
        let record: [UInt8]
        /// One officer for each role, and a deputy with two.
        let officers: [String: CMS.Signer]

        static let deputy = "deputy"

        init(
            _ authority: Authority, of federation: Digest, roles: Set<NodeRole>,
            links: Set<NodeID>?, with kinds: NodeKeys, from start: Timestamp
        ) throws {
            let id = try NodeID("\(authority.member.country)/hub")
            let port = try FreePort.any()
            let keys = NodeIdentity.Keys(
                tls: [try .generate(.p256)], signing: try kinds.curves.map { try .generate($0) },
                agreement: try kinds.curves.map { try .generate($0) },
                mlkem: try kinds.mlkem.map { try .generate($0) }, log: try .generate(.ed25519),
                witness: [try .generate(.ed25519)])
            func certified(_ keys: [PrivateKey], _ use: CertificatePurpose) throws -> [Certificate]
            {
                try keys.map { key in
                    try authority.root.issue(
                        for: use, uri: id.uri, to: key.publicKey, from: start + -days,
                        until: start + 90 * days)
                }
            }
            let names = [
                "releasing-officer", "data-protection-officer", "emergency-officer",
                Self.deputy,
            ]
            officers = try Dictionary(
                uniqueKeysWithValues: names.map { role in
                    let key = try PrivateKey.generate(.p256)
                    let certificate = try authority.root.issue(
                        for: .officer, uri: OfficerID("\(id)/\(role)").uri, to: key.publicKey,
                        from: start + -days, until: start + 365 * days)
                    return (role, try CMS.Signer(certificate: certificate, key: key))
                })
            let log = try LogIdentity(
                origin: LogIdentity.origin(federation: federation, node: id), key: keys.log)
            let witness = try CosignerKey(
                name: CosignerKey.name(federation: federation, node: id),
                key: try #require(keys.witness.first).publicKey)
            record = try MemberRecord(
                federation: federation, country: id.country, issued: start,
                expires: start + 29 * days,
                nodes: [
                    MemberRecord.Node(
                        id: id, endpoint: Endpoint(host: "127.0.0.1", port: port),
                        tls: try certified(keys.tls, .tlsServer),
                        signing: try certified(keys.signing, .signing),
                        agreement: try certified(keys.agreement, .agreement),
                        mlkem: keys.mlkem.map(\.publicKey),
                        logKey: log.verifierKey.text,
                        witnessKey: roles.contains(.witness) ? witness.text : nil, roles: roles,
                        links: links)
                ],
                officers: officers.map { role, signer in
                    MemberRecord.Officer(
                        id: try OfficerID("\(id)/\(role)"), certificate: signer.certificate,
                        roles: role == Self.deputy
                            ? ["releasing-officer", "data-protection-officer"] : [role])
                },
                policySigners: authority.policySigners.map(\.certificate)
            ).signed(by: authority.signers, at: start)
            (self.id, self.port, self.keys) = (id, port, keys)
        }
    }
}

/// One node: its exchange can be made anew on the same store and spool, as after a restart.
final class TestNode: Sendable {
    let id: NodeID
    let membership: MembershipRegister
    let identity: NodeIdentity
    let keys: NodeIdentity.Keys
    let officers: [String: CMS.Signer]
    let policies: PolicySet
    let store: Store
    let spool: SpoolFolder
    let port: UInt16
    let door: Door
    /// What peers are served in place of the node's own editions.
    let shelf = Mutex<(any PolicyService)?>(nil)
    private let folder: TestFolder
    private let make: @Sendable (EditionRegister?) throws -> Exchange
    private let register = Mutex<EditionRegister?>(nil)

    var exchange: Exchange { door.exchange }

    init(
        _ founded: TestFederation.Founded, _ federation: Federation, _ clock: TestClock,
        _ plan: TestFederation.Plan
    ) throws {
        let identity = try NodeIdentity(
            node: founded.id, keys: founded.keys, federation: federation, at: clock.now())
        let folder = try TestFolder()
        let place = plan.spools[founded.id.text] ?? "\(folder.path)/spool"
        try FileManager.default.createDirectory(
            atPath: place, withIntermediateDirectories: true)
        let store = try Store.open(
            path: "\(folder.path)/selat.sqlite", log: identity.log, clock: clock,
            entropy: SystemEntropy(), awaitsProof: plan.awaitsProof,
            fatal: { preconditionFailure("\($0)") })
        let policies = try TestPolicies.set(
            changing: plan.edits[founded.id.text] ?? plan.edit)
        let storageKey = StorageKey(Random.secret(32))
        let spool = SpoolFolder(place)
        (id, keys, port) = (founded.id, founded.keys, founded.port)
        officers = founded.officers
        (self.identity, self.store, self.spool) = (identity, store, spool)
        (self.policies, self.folder) = (policies, folder)
        let membership = try MembershipRegister(
            federation, node: founded.id, keys: founded.keys, allowsSandbox: true, store: store,
            clock: clock, logger: .silent)
        self.membership = membership
        make = { register in
            Exchange(
                membership: membership,
                editions: register
                    ?? EditionRegister(
                        judgingBy: policies, store: store, membership: membership, clock: clock,
                        logger: .silent), store: store, spool: spool, storageKey: storageKey,
                witnessing: plan.witnessing, relaying: plan.relaying,
                inbox: plan.inbox, queue: plan.queue, reserve: plan.reserve,
                requests: plan.requests, patience: plan.patience, program: SHA256.digest([]),
                awaitsProof: plan.awaitsProof, clock: clock, logger: .silent)
        }
        door = Door(try make(nil))
    }

    /// From now on the node judges by signed editions in its database.
    func judge(by register: EditionRegister) throws {
        self.register.withLock { $0 = register }
        door.exchange = try make(register)
    }

    /// A new exchange over what is durable, as after a crash.
    func restart() async throws {
        door.exchange = try make(register.withLock { $0 })
        try await door.exchange.recover()
    }

    /// Serves peers and delivers while `body` runs.
    func running<Value: Sendable>(
        _ body: @escaping @Sendable () async throws -> Value
    ) async throws -> Value {
        let exchange = exchange
        return try await serving {
            let run = Task { await exchange.run() }
            let outcome: Result<Value, any Error>
            do { outcome = .success(try await body()) } catch { outcome = .failure(error) }
            run.cancel()
            await run.value
            return try outcome.get()
        }
    }

    func relayed(_ id: TransferID, from: TestNode) async throws -> RelayedRow? {
        let from = from.id
        return try await store.read { try $0.relayed(id, from: from) }
    }

    /// Waits until a transfer of this node's has ended.
    func ended(_ id: TransferID) async throws -> OutboundRow {
        try await exchange.waitForEnd(of: id, seconds: 30)
        guard let row = try await outbound(id) else { throw ServiceProblem.unknownTransfer(id) }
        return row
    }

    /// Serves peers while `body` runs.
    /// - Parameter documents: what it serves of the membership, if not the truth.
    func serving<Value: Sendable>(
        documents: (any MembershipService)? = nil, _ body: @Sendable () async throws -> Value
    ) async throws -> Value {
        try await servingAt(documents: documents) { _ in try await body() }
    }

    func servingAt<Value: Sendable>(
        documents: (any MembershipService)? = nil, port other: UInt16? = nil,
        _ body: @Sendable (NodeServer) async throws -> Value
    ) async throws -> Value {
        let policies: any PolicyService = shelf.withLock { $0 } ?? exchange
        let server = try await NodeServer.bind(
            .tcp(host: "127.0.0.1", port: Int(other ?? port)), identity: identity.tls,
            verifyPeer: exchange.admission, membership: membership.link,
            news: exchange.witnesses.newsExchange, service: door, letters: door, policies: policies,
            log: exchange.witnesses, documents: documents ?? exchange, rates: exchange.rates,
            cutOff: { [membership] in membership.cutOff($0) }, refused: { _ in },
            logger: .silent)
        return try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await server.run() }
            let outcome: Result<Value, any Error>
            do { outcome = .success(try await body(server)) } catch { outcome = .failure(error) }
            server.shutDown()
            try await group.waitForAll()
            return try outcome.get()
        }
    }

    func entries(_ kind: EntryKind) async throws -> Int {
        try await store.entries(EntryFilter(kind: kind)).count
    }

    func outbound(_ id: TransferID) async throws -> OutboundRow? {
        try await store.read { try $0.outbound(id) }
    }

    /// The recipient's receipt, as it is kept at the sender.
    func receipt(of id: TransferID) async throws -> [UInt8]? {
        try await store.read { try $0.document(.receipt, of: id) }
    }

    func inbound(_ id: TransferID, from: TestNode) async throws -> InboundRow? {
        let from = from.id
        return try await store.read { try $0.inbound(id, from: from) }
    }

    /// Lets no row of the own transfers change, as where the disk has no room for it; or lets them again.
    func closeOutbound(_ isClosed: Bool) async throws {
        _ = try await store.commit {
            try $0.database.execute(
                sql: isClosed
                    ? "CREATE TRIGGER closed BEFORE UPDATE ON outbound BEGIN"
                        + " SELECT raise(ABORT, 'no room'); END"
                    : "DROP TRIGGER closed")
        }
    }

    /// Names of the files in the spool.
    var files: [String] {
        get throws { try FileManager.default.contentsOfDirectory(atPath: spool.path).sorted() }
    }

    /// Names of the parts that lie in the database.
    var stored: [String] {
        get throws {
            try store.lookUp {
                try String.fetchAll(
                    $0.database, sql: "SELECT name || '.' || part FROM parts ORDER BY 1")
            }
        }
    }

    /// Names of the parts that lie here, wherever.
    var parts: [String] { get throws { try (files + stored).sorted() } }

    /// Puts other bytes in the place of a part, wherever it lies.
    func replace(
        _ part: SpoolFolder.Name.Part, of name: SpoolFolder.Name, by bytes: [UInt8]
    ) async throws {
        guard try store.lookUp({ try $0.part(part, of: name) }) != nil else {
            return try await spool.write(bytes, to: name, part)
        }
        _ = try await store.commit { try $0.keep(bytes, as: part, of: name) }
    }

    /// Moves all parts out of the database into files, where a program of an older schema has them.
    func moveToFiles(_ name: SpoolFolder.Name) async throws {
        for part in SpoolFolder.Name.Part.allCases {
            guard let bytes = try store.lookUp({ try $0.part(part, of: name) }) else { continue }
            try await spool.write(bytes, to: name, part)
        }
        _ = try await store.commit {
            try $0.database.execute(
                sql: "DELETE FROM parts WHERE name = ?", arguments: [name.description])
        }
    }
}

/// Where peers knock: a restarted exchange takes over behind it, and a test may break uploads.
final class Door: EnvelopeService, LetterService {
    private let current: Mutex<Exchange>
    /// Bytes after which the next appends break, one each.
    let breaks = Mutex<[Int]>([])
    /// What the next offers are refused with, one each.
    let refusals = Mutex<[Problem]>([])
    /// What the next letters are refused with, one each.
    let letterRefusals = Mutex<[Problem]>([])
    /// What is answered to an offer in place of the truth.
    let lie = Mutex<(@Sendable (OfferAnswer) -> OfferAnswer)?>(nil)
    /// For how long it does nothing with a letter, a question or a payload before it looks at it.
    let stillness = Mutex(Duration.zero)
    /// The same before each recall is taken.
    let recallStillness = Mutex(Duration.zero)
    /// Whether answers get lost after the work is done.
    let losesAnswers = Mutex(false)

    init(_ exchange: Exchange) { current = Mutex(exchange) }

    var exchange: Exchange {
        get { current.withLock { $0 } }
        set { current.withLock { $0 = newValue } }
    }

    func offer(
        head: [UInt8], payload: [UInt8]?, from peer: NodeID
    ) async throws -> OfferAnswer {
        if payload != nil { try await Task.sleep(for: stillness.withLock { $0 }) }
        if let problem = refusals.withLock({ $0.isEmpty ? nil : $0.removeFirst() }) {
            throw problem
        }
        let answer = try await exchange.offer(head: head, payload: payload, from: peer)
        if losesAnswers.withLock({ $0 }) { throw Broken.LinkBroke() }
        return lie.withLock { $0 }?(answer) ?? answer
    }

    func uploadState(_ upload: UploadID, from peer: NodeID) async throws -> UploadState {
        try await Task.sleep(for: stillness.withLock { $0 })
        return try await exchange.uploadState(upload, from: peer)
    }

    func take(receipt: [UInt8], from peer: NodeID) async throws -> LetterAnswer {
        try await Task.sleep(for: stillness.withLock { $0 })
        if let problem = letterRefusals.withLock({ $0.isEmpty ? nil : $0.removeFirst() }) {
            throw problem
        }
        let answer = try await exchange.take(receipt: receipt, from: peer)
        if losesAnswers.withLock({ $0 }) { throw Broken.LinkBroke() }
        return answer
    }

    func take(recall message: [UInt8], from peer: NodeID) async throws -> LetterAnswer {
        try await Task.sleep(for: stillness.withLock { $0 } + recallStillness.withLock { $0 })
        if let problem = letterRefusals.withLock({ $0.isEmpty ? nil : $0.removeFirst() }) {
            throw problem
        }
        let answer = try await exchange.take(recall: message, from: peer)
        if losesAnswers.withLock({ $0 }) { throw Broken.LinkBroke() }
        return answer
    }

    func append(
        _ upload: UploadID, from peer: NodeID, offset: UInt64, length: UInt64?, complete: Bool,
        body: UploadBody
    ) async throws -> UploadState {
        try await Task.sleep(for: stillness.withLock { $0 })
        let limit = breaks.withLock { $0.isEmpty ? nil : $0.removeFirst() }
        let body = limit.map { UploadBody(Broken(body: body, limit: $0)) } ?? body
        return try await exchange.append(
            upload, from: peer, offset: offset, length: length, complete: complete, body: body)
    }
}

/// A folder that goes away with the test.
final class TestFolder: Sendable {
    let path: String

    init() throws {
        path = FileManager.default.temporaryDirectory.path() + "selat-exchange-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }
}

/// The files under `Policies/`, as they ship.
enum TestPolicies {
    private static let sets = Mutex<[[String]: PolicySet]>([:])

    /// Loaded once in a process: reading all of them takes longer than most tests.
    static func set(
        changing edit: (file: String, old: String, new: String)?
    ) throws -> PolicySet {
        let key = edit.map { [$0.file, $0.old, $0.new] } ?? []
        if let set = sets.withLock({ $0[key] }) { return set }
        let set = try PolicySet.load(files: try sources(changing: edit))
        sets.withLock { $0[key] = set }
        return set
    }

    static func sources(
        changing edit: (file: String, old: String, new: String)?
    ) throws -> [PolicySource] {
        var root = URL(filePath: #filePath)
        while !FileManager.default.fileExists(atPath: root.appending(path: "Package.swift").path())
        {
            root.deleteLastPathComponent()
        }
        let folder = root.appending(path: "Policies")
        return try FileManager.default.contentsOfDirectory(atPath: folder.path())
            .filter { $0.hasSuffix(".yaml") }.sorted().map { name in
                var text = try String(contentsOf: folder.appending(path: name), encoding: .utf8)
                if let edit, edit.file == name {
                    guard text.contains(edit.old) else { throw Absent(text: edit.old) }
                    text = text.replacingOccurrences(of: edit.old, with: edit.new)
                }
                return PolicySource(name: name, bytes: Array(text.utf8))
            }
    }

    struct Absent: Error { let text: String }
}

extension Logger {
    static let silent = Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() })
}
