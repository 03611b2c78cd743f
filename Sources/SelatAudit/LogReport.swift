package import SelatCore
import SelatCrypto

/// What verifying a log has shown.
package struct LogReport: Sendable {
    /// The first of them; not 0 where only a range of the log was read.
    package internal(set) var first: UInt64 = 0
    /// Entries that were read.
    package internal(set) var entries: UInt64 = 0
    /// Checkpoints that were read.
    package internal(set) var checkpoints: UInt64 = 0
    /// The tree as it was computed from the entries.
    package internal(set) var size: UInt64 = 0
    package internal(set) var root = MerkleHash.empty
    /// Entries before this one are covered by a checkpoint whose signature and root are right.
    package internal(set) var covered: UInt64 = 0
    /// Entries whose details were erased, as later entries say.
    package internal(set) var erased: UInt64 = 0
    /// What is wrong, the first `failuresMax` of it.
    package private(set) var failures: [LogFailure] = []
    /// Failures in all.
    package private(set) var failureCount: UInt64 = 0
    /// The key that the checkpoints were verified with.
    package var key: VerifierKey?
    /// Whether that key came from the log itself, so that the log proves only that it agrees with
    /// itself.
    package var isKeyItsOwn = false
    /// The sequence that the next entry must have.
    var nextSequence: UInt64 = 0

    /// Whether nothing is wrong. Entries behind `covered` are complete, and not yet signed.
    package var isSound: Bool { failureCount == 0 }

    mutating func fail(_ sequence: UInt64?, _ reason: String) {
        failureCount += 1
        if failures.count < Self.failuresMax {
            failures.append(LogFailure(sequence: sequence, reason: reason))
        }
    }

    /// The same fault of many entries.
    mutating func fail(_ sequences: SequenceSet, _ reason: String) {
        for range in sequences.ranges {
            for sequence in range.prefix(Self.failuresMax) { fail(sequence, reason) }
            failureCount += UInt64(max(0, range.count - Self.failuresMax))
        }
    }

    private static let failuresMax = 100

    /// The report as `audit verify --json` prints it.
    package var json: JSON {
        [
            "sound": .bool(isSound), "first": .integer(first),
            "entries": .integer(entries),
            "checkpoints": .integer(checkpoints), "size": .integer(size),
            "root": .string(Base64.encode(root.bytes)), "covered": .integer(covered),
            "erased": .integer(erased),
            "key": key.map { .string($0.text) } ?? .null, "key_is_its_own": .bool(isKeyItsOwn),
            "failure_count": .integer(failureCount),
            "failures": .strings(failures.map(\.description)),
        ]
    }
}

/// One thing that is wrong, in words for a person.
package struct LogFailure: Hashable, Sendable, CustomStringConvertible {
    /// The entry, where it is one entry's.
    package let sequence: UInt64?
    package let reason: String

    package var description: String {
        if let sequence { "entry \(sequence): \(reason)" } else { reason }
    }
}
