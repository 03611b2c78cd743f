import SelatAudit
import SelatBackup
import SelatCore
import SelatCrypto
import SelatFederation
import SelatStore

/// A backup on its way back: everything is verified before it counts.
struct OpenedBackup {
    private let file: BackupFile
    private let name: String
    private let key: PrivateKey
    private let trust: Digest

    private var header: BackupHeader { file.front.header }

    /// Opens the file, and looks at what its header says before anything is read or written.
    /// - Throws: `Ending`.
    init(
        _ name: String, key: PrivateKey, trust: Digest, node: NodeID?, allowsExpired: Bool
    ) throws {
        (self.name, self.key, self.trust) = (name, key, trust)
        do throws(BackupError) { file = try BackupFile(name) } catch {
            throw Self.ending(name, error)
        }
        guard header.schema <= Store.schemaVersion else {
            throw Self.ending(
                name, .newer("schema \(header.schema), this one knows \(Store.schemaVersion)"))
        }
        if let node, node != header.node {
            throw Ending(
                .verificationFailed, "`\(name)` is of `\(header.node)`, not of `\(node)`",
                hint: "a node restored from another's backup would be that other node")
        }
        let age = SystemClock().now() - header.created
        guard age <= Limits.backupLifeSecondsMax || allowsExpired else {
            throw Ending(
                .failed, "`\(name)` is \(age / 86_400) days old, and backups live 30",
                hint: "details that were erased since would come back; with --expired it is taken, "
                    + "and they must be erased again: selat audit log --kind details.erased")
        }
    }

    static func ending(_ name: String, _ error: BackupError) -> Ending {
        switch error {
        case .file(let fault): Ending(.failed, fault.description)
        case .newer: Ending(.invalidConfiguration, "`\(name)`: \(error)")
        default:
            Ending(
                .verificationFailed, "`\(name)`: \(error)",
                hint: "do not use it; take another copy, or the backup before")
        }
    }

    /// Reads all of it, and lays it out where a place is given.
    func restore(to place: RestoredPlace?, owner: Owner?) throws -> RestoreReport {
        do {
            var reader = try BackupReader(file, key: key)
            let start = try BackupStart(&reader, file.front, trust: trust)
            guard let place else {
                while try reader.next() != nil {}
                return RestoreReport(header, start.description, nil, nil)
            }
            return try lay(start, &reader, place, owner)
        } catch let error as BackupError {
            throw Self.ending(name, error)
        } catch let error as FederationError {
            throw Ending(
                .verificationFailed, "`\(name)`: its membership: \(error)",
                hint: "compare --trust with what another member says")
        } catch let error as CryptoError {
            throw Ending(.verificationFailed, "`\(name)`: \(error)")
        }
    }

    private func lay(
        _ start: BackupStart, _ reader: inout BackupReader, _ place: RestoredPlace, _ owner: Owner?
    ) throws -> RestoreReport {
        let layout = RestoredLayout(place, start.description)
        let target = try RestoredNode(layout, owner: owner)
        for (path, bytes) in start.small { try target.write(bytes, as: path) }
        var next = start.next
        while let (path, _) = next {
            try target.begin(path)
            while let piece = try reader.read(1 << 20) { try target.write(piece) }
            try target.end()
            next = try reader.next()
        }
        let contents = try checkDatabase(layout.path(of: .database), start)
        try Store.noteRestored(path: layout.path(of: .database), entries: header.log.size)
        try target.publish(configuration: try layout.fitted(start.configuration))
        return RestoreReport(header, start.description, layout, contents)
    }

    /// The log that lies there is the one whose end the node signed.
    private func checkDatabase(_ path: String, _ start: BackupStart) throws -> StoredContents {
        let contents = try Store.contents(path: path)
        let report = try LogFile.verify(path: path, key: start.logKey)
        guard report.isSound, report.size == header.log.size, report.root == header.log.root else {
            let reason =
                report.failures.first.map(\.reason)
                ?? "it has \(report.size) entries, and the header names \(header.log.size)"
            throw Ending(
                .verificationFailed, "`\(name)`: the log inside does not verify: \(reason)",
                hint: "nothing was left behind; take the backup before")
        }
        return contents
    }
}

/// What stands before keys and database: enough to verify whose backup it is.
struct BackupStart {
    let description: BackupDescription
    let configuration: [UInt8]
    /// Parts that were read: the certificate for backups, and the membership.
    let small: [(BackupPath, [UInt8])]
    /// The part behind them, which was not read yet.
    let next: (path: BackupPath, size: UInt64)?
    /// The log's key under the header's origin, as the node's record names it.
    let logKey: VerifierKey

    init(
        _ reader: inout BackupReader, _ front: BackupFront, trust: Digest
    ) throws {
        var texts: [BackupPath: [UInt8]] = [:]
        var small: [(BackupPath, [UInt8])] = []
        var next = try reader.next()
        while let (path, _) = next, path < .key(0) {
            let bytes = try reader.readAll()
            if path == .description || path == .configuration {
                texts[path] = bytes
            } else {
                small.append((path, bytes))
            }
            guard small.count <= Self.documentsMax else {
                throw BackupError.malformed("content", "more than \(Self.documentsMax) documents")
            }
            next = try reader.next()
        }
        guard let description = texts[.description], let configuration = texts[.configuration]
        else { throw BackupError.malformed("content", "it does not begin with what it is") }
        self.description = try BackupDescription(parsing: description)
        (self.configuration, self.small, self.next) = (configuration, small, next)
        logKey = try Self.verify(front, Self.documents(small), trust)
    }

    /// Lists, records and revocation lists: a few for each country that there is.
    private static let documentsMax = 2_000

    /// The membership, from the digest on that was typed in; and that this node, by its record, made
    /// the backup.
    private static func verify(
        _ front: BackupFront, _ documents: MembershipDocuments, _ trust: Digest
    ) throws -> VerifierKey {
        let header = front.header
        let federation = try Federation(verifyingPast: documents, trusted: trust)
        if federation.expires <= header.created {
            Terminal.warning("the membership list has expired at \(federation.expires)")
        }
        guard federation.id == header.federation else {
            throw BackupError.malformed("header", "it is of another federation")
        }
        // A node whose documents were over is backed up all the same: they count as they last stood.
        let country = header.node.country
        let ends: [Timestamp?] = [
            header.created, federation.expires + -1,
            federation.records[country].map { $0.expires + -1 },
            federation.revocationListEnds[country],
        ]
        let judged = ends.compactMap(\.self).min() ?? header.created
        try front.verify { try federation.signer($0, node: header.node, at: judged) }
        guard let node = federation.nodes[header.node] else {
            throw BackupError.malformed("membership", "no record lists `\(header.node)`")
        }
        return try VerifierKey(node.logKey).ofEpoch(in: header.log.origin)
    }

    private static func documents(
        _ parts: [(BackupPath, [UInt8])]
    ) throws(BackupError) -> MembershipDocuments {
        var lists: [[UInt8]] = []
        var records: [Country: [UInt8]] = [:]
        var revocations: [Country: [UInt8]] = [:]
        for (path, bytes) in parts {
            switch path {
            case .list: lists.append(bytes)
            case .record(let country): records[country] = bytes
            case .revocationLists(let country): revocations[country] = bytes
            default: continue
            }
        }
        guard !lists.isEmpty else { throw .malformed("content", "it holds no membership list") }
        return MembershipDocuments(
            lists: lists, records: records, revocationLists: revocations)
    }
}
