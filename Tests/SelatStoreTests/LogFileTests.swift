import Foundation
import GRDB
import SelatAudit
import SelatCore
import Testing

@testable import SelatStore

@Suite struct LogFileTests {
    let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    @Test func livingLogIsVerifiedWhileItGrows() async throws {
        let store = try Store.openForTest(folder)
        try await store.append(20)
        async let more: Void = store.append(200)
        let report = try LogFile.verify(path: folder.database)
        try await more
        #expect(report.failures == [])
        #expect(report.entries >= 20)
        await store.close()
        #expect(try LogFile.verify(path: folder.database).covered == 220)
    }

    @Test func copyWithItsWriteAheadLogIsVerified() async throws {
        let store = try Store.openForTest(folder)
        try await store.append(20)
        let copy = folder.path + "/copy.sqlite"
        for suffix in ["", "-wal"] {
            try FileManager.default.copyItem(
                atPath: folder.database + suffix, toPath: copy + suffix)
        }
        let report = try LogFile.verify(path: copy)
        #expect(report.failures == [])
        #expect(report.entries == 20)
        await store.close()
    }

    @Test func truncatedWriteAheadLogIsBehindAKnownCheckpoint() async throws {
        let store = try Store.openForTest(folder)
        try await store.append(20)
        let copy = folder.path + "/copy.sqlite"
        for suffix in ["", "-wal"] {
            try FileManager.default.copyItem(
                atPath: folder.database + suffix, toPath: copy + suffix)
        }
        let wal = try FileHandle(forWritingTo: URL(filePath: copy + "-wal"))
        try wal.truncate(atOffset: try wal.seekToEnd() * 2 / 3)
        try wal.close()
        let report = try LogFile.verify(path: copy)
        // What is left is a sound, shorter log: only somebody who holds a newer checkpoint sees it.
        #expect(report.isSound)
        #expect(report.size < store.latestCheckpoint.checkpoint.size)
        await store.close()
    }

    @Test func databaseInAFolderThatCannotBeWrittenIsVerified() async throws {
        let store = try Store.openForTest(folder)
        try await store.append(20)
        await store.close()
        try FileManager.default.setAttributes(
            [.posixPermissions: 0o500], ofItemAtPath: folder.path)
        defer {
            try? FileManager.default.setAttributes(
                [.posixPermissions: 0o700], ofItemAtPath: folder.path)
        }
        #expect(try LogFile.verify(path: folder.database).entries == 20)
    }

    @Test func pathWithSignsOfAURIIsAPath() async throws {
        let store = try Store.openForTest(folder)
        try await store.append(2)
        await store.close()
        let odd = folder.path + "/öde 100%?mode=rwc#x.sqlite"
        try FileManager.default.moveItem(atPath: folder.database, toPath: odd)
        #expect(try LogFile.verify(path: odd).entries == 2)
    }
}
