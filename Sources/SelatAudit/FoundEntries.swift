// Rows of a log as they were found, believed in nothing, in buffers that are used again: a verifier
// takes millions of them, and none may cost an allocation.

/// Entries and checkpoints in the order of a log.
package struct FoundEntries: Sendable {
    fileprivate struct Head {
        var sequence: Int64
        var seconds: Int64
    }
    private var heads: [Head] = []
    /// Seven for each entry; -1 for what is not there.
    private var lengths: [Int] = []
    private var bytes: [UInt8] = []
    /// Checkpoints, each before the entry of this number.
    private var checkpoints: [(before: Int, size: Int64, note: [UInt8])] = []

    package init() {}

    /// Entries.
    package var count: Int { heads.count }
    package var isEmpty: Bool { heads.isEmpty && checkpoints.isEmpty }
    /// Whether it is time to hand these over.
    package var isFull: Bool { heads.count >= 1_024 || bytes.count >= 1 << 20 }

    package mutating func removeAll() {
        heads.removeAll(keepingCapacity: true)
        lengths.removeAll(keepingCapacity: true)
        bytes.removeAll(keepingCapacity: true)
        checkpoints.removeAll(keepingCapacity: true)
    }

    /// Begins an entry; `add` or `addNothing` must follow seven times: for kind, transfer, actor,
    /// commitment, nodes, salt and details.
    package mutating func begin(sequence: Int64, seconds: Int64) {
        heads.append(Head(sequence: sequence, seconds: seconds))
    }

    /// The next column of the entry that was begun last.
    package mutating func add(_ column: RawSpan) {
        lengths.append(column.byteCount)
        column.withUnsafeBytes { bytes.append(contentsOf: $0) }
    }

    /// The next column holds nothing.
    package mutating func addNothing() { lengths.append(-1) }

    /// A checkpoint behind the entries that were added so far.
    package mutating func add(checkpoint note: [UInt8], storedSize: Int64) {
        checkpoints.append((heads.count, storedSize, note))
    }
}

extension FoundEntries {
    /// Hands entries and checkpoints over in their order.
    func forEach(
        entry: (RawEntry) -> Void, checkpoint: (_ note: [UInt8], _ storedSize: Int64) -> Void
    ) {
        precondition(lengths.count == heads.count * RawEntry.columns, "an entry has seven columns")
        var checkpoints = checkpoints[...]
        bytes.withUnsafeBytes { bytes in
            var columns = Columns(bytes: bytes, lengths: lengths[...])
            for (index, head) in heads.enumerated() {
                while let next = checkpoints.first, next.before <= index {
                    checkpoint(next.note, next.size)
                    checkpoints.removeFirst()
                }
                entry(RawEntry(head, &columns))
            }
        }
        for rest in checkpoints { checkpoint(rest.note, rest.size) }
    }

    fileprivate struct Columns {
        let bytes: UnsafeRawBufferPointer
        var lengths: ArraySlice<Int>
        var start = 0

        mutating func next() -> UnsafeRawBufferPointer? {
            let length = lengths.removeFirst()
            guard length >= 0 else { return nil }
            defer { start += length }
            return UnsafeRawBufferPointer(rebasing: bytes[start..<start + length])
        }

        mutating func nextOrEmpty() -> UnsafeRawBufferPointer {
            next() ?? UnsafeRawBufferPointer(start: nil, count: 0)
        }
    }
}

/// One entry where it lies, for the time of a call.
struct RawEntry {
    let sequence: Int64
    let seconds: Int64
    let kind: UnsafeRawBufferPointer
    let transfer: UnsafeRawBufferPointer?
    let actor: UnsafeRawBufferPointer
    let commitment: UnsafeRawBufferPointer
    /// The leaf and the full subtrees that it completes, 32 bytes each.
    let nodes: UnsafeRawBufferPointer
    let salt: UnsafeRawBufferPointer?
    let details: UnsafeRawBufferPointer?

    static let columns = 7

    fileprivate init(_ head: FoundEntries.Head, _ columns: inout FoundEntries.Columns) {
        sequence = head.sequence
        seconds = head.seconds
        kind = columns.nextOrEmpty()
        transfer = columns.next()
        actor = columns.nextOrEmpty()
        commitment = columns.nextOrEmpty()
        nodes = columns.nextOrEmpty()
        salt = columns.next()
        details = columns.next()
    }
}
