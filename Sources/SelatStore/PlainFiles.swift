import Glibc
package import SelatCore
import Synchronization

/// The plaintext of a dataset in files that were handed over, one after the other, as one payload.
///
/// It is read through the page cache, where whoever made the files has left them.
package final class PlainFiles: SegmentSource, SegmentSink {
    /// One file, and which bytes of the payload are its.
    private struct Part: Sendable {
        let name: String
        let descriptor: Int32
        let bytes: Range<UInt64>
        /// What is written goes through it.
        let file: SpoolFile?
    }

    /// The files are not what they must be, or their disk refuses: the caller's fault, and not the daemon's.
    package struct Unusable: Error, CustomStringConvertible {
        package let fault: FileFault
        package var description: String { fault.description }
    }

    private let handed: HandedFiles
    private let isStopped: @Sendable () -> Bool
    private let parts: [Part]
    private let passed = Atomic<UInt64>(0)
    private let fault = Mutex<FileFault?>(nil)

    /// - Parameters:
    ///   - files: name and bytes of each, in order.
    ///   - isWritten: whether they are to be written; else they are read.
    ///   - isStopped: asked before each piece is written, which is not where it says yes.
    /// - Throws: `Unusable` where others were handed over than are described.
    package init(
        _ handed: HandedFiles, as files: [(name: String, size: UInt64)], isWritten: Bool,
        isStopped: @escaping @Sendable () -> Bool = { false }
    ) throws(Unusable) {
        guard handed.descriptors.count == files.count else {
            throw Unusable(
                fault: FileFault(
                    "taking over", "\(handed.descriptors.count) files", code: EINVAL,
                    reason: "the dataset has \(files.count)"))
        }
        self.handed = handed
        self.isStopped = isStopped
        var parts: [Part] = []
        var start: UInt64 = 0
        do throws(FileFault) {
            for (descriptor, file) in zip(handed.descriptors, files) {
                parts.append(
                    Part(
                        name: file.name, descriptor: descriptor, bytes: start..<start + file.size,
                        file: isWritten ? try SpoolFile(sharing: descriptor, as: file.name) : nil)
                )
                start += file.size
            }
        } catch {
            throw Unusable(fault: error)
        }
        self.parts = parts
    }

    /// The first refusal of any of the files.
    package var unusable: Unusable? { fault.withLock { $0 }.map { Unusable(fault: $0) } }

    // MARK: Reading

    package func read(
        _ range: Range<UInt64>, into memory: inout MutableRawSpan
    ) throws(FileFault) -> Int {
        var fault: FileFault?
        memory.withUnsafeMutableBytes { memory in
            do throws(FileFault) { try read(range, into: memory) } catch { fault = error }
        }
        if let fault { throw kept(fault) }
        tell(range.count)
        return 0
    }

    private func read(
        _ range: Range<UInt64>, into memory: UnsafeMutableRawBufferPointer
    ) throws(FileFault) {
        for (part, piece) in pieces(of: range) {
            var position = piece.lowerBound
            while position < piece.upperBound {
                let target = memory[Int(position - range.lowerBound)...]
                let count = pread(
                    part.descriptor, UnsafeMutableRawBufferPointer(rebasing: target).baseAddress,
                    Int(piece.upperBound - position), off_t(position - part.bytes.lowerBound))
                if count < 0, errno == EINTR { continue }
                guard count >= 0 else { throw .latest("reading", part.name) }
                guard count > 0 else { throw Self.changed(part, "it became shorter") }
                position += UInt64(count)
            }
        }
    }

    /// - Throws: `FileFault` where a file has another size than was announced.
    package func requireSizes() throws(FileFault) {
        for part in parts {
            var status = stat()
            guard fstat(part.descriptor, &status) == 0 else {
                throw kept(.latest("reading", part.name))
            }
            guard UInt64(status.st_size) == UInt64(part.bytes.count) else {
                throw kept(Self.changed(part, "its size changed"))
            }
        }
    }

    private static func changed(_ part: Part, _ what: String) -> FileFault {
        FileFault("reading", part.name, code: 0, reason: "\(what) while it was read")
    }

    // MARK: Writing

    package func write(_ bytes: RawSpan, at offset: UInt64) throws(FileFault) {
        guard !isStopped() else {
            throw FileFault("writing", "the dataset", code: ECANCELED, reason: "it was taken back")
        }
        let range = offset..<offset + UInt64(bytes.byteCount)
        for (part, piece) in pieces(of: range) {
            let own = Int(piece.lowerBound - offset)..<Int(piece.upperBound - offset)
            do throws(FileFault) {
                try part.file?.write(
                    bytes.extracting(own), at: piece.lowerBound - part.bytes.lowerBound)
            } catch { throw kept(error) }
        }
        tell(bytes.byteCount)
    }

    package func sync() throws(FileFault) {
        for part in parts {
            do throws(FileFault) { try part.file?.sync() } catch { throw kept(error) }
        }
    }

    package func finish(size: UInt64) throws(FileFault) {
        for part in parts {
            do throws(FileFault) {
                try part.file?.settle(size: UInt64(part.bytes.count))
            } catch { throw kept(error) }
        }
    }

    /// Whoever made the files removes them.
    package func discard() {}

    // MARK: Parts

    private func pieces(of range: Range<UInt64>) -> [(part: Part, piece: Range<UInt64>)] {
        var pieces: [(part: Part, piece: Range<UInt64>)] = []
        // Of ten thousand files a piece lies in a few.
        for index in firstPart(endingBeyond: range.lowerBound)..<parts.count {
            let part = parts[index]
            guard part.bytes.lowerBound < range.upperBound else { break }
            let piece = part.bytes.clamped(to: range)
            if !piece.isEmpty { pieces.append((part, piece)) }
        }
        return pieces
    }

    private func firstPart(endingBeyond offset: UInt64) -> Int {
        var (low, high) = (0, parts.count)
        while low < high {
            let middle = (low + high) / 2
            if parts[middle].bytes.upperBound > offset { high = middle } else { low = middle + 1 }
        }
        return low
    }

    private func tell(_ count: Int) {
        handed.passed(passed.add(UInt64(count), ordering: .relaxed).newValue)
    }

    private func kept(_ fault: FileFault) -> FileFault {
        self.fault.withLock { $0 = $0 ?? fault }
        return fault
    }
}
