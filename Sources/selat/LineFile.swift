import Glibc
import NIOCore
import SelatCore

/// Lines for a file that appears when all are there, or for stdout.
final class LineFile {
    private let file: ExportedFile?
    private var pending = ByteBuffer()

    /// - Parameter path: `-` is stdout.
    init(_ path: String) throws { file = path == "-" ? nil : try ExportedFile(path) }

    func write(_ json: JSON) throws { try write(String(decoding: json.canonical, as: UTF8.self)) }

    func write(_ line: String) throws {
        pending.writeString(line)
        pending.writeString("\n")
        if pending.readableBytes >= 1 << 18 { try flush() }
    }

    /// The file is there and durable when this returns; without this call there is none.
    func finish() throws {
        try flush()
        try file?.publish()
    }

    private func flush() throws {
        if let file {
            try file.write(pending)
        } else {
            Terminal.write(String(buffer: pending), to: STDOUT_FILENO)
        }
        pending.clear()
    }
}

/// Reads a file line by line, in flat memory.
struct LineReader: ~Copyable {
    private let descriptor: Int32
    private let path: String
    private var bytes: [UInt8] = []
    private var start = 0
    private var isAtEnd = false

    /// - Throws: `Ending` when the file cannot be read.
    init(_ path: String) throws {
        descriptor = open(path, O_RDONLY | O_CLOEXEC)
        self.path = path
        guard descriptor >= 0 else {
            throw Ending(.failed, "opening `\(path)`: \(String(cString: strerror(errno)))")
        }
    }

    deinit { if descriptor >= 0 { close(descriptor) } }

    /// The next line with its newline, nil at the end; the last may lack one.
    /// - Throws: `Ending` for a line far over `Limits.exportLineBytesMax` bytes, or when reading fails.
    mutating func next() throws -> [UInt8]? {
        while true {
            if let end = bytes[start...].firstIndex(of: 0x0A) {
                defer { start = end + 1 }
                return Array(bytes[start...end])
            }
            guard bytes.count - start <= Limits.exportLineBytesMax else {
                throw Ending(
                    .verificationFailed,
                    "`\(path)` has a line of over \(Limits.exportLineBytesMax) bytes")
            }
            if isAtEnd {
                guard start < bytes.count else { return nil }
                defer { start = bytes.count }
                return Array(bytes[start...])
            }
            try fill()
        }
    }

    private mutating func fill() throws {
        bytes.removeFirst(start)
        start = 0
        let old = bytes.count
        bytes.append(contentsOf: [UInt8](repeating: 0, count: 1 << 18))
        let count = bytes.withUnsafeMutableBytes {
            read(
                descriptor, UnsafeMutableRawBufferPointer(rebasing: $0[old...]).baseAddress,
                $0.count - old)
        }
        guard count >= 0 else {
            throw Ending(.failed, "reading `\(path)`: \(String(cString: strerror(errno)))")
        }
        bytes.removeLast(bytes.count - old - count)
        isAtEnd = count == 0
    }
}
