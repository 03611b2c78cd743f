import Glibc
import SelatCore

/// System calls on files that bypass the page cache where the file system lets them.
enum DirectFile {
    /// O_DIRECT, which the headers show only to programs that ask for GNU's extensions.
    #if arch(x86_64) || arch(i386)
        private static let direct: Int32 = 0o40000
    #else
        private static let direct: Int32 = 0o200000
    #endif

    struct Opened {
        let descriptor: Int32
        let isBuffered: Bool
    }

    /// Opens without following a link at the end of the path; new files are the owner's alone.
    static func open(_ path: String, _ flags: Int32) throws(FileFault) -> Opened {
        let safe = flags | O_CLOEXEC | O_NOFOLLOW
        let opened = Glibc.open(path, safe | direct, 0o600)
        if opened >= 0 { return Opened(descriptor: opened, isBuffered: false) }
        // A refused O_DIRECT may have created the file already (open(2), EINVAL).
        guard errno == EINVAL else { throw .latest("opening", path) }
        let buffered = Glibc.open(path, safe & ~O_EXCL, 0o600)
        guard buffered >= 0 else { throw .latest("opening", path) }
        return Opened(descriptor: buffered, isBuffered: true)
    }

    /// A second descriptor of an open file.
    static func share(_ descriptor: Int32, _ name: String) throws(FileFault) -> Opened {
        let flags = fcntl(descriptor, F_GETFL)
        let shared = fcntl(descriptor, F_DUPFD_CLOEXEC, 0)
        guard flags >= 0, shared >= 0 else { throw .latest("taking over", name) }
        return Opened(descriptor: shared, isBuffered: flags & direct == 0)
    }

    /// Writes all bytes, whatever the number of calls.
    static func write(
        _ descriptor: Int32, _ path: String, _ bytes: UnsafeRawBufferPointer, at offset: UInt64
    ) throws(FileFault) {
        var rest = bytes
        var position = offset
        while !rest.isEmpty {
            let count = pwrite(descriptor, rest.baseAddress, rest.count, off_t(position))
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { throw .latest("writing", path) }
            rest = UnsafeRawBufferPointer(rebasing: rest[count...])
            position += UInt64(count)
        }
    }

    /// Writes pieces that follow one another, in one call where the system takes them whole.
    static func write(
        _ descriptor: Int32, _ path: String, _ pieces: [UnsafeRawBufferPointer?],
        at offset: UInt64
    ) throws(FileFault) {
        let pieces = pieces.compactMap { $0 }.filter { !$0.isEmpty }
        guard !pieces.isEmpty else { return }
        let vectors = pieces.map {
            iovec(iov_base: UnsafeMutableRawPointer(mutating: $0.baseAddress), iov_len: $0.count)
        }
        let total = pieces.reduce(0) { $0 + $1.count }
        if pwritev(descriptor, vectors, Int32(vectors.count), off_t(offset)) == total { return }
        // Interrupted, cut short or refused: once more piece by piece, which says why.
        var position = offset
        for piece in pieces {
            try write(descriptor, path, piece, at: position)
            position += UInt64(piece.count)
        }
    }

    /// Makes a new name in a folder durable.
    static func syncFolder(of path: String) throws(FileFault) {
        let folder = path.lastIndex(of: "/").map { String(path[...$0]) } ?? "."
        let descriptor = Glibc.open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { throw .latest("opening", folder) }
        defer { close(descriptor) }
        guard fsync(descriptor) == 0 else { throw .latest("syncing", folder) }
    }
}

extension FileFault {
    /// The refusal that `errno` names now.
    static func latest(_ operation: String, _ path: String) -> FileFault {
        FileFault(operation, path, code: errno)
    }

    init(_ operation: String, _ path: String, code: Int32) {
        self.init(operation, path, code: code, reason: String(cString: strerror(code)))
    }
}
