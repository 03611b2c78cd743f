import CSQLite
import Foundation
import SelatAudit
import SelatCore
import SelatCrypto
import Synchronization
import Testing

@testable import SelatStore

/// A COMMIT whose outcome is uncertain, made so below SQLite: its own `pwrite` is replaced in a child
/// process, which must end with 70; the start-up path then finds out what the disk holds.
@Suite struct UncertainCommitTests {
    let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    /// Three entries are durable; the fourth's COMMIT fails.
    private static func run(_ path: String, _ fault: Fault) async throws {
        let key = try PrivateKey.generate(.ed25519)
        try Data(key.pem()).write(to: URL(filePath: path + ".key"))
        let store = try Store.open(
            path: path, log: try LogIdentity(origin: TestLog.identity.origin, key: key),
            clock: FixedClock(), entropy: SystemEntropy(), fatal: { _ in exit(70) })
        try await store.append(3)
        fault.install()
        do { try await store.append(1) } catch {}
        // Whoever is told an outcome was told a lie: the process must have ended.
        exit(1)
    }

    private func recovered() async throws -> (LogReport, entries: Int, after: Int) {
        let key = try PrivateKey(
            pem: Array(try Data(contentsOf: URL(filePath: folder.database + ".key"))))
        let log = try LogIdentity(origin: TestLog.identity.origin, key: key)
        let store = try Store.open(
            path: folder.database, log: log, clock: FixedClock(), entropy: SystemEntropy(),
            fatal: { error in preconditionFailure("\(error)") })
        let entries = try await store.entries().count
        #expect(store.latestCheckpoint.checkpoint.size == UInt64(entries))
        try await store.append(2)
        let after = try await store.entries().count
        await store.close()
        return (try LogFile.verify(path: folder.database, key: log.verifierKey), entries, after)
    }

    @Test func commitThatFailedAndWasNotAppliedEndsTheProcess() async throws {
        let path = folder.database
        await #expect(processExitsWith: .exitCode(70)) { [path = path as String] in
            try await Self.run(path, .writesNothing)
        }
        let (report, entries, after) = try await recovered()
        #expect(report.failures == [])
        #expect(entries == 3 && after == 5)
    }

    @Test func commitThatFailedButWasAppliedEndsTheProcess() async throws {
        let path = folder.database
        await #expect(processExitsWith: .exitCode(70)) { [path = path as String] in
            try await Self.run(path, .writesAndFails)
        }
        let (report, entries, after) = try await recovered()
        #expect(report.failures == [])
        #expect(entries == 4 && after == 6)
    }
}

/// What happens to the frame that makes a transaction count.
private enum Fault {
    case writesNothing, writesAndFails

    private static let isCommitFrame = Mutex(false)

    func install() {
        guard let vfs = sqlite3_vfs_find(nil), let set = vfs.pointee.xSetSystemCall else {
            preconditionFailure("SQLite lets no system call be replaced")
        }
        for name in ["pwrite", "pwrite64"] {
            let call: PWrite = self == .writesNothing ? Self.nothing : Self.everything
            _ = set(vfs, name, unsafeBitCast(call, to: sqlite3_syscall_ptr.self))
        }
    }

    private typealias PWrite =
        @convention(c) (Int32, UnsafeRawPointer?, Int, off_t) -> Int

    /// A frame's header is 24 bytes; its second word is the database's size in the frame that commits,
    /// and zero in the others (SQLite file format, 4.1). The page follows it.
    private static func isLast(_ bytes: UnsafeRawPointer?, _ count: Int) -> Bool {
        isCommitFrame.withLock { isCommitFrame in
            if count == 24, let bytes {
                isCommitFrame = bytes.loadUnaligned(fromByteOffset: 4, as: UInt32.self) != 0
                return false
            }
            return isCommitFrame
        }
    }

    private static let nothing: PWrite = { file, bytes, count, offset in
        guard isLast(bytes, count) else { return pwrite(file, bytes, count, offset) }
        errno = EIO
        return -1
    }

    private static let everything: PWrite = { file, bytes, count, offset in
        let written = pwrite(file, bytes, count, offset)
        guard isLast(bytes, count) else { return written }
        errno = EIO
        return -1
    }
}
