import SelatAudit
import SelatCore
import SelatCrypto
import Testing

@testable import SelatStore

/// A log that waits for its proof, and one that goes on after a restored backup.
@Suite struct EpochTests {
    private static func log(_ key: PrivateKey, epoch: UInt64 = 1) throws -> LogIdentity {
        try LogIdentity(origin: "selat/ab/SG/csa/\(epoch)", key: key)
    }

    private static let draft = EntryDraft(kind: "node.started", details: [:])

    private static func append(_ count: Int, to store: Store) async throws {
        for _ in 0..<count { _ = try await store.commit { try $0.append(draft) } }
    }

    private static func open(
        _ path: String, _ log: LogIdentity, awaitsProof: Bool
    ) throws -> Store {
        try Store.open(
            path: path, log: log, clock: SystemClock(), entropy: SystemEntropy(),
            awaitsProof: awaitsProof, fatal: { preconditionFailure("\($0)") })
    }

    @Test func nothingIsSignedBeforeTheLogIsShown() async throws {
        let folder = try TemporaryFolder()
        let (path, log) = ("\(folder.path)/selat.sqlite", try Self.log(try .generate(.ed25519)))
        let first = try Self.open(path, log, awaitsProof: true)
        try await Self.append(3, to: first)
        #expect(first.latestCheckpoint.checkpoint.size == 0)
        #expect(throws: StoreError.noSuchEntry(0)) { try first.proof(of: 0) }
        await first.close()
        #expect(try LogFile.verify(path: path).checkpoints == 0)

        let second = try Self.open(path, log, awaitsProof: true)
        try await second.showLog()
        #expect(second.latestCheckpoint.checkpoint.size == 3)
        await second.close()
        let report = try LogFile.verify(path: path)
        #expect(report.isSound && report.covered == 3)

        let third = try Self.open(path, log, awaitsProof: true)
        try await Self.append(2, to: third)
        #expect(third.latestCheckpoint.checkpoint.size == 3)
        await third.close()
    }

    @Test func theNextEpochKeepsTheTreeUnderAnotherOrigin() async throws {
        let folder = try TemporaryFolder()
        let (path, key) = ("\(folder.path)/selat.sqlite", try PrivateKey.generate(.ed25519))
        #expect(try Store.epoch(path: path) == 1)
        let old = try Self.open(path, try Self.log(key), awaitsProof: false)
        try await Self.append(5, to: old)
        let before = old.latestCheckpoint.checkpoint
        await old.close()

        let restored = try Self.open(path, try Self.log(key), awaitsProof: true)
        try await restored.beginEpoch(
            as: try Self.log(key, epoch: 2), EntryDraft(kind: "log.continued", details: [:]))
        let after = restored.latestCheckpoint.checkpoint
        #expect(after.origin == "selat/ab/SG/csa/2" && after.size == 6)
        #expect(try await restored.compare(before) == .prefix)
        await restored.close()

        #expect(try Store.epoch(path: path) == 2)
        let again = try Self.open(path, try Self.log(key, epoch: 2), awaitsProof: false)
        try await Self.append(1, to: again)
        await again.close()
        let report = try LogFile.verify(path: path)
        #expect(report.isSound && report.covered == 7, "\(report.failures)")
        #expect(report.key?.epoch == 2)
    }

    @Test func othersCheckpointsAreComparedWithTheTree() async throws {
        let folder = try TemporaryFolder()
        let log = try Self.log(try .generate(.ed25519))
        let store = try Self.open("\(folder.path)/selat.sqlite", log, awaitsProof: false)
        try await Self.append(4, to: store)
        let own = store.latestCheckpoint.checkpoint
        func checkpoint(_ size: UInt64, _ root: Digest) -> Checkpoint {
            Checkpoint(origin: own.origin, size: size, root: root)
        }
        #expect(try await store.compare(own) == .prefix)
        #expect(try await store.compare(checkpoint(0, LogTree().root)) == .prefix)
        #expect(try await store.compare(checkpoint(4, LogTree().root)) == .another)
        #expect(try await store.compare(checkpoint(5, own.root)) == .ahead(of: 4))
        #expect(try await store.compare(checkpoint(.max, own.root)) == .ahead(of: 4))
        await store.close()
    }

    @Test func aDatabaseThatIsNotOursHasNoEpoch() throws {
        let folder = try TemporaryFolder()
        let path = "\(folder.path)/other"
        try Files.create(path)
        #expect(try Store.epoch(path: path) == 1)
    }
}
