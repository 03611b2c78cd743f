// Verifies a whole log as it streams by, in flat memory. Pure: whoever has the rows feeds them.

import SelatCore
import SelatCrypto

/// Takes entries and checkpoints in order, and says what is wrong with them.
package struct LogVerifier {
    /// What was found so far.
    package private(set) var report: LogReport
    private let key: VerifierKey?
    private var tree = LogTree()
    private var encoder = EntryEncoder()
    /// Whether entries are missing, so that no root behind them can be computed.
    private var isBroken = false
    /// Of the last checkpoint.
    private var epoch: UInt64 = 0
    /// Entries without details, and those that erasures named.
    private var missing = SequenceSet()
    private var erasures: [SequenceSet] = []

    /// - Parameter key: the log's; without one every checkpoint fails.
    package init(key: VerifierKey?) {
        self.key = key
        report = LogReport()
    }

    /// The size at which the next checkpoint may stand: entries before it were taken.
    package var size: UInt64 { tree.size }

    /// Takes the next entries and checkpoints; each entry must come once, in the order of sequences.
    package mutating func take(_ found: FoundEntries) {
        found.forEach(
            entry: { take($0) }, checkpoint: { take(checkpoint: $0, storedSize: $1) })
    }

    private mutating func take(_ found: RawEntry) {
        guard let sequence = UInt64(exactly: found.sequence), isNext(sequence) else { return }
        report.entries += 1
        report.nextSequence = sequence + 1
        checkDetails(found, sequence)
        let leaf = leaf(of: found, sequence)
        var nodes = StoredNodes(found.nodes)
        tree.append(leaf: leaf) { nodes.compare($0) }
        guard isBroken || nodes.areAll else {
            return report.fail(
                sequence, "the tree nodes stored with it are not those of the tree")
        }
    }

    /// Takes a stored checkpoint, once the entries that it covers were taken.
    private mutating func take(checkpoint note: [UInt8], storedSize: Int64) {
        report.checkpoints += 1
        do throws(AuditError) {
            guard let key else { throw .unsigned("a known key") }
            let checkpoint = try SignedCheckpoint(note: note, anyEpochOf: key).checkpoint
            try checkEpoch(of: checkpoint, key)
            guard UInt64(exactly: storedSize) == checkpoint.size else {
                throw .malformed("checkpoint", "stored as of size \(storedSize)")
            }
            compare(checkpoint)
        } catch {
            report.fail(nil, "checkpoint of \(storedSize) entries: \(error)")
        }
    }

    /// A restored backup went on under a higher epoch, and never under a lower one.
    private mutating func checkEpoch(
        of checkpoint: Checkpoint, _ key: VerifierKey
    ) throws(AuditError) {
        let found = try key.ofEpoch(in: checkpoint.origin).epoch ?? 0
        guard found >= epoch else {
            throw .malformed("checkpoint", "of epoch \(found), after one of \(epoch)")
        }
        epoch = found
    }

    /// The entries whose details others that were taken have erased.
    package var erased: SequenceSet { SequenceSet(erasures.flatMap(\.ranges)) }

    /// Reports what the feeder itself saw, such as a page that cannot be read.
    package mutating func fail(_ reason: String) { report.fail(nil, reason) }

    /// The whole report, after the last row.
    package mutating func finish() -> LogReport {
        settleErasures()
        report.size = tree.size
        report.root = tree.root
        return report
    }
}

extension LogVerifier {
    /// Whether an entry stands where it belongs. A gap is filled with nothing: the tree behind it is
    /// gone.
    private mutating func isNext(_ sequence: UInt64) -> Bool {
        if sequence == tree.size && !isBroken { return true }
        guard sequence >= report.nextSequence else {
            report.fail(sequence, "it stands behind entry \(report.nextSequence)")
            return false
        }
        if sequence > report.nextSequence {
            report.fail(
                report.nextSequence,
                sequence == report.nextSequence + 1
                    ? "it is missing" : "it and those up to \(sequence - 1) are missing")
            isBroken = true
        }
        return true
    }

