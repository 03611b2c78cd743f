import SelatCore
import SelatCrypto
import Testing

@testable import SelatAudit

/// The verifier by itself, without a database.
@Suite struct LogVerifierTests {
    let log: LogIdentity

    init() throws { log = try NoteTests.log() }

    /// A sound log of `count` entries, and its tree.
    private func found(_ count: UInt64) throws -> ([FoundEntry], LogTree) {
        var tree = LogTree()
        let entries = (0..<count).map { sequence -> FoundEntry in
            let salt = [UInt8](repeating: UInt8(sequence), count: 32)
            let entry = Entry(
                sequence: sequence, time: Timestamp(seconds: 1_788_220_800), kind: "test.entry",
                transfer: nil, actor: .daemon,
                commitment: Entry.commitment(to: Array("{}".utf8), salt: salt))
            return FoundEntry(
                sequence: Int64(sequence), seconds: entry.time.seconds,
                kind: Array(entry.kind.text.utf8), transfer: nil, actor: Array("daemon".utf8),
                commitment: entry.commitment.bytes,
                nodes: tree.nodes(appending: entry.leaf), salt: salt, details: Array("{}".utf8))
        }
        return (entries, tree)
    }

    private func report(
        _ entries: [FoundEntry], _ checkpoints: [SignedCheckpoint]
    ) -> LogReport {
        var verifier = LogVerifier(key: log.verifierKey)
        var found = FoundEntries()
        for entry in entries { found.add(entry) }
        for signed in checkpoints {
            found.add(checkpoint: signed.note, storedSize: Int64(signed.checkpoint.size))
        }
        verifier.take(found)
        return verifier.finish()
    }

    @Test func soundLogHasNoFailures() throws {
        let (entries, tree) = try found(9)
        let report = report(entries, [try log.sign(size: 9, root: tree.root)])
        #expect(report.failures == [])
        #expect(report.covered == 9)
        #expect(report.root == tree.root)
    }

    @Test func entriesBehindTheLastCheckpointAreNotCovered() throws {
        let (entries, _) = try found(9)
        let report = report(entries, [])
        #expect(report.isSound)
        #expect(report.covered == 0)
        #expect(report.size == 9)
    }

    @Test func checkpointOverAnotherTreeIsFound() throws {
        let (entries, _) = try found(9)
        let report = report(entries, [try log.sign(size: 9, root: MerkleHash.empty)])
        #expect(
            report.failures.map(\.description)
                == ["entries 0 to 8 are not those that were signed"])
    }

    @Test func checkpointOfNothingOverATreeIsFound() throws {
        let (_, tree) = try found(9)
        let forged = try log.sign(size: 0, root: tree.root)
        let sound = try log.sign(size: 0, root: MerkleHash.empty)
        #expect(
            report([], [forged]).failures.map(\.description)
                == ["checkpoint of 0 entries: its root is not that of the empty tree"])
        #expect(report([], [sound]).isSound)
    }

    @Test func repeatedAndReorderedEntriesAreFound() throws {
        var (entries, _) = try found(9)
        entries.swapAt(3, 4)
        entries.append(entries[0])
        let failures = report(entries, []).failures.map(\.description)
        #expect(failures.first == "entry 3: it is missing")
        #expect(failures.contains("entry 3: it stands behind entry 5"))
        #expect(failures.contains("entry 0: it stands behind entry 9"))
    }

    @Test func fieldsThatNoEntryHasAreFoundEvenIfSigned() throws {
        var (entries, _) = try found(1)
        entries[0].kind = Array("Kind".utf8)
        var encoder = EntryEncoder()
        encoder.encode(
            sequence: 0, seconds: entries[0].seconds, kind: "Kind", transfer: nil,
            actor: "daemon", commitment: try Digest(bytes: entries[0].commitment))
        entries[0].nodes = encoder.leaf.bytes
        #expect(
            report(entries, []).failures.map(\.description)
                == ["entry 0: its fields are none that an entry can have"])
    }

    @Test func manyFailuresAreCountedAndFewKept() throws {
        var (entries, _) = try found(250)
        for index in entries.indices { (entries[index].details, entries[index].salt) = (nil, nil) }
        let report = report(entries, [])
        #expect(report.failureCount == 250)
        #expect(report.failures.count == 100)
    }
}

/// One entry of a log, which a test can change.
struct FoundEntry {
    var sequence: Int64
    var seconds: Int64
    var kind: [UInt8]
    var transfer: [UInt8]?
    var actor: [UInt8]
    var commitment: [UInt8]
    var nodes: [UInt8]
    var salt: [UInt8]?
    var details: [UInt8]?
}

extension FoundEntries {
    mutating func add(_ entry: FoundEntry) {
        begin(sequence: entry.sequence, seconds: entry.seconds)
        for column in [
            entry.kind, entry.transfer, entry.actor, entry.commitment, entry.nodes, entry.salt,
            entry.details,
        ] {
            if let column { add(column.span.bytes) } else { addNothing() }
        }
    }
}

extension LogTree {
    /// Appends a leaf; what is stored beside it.
    mutating func nodes(appending leaf: Digest) -> [UInt8] {
        var nodes = leaf.bytes
        append(leaf: leaf) { nodes += $0.bytes }
        return nodes
    }
}
