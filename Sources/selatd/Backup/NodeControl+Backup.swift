import Glibc
import SelatAudit
import SelatBackup
import SelatControl
import SelatCore
import SelatCrypto
import SelatExchange
import SelatFederation
import SelatHTTP
import SelatStore

// Backups, as they are asked for, and what is said of the last one.

extension NodeControl {
    func backUp(to recipient: String?, by caller: Caller) async throws -> ByteStream {
        let now = exchange.clock.now()
        let certificate = try self.certificate(recipient, by: caller, at: now)
        try backups.begin()
        do {
            let pieces = try await pieces(to: certificate, by: caller, at: now)
            return ByteStream(
                size: pieces.size, next: { try await pieces.next() },
                close: { await pieces.close() })
        } catch {
            let (folder, spool) = (backups.folder, exchange.spool)
            try? await spool.onDisk { () throws(FileFault) in Store.removeCopies(folder, spool) }
            backups.end(nil)
            throw Self.problem(error)
        }
    }

    func confirmBackup(_ digest: Digest, by caller: Caller) async throws -> JSON {
        let made = try backups.given(digest)
        try await exchange.enter(made, by: caller.user)
        return made.json
    }

    /// An administrator may make backups, and not read what is in them: only who could change the
    /// configuration anyway may name somebody else.
    private func certificate(
        _ pem: String?, by caller: Caller, at now: Timestamp
    ) throws -> Certificate {
        guard let pem else { return try backups.recipient(at: now) }
        guard caller.user == 0 || caller.user == geteuid() else {
            throw Problem(
                type: "urn:selat:problem:role-missing",
                title: "the caller's role does not allow this", status: 403,
                detail: "only root and the daemon's own user say to whom a backup is sealed; uid "
                    + "\(caller.user) is neither",
                remedy: "leave --to out: it is sealed to the configuration's certificate")
        }
        return try Backups.recipient(Array(pem.utf8), "that was handed over", at: now)
    }

    /// Copies, describes, records, and only then gives the first byte.
    private func pieces(
        to recipient: Certificate, by caller: Caller, at now: Timestamp
    ) async throws -> BackupPieces {
        let copy = try await exchange.copyStore(into: backups.folder)
        let federation = exchange.federation
        let identity = exchange.identity
        let parts = BackupParts(
            configuration: backups.configuration, bytes: backups.bytes, file: backups.file,
            documents: federation.documents)
        let items = try parts.items(with: copy)
        let stream = try BackupStream(
            items, signer: identity.signer, recipient: recipient, at: now
        ) { keys, size in
            BackupHeader(
                node: identity.node, federation: federation.id, created: now,
                program: Program.version, schema: Store.schemaVersion,
                log: .init(
                    origin: identity.log.origin, size: copy.logSize, root: copy.root),
                recipient: recipient, keys: keys, contentSize: size)
        }
        try await exchange.enterBackup(
            to: recipient.digest, size: stream.size, copied: copy, by: caller.user)
        return BackupPieces(stream, backups, exchange.spool, taken: now)
    }

    private static func problem(_ error: any Error) -> any Error {
        let isFull =
            switch error {
            case let fault as FileFault: fault.code == ENOSPC || fault.code == EDQUOT
            case StoreError.diskFull: true
            default: false
            }
        guard isFull else { return error }
        return Problem(
            type: "urn:selat:problem:disk-full", title: "no space for the backup", status: 507,
            detail: "\(error)",
            remedy: "a backup takes as much room in the state directory as the database, for as "
                + "long as it is made")
    }

    // MARK: What is said of it

    /// Nil where none was made.
    var lastBackup: JSON? {
        get async throws {
            guard let last = try await exchange.lastBackup() else { return nil }
            var members = last.json.objectValue ?? [:]
            members["age_seconds"] = .integer(max(0, exchange.clock.now() - last.taken))
            return .object(members)
        }
    }

    func backupCheck() async -> Check {
        let looked = "when the last backup was made, and to whose certificate the next one goes"
        let now = exchange.clock.now()
        var faults: [String] = []
        do {
            let certificate = try backups.recipient(at: now)
            let days = (certificate.notAfter - now) / 86_400
            if days < 30 { faults.append("the certificate ends in \(days) days") }
        } catch {
            faults.append((error as? Problem)?.detail ?? "\(error)")
        }
        let last: MadeBackup?
        do { last = try await exchange.lastBackup() } catch {
            return Check("backup", lookedAt: looked, .failure, "\(error)")
        }
        guard let last else {
            return Check(
                "backup", lookedAt: looked, .warning,
                (["none was made yet"] + faults).joined(separator: "; "),
                remedy: "selat backup FILE; the README says how (Backup)")
        }
        let age = now - last.taken
        if age > Self.backupAgeMax { faults.append("the last one is \(age / 86_400) days old") }
        return Check(
            "backup", lookedAt: looked, faults, .warning,
            otherwise: "the last one holds what was at \(last.taken)",
            remedy: "selat backup FILE, daily by a timer; the README says how (Backup)")
    }

    /// Whoever makes one a week at least has missed one.
    private static let backupAgeMax: Int64 = 8 * 86_400
}
