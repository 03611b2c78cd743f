import FoundationEssentials
import Glibc
import NIOCore
import SelatBackup
import SelatControl
import SelatCore
import SelatCrypto
import SelatExchange
import SelatHTTP
import SelatStore
import Synchronization

/// The backups that this process makes: one at a time, and the last ones known, to be confirmed.
final class Backups: Sendable {
    private struct State {
        var isRunning = false
        /// Given whole, the last one last: who asks for another takes nothing from one whose reader
        /// has not confirmed it yet.
        var given: [MadeBackup] = []
    }

    private static let givenMax = 2

    /// That of the start, by whose paths everything lies where it is.
    let configuration: Configuration
    /// The configuration file's path.
    let file: String
    private let applied: Mutex<[UInt8]>
    private let state = Mutex(State())

    /// Removes what a crash left of a backup.
    init(_ configuration: Configuration, file: String, spool: SpoolFolder) {
        self.configuration = configuration
        self.file = file
        applied = Mutex(configuration.bytes)
        Store.removeCopies(folder, spool)
    }

    /// Where the copied database lies meanwhile.
    var folder: String { "\(configuration.state)/backup" }

    /// The configuration's bytes that a backup holds.
    var bytes: [UInt8] { applied.withLock { $0 } }

    /// From now on a backup holds what the daemon goes by now. Not where it names other places than the
    /// start did: a restored node would look there for what was copied from here.
    func replace(_ current: Configuration) {
        let started = configuration
        guard current.state == started.state, current.control == started.control,
            current.membership == started.membership, current.policies == started.policies,
            current.keys == started.keys, current.backup == started.backup
        else { return }
        applied.withLock { $0 = current.bytes }
    }

    /// - Throws: a problem while another one runs: they would share a folder.
    func begin() throws {
        let isFirst = state.withLock { state in
            defer { state.isRunning = true }
            return !state.isRunning
        }
        guard isFirst else {
            throw ServiceProblem.notReady(
                "another backup is being made", remedy: "wait until it is written")
        }
    }

    /// - Parameter made: nil where its reader went away before its end.
    func end(_ made: MadeBackup?) {
        state.withLock { state in
            state.isRunning = false
            guard let made else { return }
            state.given = Array((state.given + [made]).suffix(Self.givenMax))
        }
    }

    /// That of the last given ones which has this digest.
    func given(_ digest: Digest) throws -> MadeBackup {
        let given = state.withLock { $0.given }
        guard let last = given.last else {
            throw ServiceProblem.notReady(
                "no backup was given whole since the daemon started",
                remedy: "make another one: selat backup FILE")
        }
        guard let made = given.first(where: { $0.digest == digest }) else {
            throw ServiceProblem.verificationFailed(
                "the file has \(digest), and what was given last has \(last.digest)")
        }
        return made
    }

    // MARK: To whom

    /// The certificate of the configuration.
    /// - Throws: a problem where there is none, or it does not serve.
    func recipient(at now: Timestamp) throws -> Certificate {
        guard let path = configuration.backup else {
            throw ServiceProblem.notReady(
                "the configuration names no certificate to which backups are sealed",
                remedy: "selat keys backup --out DIR makes a key and its certificate; name the "
                    + "certificate as `backup` in the configuration, and keep the key elsewhere")
        }
        guard let pem = FileManager.default.contents(atPath: path) else {
            throw ServiceProblem.notReady(
                "reading the certificate `\(path)`: \(Hindrance.ofReading(path))",
                remedy: "see `backup` in `\(file)`")
        }
        return try Self.recipient(Array(pem), "`\(path)`", at: now)
    }

    static func recipient(
        _ pem: [UInt8], _ name: String, at now: Timestamp
    ) throws -> Certificate {
        let certificate: Certificate
        do throws(CryptoError) { certificate = try Certificate(pem: pem) } catch {
            throw ServiceProblem.notReady(
                "the certificate \(name): \(error)", remedy: "selat keys backup --out DIR")
        }
        guard certificate.purpose == .backup else {
            throw ServiceProblem.notReady(
                "the certificate \(name) is not for backups, but for "
                    + (certificate.purpose?.rawValue ?? "nothing that Selat knows"),
                remedy: "one key, one purpose: selat keys backup --out DIR makes the right one")
        }
        guard now < certificate.notAfter else {
            throw ServiceProblem.notReady(
                "the certificate \(name) ended at \(certificate.notAfter)",
                remedy: "make another key: selat keys backup --out DIR; keep the old one for the "
                    + "backups that were sealed to it")
        }
        return certificate
    }
}

/// The pieces of one backup, as the control socket's answer pulls them.
// SAFETY: `stream` is used by one `next` at a time, which is the contract of `ByteStream`.
final class BackupPieces: @unchecked Sendable {
    private var stream: BackupStream
    private let spool: SpoolFolder
    private let backups: Backups
    private let taken: Timestamp
    let size: UInt64

    init(
        _ stream: consuming BackupStream, _ backups: Backups, _ spool: SpoolFolder,
        taken: Timestamp
    ) {
        size = stream.size
        self.stream = stream
        self.backups = backups
        self.spool = spool
        self.taken = taken
    }

    private let made = Mutex<MadeBackup?>(nil)

    /// The next bytes; they are read and sealed on the spool's queue.
    func next() async throws -> ByteBuffer? {
        let piece = try await spool.onDisk {
            () throws(FileFault) -> Result<[UInt8]?, BackupError> in
            Result { () throws(BackupError) in try self.stream.next() }
        }.get()
        guard let piece else {
            let recipient = stream.front.header.recipient.digest
            let whole = MadeBackup(
                digest: stream.digest(), size: size, taken: taken, recipient: recipient)
            made.withLock { $0 = whole }
            return nil
        }
        return ByteBuffer(bytes: piece)
    }

    /// Removes the copies, however the reading ended.
    func close() async {
        let (folder, spool) = (backups.folder, spool)
        try? await spool.onDisk { () throws(FileFault) in Store.removeCopies(folder, spool) }
        backups.end(made.withLock { $0 })
    }
}
