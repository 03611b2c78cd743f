// Verifies a whole log as it streams by, in flat memory. Pure: whoever has the rows feeds them.

import SelatCore
import SelatCrypto

/// One entry as it was found, believed in nothing.
package struct FoundEntry: Sendable {
    package var sequence: Int64
    package var seconds: Int64
    package var kind: [UInt8]
    package var transfer: [UInt8]?
    package var actor: [UInt8]
    package var commitment: [UInt8]
    /// The leaf and the full subtrees that it completes, 32 bytes each.
    package var nodes: [UInt8]
    package var salt: [UInt8]?
    package var details: [UInt8]?

    package init(
        sequence: Int64, seconds: Int64, kind: [UInt8], transfer: [UInt8]?, actor: [UInt8],
        commitment: [UInt8], nodes: [UInt8], salt: [UInt8]?, details: [UInt8]?
    ) {
        self.sequence = sequence
        self.seconds = seconds
        self.kind = kind
        self.transfer = transfer
        self.actor = actor
        self.commitment = commitment
        self.nodes = nodes
        self.salt = salt
        self.details = details
    }
}

/// Takes entries and checkpoints in order, and says what is wrong with them.
package struct LogVerifier {
    /// What was found so far.
    package private(set) var report: LogReport
    private let key: VerifierKey?
    private var tree = LogTree()
    private var encoder = EntryEncoder()
    /// Whether entries are missing, so that no root behind them can be computed.
    private var isBroken = false

    /// - Parameter key: the log's; without one every checkpoint fails.
    package init(key: VerifierKey?) {
        self.key = key
        report = LogReport()
    }

    /// The size at which the next checkpoint may stand: entries before it were taken.
    package var size: UInt64 { tree.size }

    /// Takes the next entry; each must come once, in the order of sequences.
    package mutating func take(_ found: FoundEntry) {
        guard let sequence = UInt64(exactly: found.sequence), isNext(sequence) else { return }
        report.entries += 1
        checkDetails(found, sequence)
        let leaf = leaf(of: found, sequence)
        let nodes = tree.append(leaf: leaf)
        guard !isBroken, found.nodes.count != 32 || nodes.count != 1 else { return }
        guard found.nodes.count == nodes.count * 32,
            found.nodes.dropFirst(32).elementsEqual(nodes.dropFirst().lazy.flatMap(\.bytes))
        else {
            return report.fail(
                sequence, "the tree nodes stored with it are not those of the tree")
        }
    }

    /// Takes a stored checkpoint, once the entries that it covers were taken.
    package mutating func take(checkpoint note: [UInt8], storedSize: Int64) {
        report.checkpoints += 1
        do throws(AuditError) {
            guard let key else { throw .unsigned("a known key") }
            let checkpoint = try SignedCheckpoint(note: note, key: key).checkpoint
            guard UInt64(exactly: storedSize) == checkpoint.size else {
                throw .malformed("checkpoint", "stored as of size \(storedSize)")
            }
            compare(checkpoint)
        } catch {
            report.fail(nil, "checkpoint of \(storedSize) entries: \(error)")
        }
    }

    /// Reports what the feeder itself saw, such as a page that cannot be read.
    package mutating func fail(_ reason: String) { report.fail(nil, reason) }

    /// The whole report, after the last row.
    package mutating func finish() -> LogReport {
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

    private mutating func checkDetails(_ found: FoundEntry, _ sequence: UInt64) {
        report.nextSequence = sequence + 1
        guard let details = found.details, let salt = found.salt else {
            return report.fail(sequence, "its details are missing")
        }
        guard salt.count == Entry.saltBytes,
            Entry.commitment(to: details, salt: salt).bytes == found.commitment
        else { return report.fail(sequence, "its details are not those it is bound to") }
    }

    /// The leaf to go on with: the stored one if the entry was changed, so that what follows is
    /// judged by itself.
    private mutating func leaf(of found: FoundEntry, _ sequence: UInt64) -> Digest {
        encoder.encode(
            sequence: sequence, seconds: found.seconds, kind: found.kind,
            transfer: found.transfer, actor: found.actor, commitment: found.commitment)
        let leaf = MerkleHash.leaf(encoder.bytes)
        guard let stored = try? Digest(bytes: Array(found.nodes.prefix(32))) else {
            report.fail(sequence, "its leaf is missing")
            return leaf
        }
        if leaf != stored {
            report.fail(sequence, "it was changed: it is not the entry that is in the tree")
        } else if !isWellFormed(found) {
            report.fail(sequence, "its fields are none that an entry can have")
        }
        return stored
    }

    private func isWellFormed(_ found: FoundEntry) -> Bool {
        EntryKind.isValid(found.kind) && found.commitment.count == 32
            && (found.actor + (found.transfer ?? [])).allSatisfy {
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
                "entries \(report.covered) to \(checkpoint.size - 1) are not those that were signed"
            )
        }
        report.covered = checkpoint.size
    }
}
