// Verifies an export as it streams by, in flat memory (Format.md, "Export"). Pure: whoever has the
// file feeds its lines.

import SelatCore
import SelatCrypto

/// Takes an export's lines in order, and says what is wrong with them.
package struct ExportVerifier {
    private enum Place { case head, entries, erasures, behind }

    private var report = LogReport()
    private let trusted: VerifierKey?
    private var place = Place.head
    private var head: ExportHead?
    private var tree = LogTree()
    private var missing = SequenceSet()
    private var present = SequenceSet()
    private var erased: [SequenceSet] = []
    /// Entries behind the range, until the checkpoint is known that they are proven against.
    private var later: [ExportedEntry] = []

    /// - Parameter key: the log's, from a source that is trusted; without one the export's own is
    ///   taken, and the report says so.
    package init(key: VerifierKey?) { trusted = key }

    /// Takes the next line, with its newline: without one it is reported.
    package mutating func take(line: [UInt8]) {
        do throws(AuditError) {
            if isCut { return }
            guard place != .behind else { throw .malformed("export", "it goes on behind its end") }
            guard line.last == 0x0A else {
                throw .malformed("line of an export", "it has no newline")
            }
            guard line.count <= Limits.exportLineBytesMax else {
                throw .malformed("line of an export", "over \(Limits.exportLineBytesMax) bytes")
            }
            let text = line.dropLast()
            guard let json = try? JSON(parsing: Array(text)), json.canonical.elementsEqual(text)
            else { throw .malformed("line of an export", "it is no canonical JSON") }
            switch place {
            case .head: try begin(ExportHead(json))
            case _ where json["checkpoint"] != nil: try end(ExportTail(json))
            default: try take(ExportedEntry(json))
            }
        } catch {
            let isHead = place == .head
            report.fail(isHead ? nil : tree.size, isHead ? "\(error)" : "its line: \(error)")
            isCut = true
        }
    }

    /// What the lines have shown, after the last one.
    package mutating func finish() -> LogReport {
        if place != .behind {
            report.fail(
                nil,
                head == nil
                    ? "the export has no first line"
                    : "the export is cut short behind entry \(Int64(tree.size) - 1)")
        }
        report.size = tree.size
        report.root = tree.root
        report.key = trusted ?? head?.key
        report.isKeyItsOwn = trusted == nil
        return report
    }

    /// Whether a line could not be read: what follows it is not looked at.
    private var isCut = false

    private mutating func begin(_ head: ExportHead) throws(AuditError) {
        self.head = head
        var edge = head.edge[...]
        tree = LogTree(size: head.first) { _ in edge.removeFirst() }
        report.first = head.first
        report.nextSequence = head.first
        place = .entries
    }

    private mutating func take(_ line: ExportedEntry) throws(AuditError) {
        let sequence = line.entry.sequence
        if line.path != nil {
            guard later.count < Limits.erasureRangesMax else {
                throw .malformed("export", "over \(later.count) entries behind its range")
            }
            place = .erasures
            return later.append(line)
        }
        guard place == .entries, sequence == tree.size else {
            throw .malformed("export", "entry \(sequence) stands where \(tree.size) belongs")
        }
        report.entries += 1
        report.nextSequence = sequence + 1
        if line.leaf != line.entry.leaf {
            report.fail(sequence, "it was changed: it is not the entry that its leaf is of")
        }
        tree.append(leaf: line.leaf)
        checkDetails(of: line)
    }

    private mutating func checkDetails(of line: ExportedEntry) {
        let sequence = line.entry.sequence
        guard let details = line.details, let salt = line.salt else {
            if line.details != nil || line.salt != nil {
                report.fail(sequence, "its details and their salt are not both there")
            } else if head?.isRedacted == false {
                missing.append(sequence...sequence)
            }
            return
        }
        guard head?.isRedacted == false else {
            return report.fail(sequence, "it has details in an export that says it has none")
        }
        present.append(sequence...sequence)
        guard line.entry.binds(details: details, salt: salt) else {
            return report.fail(sequence, "its details are not those it is bound to")
        }
        noteErasure(details, in: line.entry)
    }

    private mutating func noteErasure(_ details: [UInt8], in entry: Entry) {
        guard entry.kind == Erasure.kind else { return }
        do throws(AuditError) {
            erased.append(
                try Erasure(details: details, sequence: entry.sequence).entries)
        } catch {
            report.fail(entry.sequence, "\(error)")
        }
    }

    private mutating func end(_ tail: ExportTail) throws(AuditError) {
        place = .behind
        guard let head, tail.entries == tree.size - head.first else {
            throw .malformed("export's end", "it counts \(tail.entries) entries")
        }
        guard let key = trusted ?? self.head?.key else { throw .unsigned("a known key") }
        report.checkpoints += 1
        let checkpoint: Checkpoint
        do throws(AuditError) {
            checkpoint = try SignedCheckpoint(note: tail.checkpoint, anyEpochOf: key).checkpoint
        } catch {
            return report.fail(nil, "checkpoint: \(error)")
        }
        do throws(AuditError) {
            try prove(tree, in: checkpoint, tail.consistency)
            report.covered = tree.size
        } catch {
            report.fail(
                nil,
                "entries \(head.first) to \(Int64(tree.size) - 1) are not those that were signed")
        }
        for line in later { takeLater(line, checkpoint) }
        settleErasures()
    }

    private func prove(
        _ tree: LogTree, in checkpoint: Checkpoint, _ path: [Digest]
    ) throws(AuditError) {
        guard tree.size > 0 || checkpoint.size == 0 else { throw .proofFails("consistency") }
        guard tree.size > 0 else {
            guard checkpoint.root == MerkleHash.empty else { throw .proofFails("consistency") }
            return
        }
        try TreeProof.verifyConsistency(
            old: tree.size, oldRoot: tree.root, size: checkpoint.size, root: checkpoint.root,
            path: path)
    }

    /// An erasure that lies behind the range, with a proof of its own.
    private mutating func takeLater(_ line: ExportedEntry, _ checkpoint: Checkpoint) {
        let sequence = line.entry.sequence
        guard line.entry.kind == Erasure.kind, let details = line.details, let salt = line.salt,
            line.entry.binds(details: details, salt: salt)
        else { return report.fail(sequence, "it is here as an erasure, and is none") }
        do throws(AuditError) {
            try TreeProof.verifyInclusion(
                leaf: line.entry.leaf, index: sequence, size: checkpoint.size,
                root: checkpoint.root, path: line.path ?? [])
            noteErasure(details, in: line.entry)
        } catch {
            report.fail(sequence, "\(error)")
        }
    }

    private mutating func settleErasures() {
        let claimed = SequenceSet(erased.flatMap(\.ranges))
        let lost = missing.subtracting(claimed)
        report.fail(lost, "its details are missing")
        let kept = present.subtracting(present.subtracting(claimed))
        report.fail(kept, "its details are there, but a later entry erased them")
        report.erased = missing.count - lost.count
    }
}
