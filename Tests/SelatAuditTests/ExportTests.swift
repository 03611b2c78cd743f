import SelatCore
import SelatCrypto
import SelatTestSupport
import Testing

@testable import SelatAudit

/// Exports without a database: written from a tree in memory, then touched.
@Suite struct ExportTests {
    let log: LogIdentity

    init() throws { log = try NoteTests.log() }

    /// A log of `count` entries, of which entry `count - 2` erased the details of entry 3.
    private struct Log {
        var memory: TreeTests.Memory
        var entries: [ExportedEntry]
    }

    private func made(_ count: UInt64) throws -> Log {
        let entries = try (0..<count).map { sequence -> ExportedEntry in
            let isErasure = sequence == count - 2
            let erasure = try Erasure(
                entries: SequenceSet([3...3]), reason: "asked for",
                complete: Timestamp(seconds: 1_790_812_800))
            let details = isErasure ? erasure.json.canonical : Array("{\"n\":\(sequence)}".utf8)
            let salt = [UInt8](repeating: UInt8(sequence), count: 32)
            let entry = Entry(
                sequence: sequence, time: Timestamp(seconds: 1_788_220_800),
                kind: isErasure ? Erasure.kind : "test.entry", transfer: nil, actor: .daemon,
                commitment: Entry.commitment(to: details, salt: salt))
            return sequence == 3
                ? ExportedEntry(entry: entry, salt: nil, details: nil)
                : ExportedEntry(entry: entry, salt: salt, details: details)
        }
        return Log(
            memory: TreeTests.Memory(leaves: entries.map(\.entry.canonical)), entries: entries)
    }

    /// The lines of an export of `range`, honest.
    private func lines(
        _ log: Log, _ range: Range<Int>, redacted: Bool = false
    ) throws -> [[UInt8]] {
        let size = UInt64(log.entries.count)
        let edge = LogTree(size: UInt64(range.lowerBound), node: log.memory.node).edge
        let head = ExportHead(
            key: self.log.verifierKey, first: UInt64(range.lowerBound), isRedacted: redacted,
            edge: edge)
        let entries = log.entries[range].map {
            redacted ? ExportedEntry(entry: $0.entry, salt: nil, details: nil) : $0
        }
        let erasure = log.entries[log.entries.count - 2]
        let isLater = range.contains(3) && erasure.entry.sequence >= range.upperBound && !redacted
        let later =
            try isLater
            ? [
                ExportedEntry(
                    entry: erasure.entry, salt: erasure.salt, details: erasure.details,
                    path: TreeProof.inclusion(
                        of: erasure.entry.sequence, in: size, node: log.memory.node))
            ] : []
        let tail = ExportTail(
            entries: UInt64(range.count),
            consistency: try TreeProof.consistency(
                from: UInt64(range.upperBound), to: size, node: log.memory.node),
            checkpoint: try self.log.sign(size: size, root: log.memory.tree.root).note)
        return try [head.json.canonical] + (entries + later).map { try $0.json().canonical }
            + [tail.json.canonical]
    }

    private func report(_ lines: [[UInt8]], key: VerifierKey? = nil) -> LogReport {
        var verifier = ExportVerifier(key: key ?? log.verifierKey)
        for line in lines { verifier.take(line: line + [0x0A]) }
        return verifier.finish()
    }

    private func failures(_ lines: [[UInt8]]) -> [String] {
        report(lines).failures.map(\.description)
    }

    @Test(arguments: [0..<20, 0..<1, 7..<8, 3..<17, 3..<19, 8..<16, 19..<20, 4..<20, 0..<4])
    func everyRangeVerifies(range: Range<Int>) throws {
        let log = try made(20)
        let full = report(try lines(log, range))
        #expect(full.failures == [])
        #expect(full.entries == UInt64(range.count))
        #expect(full.first == UInt64(range.lowerBound))
        #expect(full.covered == UInt64(range.upperBound))
        #expect(full.erased == (range.contains(3) ? 1 : 0))
        let redacted = report(try lines(log, range, redacted: true))
        #expect(redacted.failures == [])
    }

    @Test func theExportsOwnKeyIsSaidToBeItsOwn() throws {
        var verifier = ExportVerifier(key: nil)
        for line in try lines(try made(9), 0..<9) { verifier.take(line: line + [0x0A]) }
        let report = verifier.finish()
        #expect(report.isSound && report.isKeyItsOwn)
        let other = try LogIdentity(
            origin: log.origin, key: try PrivateKey.generate(.ed25519)
        ).verifierKey
        #expect(!self.report(try lines(try made(9), 0..<9), key: other).isSound)
    }

