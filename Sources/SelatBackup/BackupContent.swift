import Glibc
import SelatCore

/// One part that goes into a backup: its bytes, or the file where they lie.
package struct BackupItem: Sendable {
    package enum Source: Sendable {
        case bytes([UInt8])
        /// A file that nobody shortens any more.
        case file(String)
    }

    package let path: BackupPath
    package let size: UInt64
    let source: Source

    package init(_ path: BackupPath, _ bytes: [UInt8]) {
        (self.path, size, source) = (path, UInt64(bytes.count), .bytes(bytes))
    }

    /// - Parameter size: how many of the file's first bytes.
    package init(_ path: BackupPath, file: String, size: UInt64) {
        (self.path, self.size, source) = (path, size, .file(file))
    }

    /// The line before the part's bytes.
    var line: [UInt8] { BackupLine.part(path, size: size).bytes }
}

/// The lines of the content: one before each part, one at the end (Format.md, *Content*).
enum BackupLine: Hashable {
    case part(BackupPath, size: UInt64)
    case end(parts: UInt64)

    static let bytesMax = 1_024

    var bytes: [UInt8] {
        let json: JSON =
            switch self {
            case .part(let path, let size):
                ["path": .string(path.text), "size": .integer(size)]
            case .end(let parts): ["end": .integer(parts)]
            }
        return json.canonical + [0x0A]
    }

    /// - Parameter line: without its newline.
    init(parsing line: [UInt8]) throws(BackupError) {
        let (path, number) = try parsed("content") { () throws(CoreError) in
            var reader = try ObjectReader(try JSON(parsing: line), "line")
            let path = try reader.optionalString("path")
            let number = try reader.unsigned(path == nil ? "end" : "size")
            try reader.end()
            return (path, number)
        }
        self =
            try path.map { (text) throws(BackupError) in
                .part(try BackupPath(text), size: number)
            } ?? .end(parts: number)
        guard bytes.dropLast() == line[...] else {
            throw .malformed("content", "a line is not canonical")
        }
        if case .part(let path, let size) = self, size > path.bytesMax {
            throw .malformed("content", "`\(path.text)` has \(size) bytes")
        }
    }
}

/// The content of a backup before it is sealed, pulled piece by piece. Blocks on the disk.
struct BackupContent: ~Copyable {
    private let items: [BackupItem]
    /// The item whose bytes come; -1 before the first.
    private var index = -1
    /// Bytes that come before those of the item's file.
    private var pending: ArraySlice<UInt8> = []
    /// How far the item's file was read.
    private var offset: UInt64 = 0
    private var file: Int32 = -1

    init(_ items: [BackupItem]) { self.items = items }

    deinit { if file >= 0 { close(file) } }

    /// Bytes of the whole content.
    static func size(of items: [BackupItem]) -> UInt64 {
        items.reduce(UInt64(BackupLine.end(parts: UInt64(items.count)).bytes.count)) {
            $0 + UInt64($1.line.count) + $1.size
        }
    }

    /// Gives the next `count` bytes, all of which there must be.
    /// - Throws: `FileFault` where a file ends before its size.
    mutating func next(_ count: Int) throws(FileFault) -> [UInt8] {
        var piece: [UInt8] = []
        piece.reserveCapacity(count)
        while piece.count < count {
            if !pending.isEmpty {
                let part = pending.prefix(count - piece.count)
                piece += part
                pending = pending.dropFirst(part.count)
            } else if index >= 0, index < items.count, file >= 0, offset < items[index].size {
                try read(into: &piece, upTo: count)
            } else {
                try advance()
            }
        }
        return piece
    }

    /// Goes on to the next item, and behind the last one to the line at the end.
    private mutating func advance() throws(FileFault) {
        precondition(index < items.count, "a backup has no byte behind its end")
        if file >= 0 { close(file) }
        (file, offset) = (-1, 0)
        index += 1
        guard index < items.count else {
            pending = BackupLine.end(parts: UInt64(items.count)).bytes[...]
            return
        }
        pending = items[index].line[...]
        switch items[index].source {
        case .bytes(let bytes): pending += bytes
        case .file(let path):
            file = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW)
            guard file >= 0 else { throw fault("opening", path) }
        }
    }

    private mutating func read(into piece: inout [UInt8], upTo count: Int) throws(FileFault) {
        guard case .file(let path) = items[index].source else { return }
        let wanted = Int(min(UInt64(count - piece.count), items[index].size - offset))
        let start = piece.count
        piece.append(contentsOf: repeatElement(0, count: wanted))
        var filled = 0
        while filled < wanted {
            let got = piece.withUnsafeMutableBytes { bytes in
                pread(
                    file, bytes.baseAddress.map { $0 + start + filled }, wanted - filled,
                    off_t(offset) + off_t(filled))
            }
            if got < 0, errno == EINTR { continue }
            guard got >= 0 else { throw fault("reading", path) }
            guard got > 0 else {
                throw FileFault(
                    "reading", path, code: 0,
                    reason: "it ends at byte \(offset + UInt64(filled)) of \(items[index].size)")
            }
            filled += got
        }
        offset += UInt64(wanted)
        // Read once: the cache has better uses.
        posix_fadvise(file, off_t(offset) - off_t(wanted), off_t(wanted), POSIX_FADV_DONTNEED)
    }
}

func fault(_ operation: String, _ path: String) -> FileFault {
    FileFault(operation, path, code: errno, reason: String(cString: strerror(errno)))
}