    private mutating func checkDetails(_ found: RawEntry, _ sequence: UInt64) {
        guard let details = found.details, let salt = found.salt else {
            guard found.details == nil, found.salt == nil else {
                return report.fail(sequence, "its details and their salt are not both there")
            }
            return missing.append(sequence...sequence)
        }
        guard salt.count == Entry.saltBytes,
            Entry.commitment(to: details.bytes, salt: salt.bytes).equals(found.commitment)
        else { return report.fail(sequence, "its details are not those it is bound to") }
        guard found.kind.elementsEqual(Erasure.kind.text.utf8) else { return }
        do throws(AuditError) {
            erasures.append(try Erasure(details: Array(details), sequence: sequence).entries)
        } catch {
            report.fail(sequence, "\(error)")
        }
    }

    /// Details are missing rightly where a later entry says that they were erased, and then only.
    private mutating func settleErasures() {
        let claimed = erased
        report.fail(missing.subtracting(claimed), "its details are missing")
        report.fail(
            claimed.subtracting(missing), "its details are there, but a later entry erased them")
        report.erased = missing.count - missing.subtracting(claimed).count
    }

    /// The leaf to go on with: the stored one if the entry was changed, so that what follows is
    /// judged by itself.
    private mutating func leaf(of found: RawEntry, _ sequence: UInt64) -> Digest {
        guard let commitment = try? Digest(bytes: found.commitment),
            let stored = try? Digest(bytes: found.nodes.prefix(Digest.byteCount))
        else {
            report.fail(sequence, "its leaf or its commitment is missing")
            return MerkleHash.empty
        }
        encoder.encode(
            sequence: sequence, seconds: found.seconds, kind: found.kind.bytes,
            transfer: found.transfer?.bytes, actor: found.actor.bytes, commitment: commitment)
        if encoder.leaf != stored {
            report.fail(sequence, "it was changed: it is not the entry that is in the tree")
        } else if !isWellFormed(found) {
            report.fail(sequence, "its fields are none that an entry can have")
        }
        return stored
    }

    private func isWellFormed(_ found: RawEntry) -> Bool {
        EntryKind.isValid(found.kind) && Self.isPlain(found.actor)
            && found.transfer.map(Self.isPlain) != false
    }

    /// ASCII that JSON writes as it is.
    private static func isPlain(_ text: UnsafeRawBufferPointer) -> Bool {
        text.allSatisfy {
            (0x20...0x7E).contains($0) && $0 != UInt8(ascii: "\"") && $0 != UInt8(ascii: "\\")
        }
    }

    private mutating func compare(_ checkpoint: Checkpoint) {
        guard checkpoint.size <= report.nextSequence else {
            return report.fail(
                report.nextSequence,
                "it and those up to \(checkpoint.size - 1) are missing: they were signed")
        }
        guard !isBroken else {
            return report.fail(
                nil, "checkpoint of \(checkpoint.size) entries: some before it are missing")
        }
        guard checkpoint.size == tree.size, checkpoint.root == tree.root else {
            return report.fail(
                nil,
                checkpoint.size == 0
                    ? "checkpoint of 0 entries: its root is not that of the empty tree"
                    : "entries \(report.covered) to \(checkpoint.size - 1) are not those that "
                        + "were signed")
        }
        report.covered = checkpoint.size
    }
}

/// The nodes stored with an entry, as the tree's are computed one by one.
private struct StoredNodes {
    private var rest: UnsafeRawBufferPointer.SubSequence
    private var isSame = true

    /// - Parameter nodes: the leaf first, which is judged elsewhere.
    init(_ nodes: UnsafeRawBufferPointer) { rest = nodes.dropFirst(Digest.byteCount) }

    mutating func compare(_ node: Digest) {
        isSame =
            isSame && node.equals(UnsafeRawBufferPointer(rebasing: rest.prefix(Digest.byteCount)))
        rest = rest.dropFirst(Digest.byteCount)
    }

    var areAll: Bool { isSame && rest.isEmpty }
}

extension Digest {
    fileprivate func equals(_ bytes: UnsafeRawBufferPointer) -> Bool {
        withBytes { $0.elementsEqual(bytes) }
    }
}