    @Test func aCutExportSaysBehindWhichEntry() throws {
        let all = try lines(try made(20), 2..<12)
        for count in 1..<all.count {
            let found = failures(Array(all[..<count]))
            if count <= 11 {
                #expect(found == ["the export is cut short behind entry \(count)"])
            } else {
                // Only the erasure's proof and the end are left out.
                #expect(found.count == 1)
            }
        }
        #expect(failures([]) == ["the export has no first line"])
        let half = Array(all[5].prefix(all[5].count / 2))
        #expect(failures(Array(all[..<5]) + [half]).contains { $0.hasPrefix("entry 6: ") })
    }

    @Test func anEditedEntryIsNamed() throws {
        let all = try lines(try made(20), 0..<20)
        func edited(_ index: Int, _ old: String, _ new: String) -> [String] {
            var lines = all
            let text = String(decoding: lines[index], as: UTF8.self).replacing(old, with: new)
            lines[index] = Array(text.utf8)
            return failures(lines)
        }
        #expect(
            edited(6, "test.entry", "test.other")
                == ["entry 5: it was changed: it is not the entry that its leaf is of"])
        #expect(
            edited(6, "\"n\":5", "\"n\":6") == ["entry 5: its details are not those it is bound to"]
        )
        #expect(edited(6, "\"sequence\":5", "\"sequence\":6").first?.hasPrefix("entry 5: ") == true)
        #expect(edited(6, "\"entry\":", "\"entri\":").first?.hasPrefix("entry 5: ") == true)
        #expect(edited(0, "export/1", "export/2").first?.contains("export format") == true)
        #expect(edited(21, "\"entries\":20", "\"entries\":19").isEmpty == false)
    }

    @Test func entriesLeftOutAddedOrSwappedAreFound() throws {
        let all = try lines(try made(20), 0..<20)
        var lines = all
        lines.remove(at: 7)
        #expect(failures(lines).first?.hasPrefix("entry 6: ") == true)
        lines = all
        lines.swapAt(7, 8)
        #expect(failures(lines).first?.hasPrefix("entry 6: ") == true)
        lines = all
        lines.insert(all[7], at: 7)
        #expect(failures(lines).first?.hasPrefix("entry 7: ") == true)
        #expect(failures(all + [all[3]]).contains { $0.contains("goes on behind its end") })
        lines = all
        lines.remove(at: 20)
        #expect(!failures(lines).isEmpty)
    }

    @Test func anEntryForgedWithItsLeafIsFoundByTheCheckpoint() throws {
        var log = try made(20)
        let honest = try lines(log, 0..<20)
        let old = log.entries[5].entry
        log.entries[5] = ExportedEntry(
            entry: Entry(
                sequence: 5, time: old.time, kind: "forged", transfer: nil, actor: .daemon,
                commitment: old.commitment), salt: log.entries[5].salt,
            details: log.entries[5].details)
        var forged = honest
        forged[6] = try log.entries[5].json().canonical
        #expect(failures(forged) == ["entries 0 to 19 are not those that were signed"])
    }

    @Test func detailsThatAreGoneNeedAnErasure() throws {
        let log = try made(20)
        var all = try lines(log, 0..<12)
        #expect(failures(all).isEmpty)
        let proof = all.remove(at: 13)
        #expect(failures(all) == ["entry 3: its details are missing"])
        // Another entry's proof, and an erasure that was changed.
        all.insert(
            Array(
                String(decoding: proof, as: UTF8.self).replacing("asked for", with: "asked fro")
                    .utf8), at: 13)
        #expect(failures(all).contains("entry 18: it is here as an erasure, and is none"))
        let other = try ExportedEntry(
            entry: log.entries[15].entry, salt: log.entries[15].salt,
            details: log.entries[15].details,
            path: TreeProof.inclusion(of: 15, in: 20, node: log.memory.node))
        all[13] = try other.json().canonical
        #expect(failures(all).contains("entry 15: it is here as an erasure, and is none"))
        // Left out of one that says it is not redacted.
        var bare = try lines(log, 0..<12)
        bare[6] = try ExportedEntry(entry: log.entries[5].entry, salt: nil, details: nil).json()
            .canonical
        #expect(failures(bare) == ["entry 5: its details are missing"])
    }

    /// Salt and details of one whose erasure is in the range, and of one whose erasure is behind it.
    @Test(arguments: [0..<20, 0..<12])
    func detailsThatWereErasedMustNotBeThere(range: Range<Int>) throws {
        let log = try made(20)
        var all = try lines(log, range)
        all[4] = try ExportedEntry(
            entry: log.entries[3].entry, salt: [UInt8](repeating: 3, count: 32),
            details: Array("{\"n\":3}".utf8)
        ).json().canonical
        #expect(failures(all) == ["entry 3: its details are there, but a later entry erased them"])
    }

    @Test func aLineHasOneForm() throws {
        let all = try lines(try made(9), 0..<9)
        func failures(_ line: [UInt8]) -> [String] {
            var verifier = ExportVerifier(key: log.verifierKey)
            verifier.take(line: line)
            return verifier.finish().failures.map(\.description)
        }
        let cut = "the export is cut short behind entry -1"
        #expect(failures(all[0] + [0x0A]) == [cut])
        #expect(failures(all[0]).first?.contains("it has no newline") == true)
        #expect(failures(all[0] + [0x20, 0x0A]).first?.contains("canonical") == true)
        let text = String(decoding: all[0], as: UTF8.self)
        let spaced = Array(text.replacing("\"first\":", with: "\"first\": ").utf8)
        #expect(failures(spaced + [0x0A]).first?.contains("canonical") == true)
        let key = [UInt8](repeating: 0x61, count: Limits.exportLineBytesMax)
        #expect(failures(key + [0x0A]).first?.contains("over 1048576 bytes") == true)
    }

    @Test func redactedExportsHaveNoDetails() throws {
        let log = try made(20)
        var all = try lines(log, 0..<20, redacted: true)
        all[6] = try log.entries[5].json().canonical
        #expect(
            failures(all) == ["entry 5: it has details in an export that says it has none"])
    }

    @Test(arguments: 0..<8)
    func mutatedExportsNeverPassAsAnother(seed: UInt64) throws {
        let all = try lines(try made(12), 2..<9)
        let whole = Array(all.joined(separator: [0x0A]))
        for mutation in Mutations.of(whole, count: 100, seed: seed) where mutation != whole {
            let lines = mutation.split(separator: 0x0A, omittingEmptySubsequences: false)
            let report = report(lines.map { Array($0) })
            // Sound means the same entries: only the key is another, which nobody goes by.
            guard report.isSound else { continue }
            #expect(report.size == 9 && report.first == 2 && report.entries == 7)
            #expect(report.root == (try made(12)).memory.roots[9])
        }
    }

    @Test(arguments: [
        "{}", "[]", "null", "", "\u{FEFF}{}", "{\"entries\":[[1,0]]}",
        #"{"complete":"2026-12-24T00:00:00Z","entries":[],"holders":[],"reason":"r"}"#,
        #"{"complete":"2026-12-24T00:00:00Z","entries":[[2,1]],"holders":[],"reason":"r"}"#,
        #"{"complete":"2026-12-24T00:00:00Z","entries":[[1]],"holders":[],"reason":"r"}"#,
        #"{"complete":"2026-12-24T00:00:00Z","entries":[[-1,1]],"holders":[],"reason":"r"}"#,
        #"{"complete":"2026-12-24T00:00:00Z","entries":[[1,9]],"holders":[],"reason":"r"}"#,
        #"{"complete":"2026-12-24T00:00:00Z","entries":[[1,10]],"holders":[],"reason":"r"}"#,
        #"{"complete":"2026-12-24T00:00:00Z","entries":[[1,1]],"holders":[],"reason":""}"#,
        #"{"complete":"never","entries":[[1,1]],"holders":[],"reason":"r"}"#,
        #"{"complete":"2026-12-24T00:00:00Z","entries":[[1,1]],"holders":[1],"reason":"r"}"#,
        #"{"complete":"2026-12-24T00:00:00Z","entries":[[1,1]],"holders":[],"reason":"r","x":1}"#,
        #"{"complete":"2026-12-24T00:00:00Z","entries":[[1,1]],"holders":[],"reason":"r","statement":"?"}"#,
    ])
    func malformedErasuresAreRefused(details: String) {
        #expect(throws: AuditError.self) {
            try Erasure(details: Array(details.utf8), sequence: 9)
        }
    }
}

@Suite struct SequenceSetTests {
    private func set(_ ranges: ClosedRange<UInt64>...) -> SequenceSet { SequenceSet(ranges) }

    @Test func neighboursJoin() {
        #expect(set(1...2, 3...4).ranges == [1...4])
        #expect(set(5...9, 1...2, 2...6).ranges == [1...9])
        #expect(set(1...9, 2...3).ranges == [1...9])
        #expect(set(1...1, 3...3).ranges == [1...1, 3...3])
        #expect(set(1...1, 3...3).count == 2)
    }

    @Test(arguments: 0..<200)
    func agreesWithSetsOfNumbers(seed: UInt64) {
        var random = SeededEntropy(seed)
        func numbers() -> Set<UInt64> {
            Set((0..<12).map { _ in UInt64.random(in: 0..<20, using: &random) })
        }
        let (a, b) = (numbers(), numbers())
        func set(_ numbers: Set<UInt64>) -> SequenceSet { SequenceSet(numbers.map { $0...$0 }) }
        #expect(set(a).subtracting(set(b)) == set(a.subtracting(b)))
        #expect(set(a).union(set(b)) == set(a.union(b)))
        for number: UInt64 in 0..<20 { #expect(set(a).contains(number) == a.contains(number)) }
    }
}
