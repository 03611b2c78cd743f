import Dispatch
import SelatCore
import SelatStore
import Synchronization

/// A file of many megabytes while it is written: past the page cache, where copying it costs more than the disk
/// does, and piece by piece while the next one fills.
final class LargeFile {
    /// Smaller ones stay in the page cache, where whoever asked for them finds them.
    static let bytesMin: UInt64 = 8 << 20

    private let file: SpoolFile
    private let size: UInt64
    private var filling = Piece()
    /// Where `filling` begins in the file.
    private var offset: UInt64 = 0
    private let disk = DispatchQueue(label: "selat-large-file")
    private let written = Written()

    /// What writes leave behind.
    private final class Written: Sendable {
        private let state = Mutex<(spare: [Piece], fault: FileFault?)>(([Piece()], nil))
        private let spares = DispatchSemaphore(value: 1)

        func add(_ piece: Piece, _ fault: FileFault?) {
            state.withLock { state in
                state.spare.append(piece)
                state.fault = state.fault ?? fault
            }
            spares.signal()
        }

        /// Waits for a piece to fill.
        /// - Throws: `FileFault` of any write so far.
        func spare() throws(FileFault) -> Piece {
            spares.wait()
            let (piece, fault) = state.withLock { ($0.spare.removeLast(), $0.fault) }
            if let fault { throw fault }
            return piece
        }

        func check() throws(FileFault) {
            if let fault = state.withLock({ $0.fault }) { throw fault }
        }
    }

    /// Memory for one write.
    // SAFETY: it belongs to the one who fills it, or to the one write that has it.
    private final class Piece: @unchecked Sendable {
        private let memory = UnsafeMutableRawBufferPointer.allocate(
            byteCount: 1 << 20, alignment: SegmentBlocks.bytes)
        private(set) var count = 0

        init() { memory.initializeMemory(as: UInt8.self, repeating: 0) }

        deinit { memory.deallocate() }

        var isFull: Bool { count == memory.count }

        /// - Returns: how many bytes had room.
        func append(_ bytes: UnsafeRawBufferPointer) -> Int {
            let part = bytes.prefix(memory.count - count)
            memory[count...].copyBytes(from: part)
            count += part.count
            return part.count
        }

        /// Writes what it has, and is empty then.
        func write(to file: SpoolFile, at offset: UInt64) throws(FileFault) {
            defer { count = 0 }
            try file.write(memory.bytes.extracting(first: count), at: offset)
        }
    }

    init(_ file: SpoolFile, size: UInt64) {
        self.file = file
        self.size = size
    }

    /// Takes the next bytes. Waits where the disk is two pieces behind.
    /// - Throws: `FileFault` of any write so far.
    func write(_ bytes: UnsafeRawBufferPointer) throws(FileFault) {
        var rest = bytes[...]
        while !rest.isEmpty {
            rest = rest.dropFirst(filling.append(UnsafeRawBufferPointer(rebasing: rest)))
            if filling.isFull { try handOver() }
        }
    }

    /// Returns when all of it is durable.
    func finish() throws(FileFault) {
        try handOver()
        disk.sync {}
        try written.check()
        try file.finish(size: size)
    }

    private func handOver() throws(FileFault) {
        let (piece, start) = (filling, offset)
        offset += UInt64(piece.count)
        disk.async { [file, written] in
            var fault: FileFault?
            do throws(FileFault) { try piece.write(to: file, at: start) } catch { fault = error }
            written.add(piece, fault)
        }
        filling = try written.spare()
    }
}
