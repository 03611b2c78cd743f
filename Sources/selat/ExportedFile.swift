import Glibc
import NIOCore
import SelatCore
import SelatCrypto

/// A file that appears under its name only when it is whole and durable. It is made at once, under another
/// name, so that nobody is asked for bytes that could not be kept: the log would tell of a copy that is none.
/// It is removed when the writing ends early.
final class ExportedFile {
    private let path: String
    private let hidden: String
    private let unfinished = Unfinished()
    private let descriptor: Int32
    private var isPublished = false

    /// - Throws: `Ending` where a file has the name, or none can be made there.
    init(_ path: String) throws {
        guard access(path, F_OK) != 0 else {
            throw Ending(.failed, "`\(path)` exists already", hint: "name another file")
        }
        let parts = path.split(separator: "/", omittingEmptySubsequences: false)
        let hidden =
            parts.dropLast().map { "\($0)/" }.joined() + ".\(parts.last ?? "").selat-\(getpid())"
        descriptor = unfinished.make(hidden) {
            Glibc.open(hidden, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        }
        (self.path, self.hidden) = (path, hidden)
        guard descriptor >= 0 else { throw fault("making `\(path)`") }
    }

    deinit { if descriptor >= 0 { close(descriptor) } }

    func write(_ piece: ByteBuffer) throws {
        try piece.withUnsafeReadableBytes { bytes in
            var rest = bytes[...]
            while !rest.isEmpty {
                let slice = UnsafeRawBufferPointer(rebasing: rest)
                let count = Glibc.write(descriptor, slice.baseAddress, slice.count)
                if count < 0, errno == EINTR { continue }
                guard count > 0 else { throw fault("writing `\(path)`") }
                rest = rest.dropFirst(count)
            }
        }
    }

    /// Reads what was written back from the disk.
    func digest() throws -> Digest {
        guard fsync(descriptor) == 0 else { throw fault("syncing `\(path)`") }
        // Not what the cache remembers.
        posix_fadvise(descriptor, 0, 0, POSIX_FADV_DONTNEED)
        let file = Glibc.open(hidden, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { throw fault("reading `\(path)`") }
        defer { close(file) }
        var hasher = SHA256()
        var piece = [UInt8](repeating: 0, count: 1 << 20)
        while true {
            let count = piece.withUnsafeMutableBytes { read(file, $0.baseAddress, $0.count) }
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { throw fault("reading `\(path)`") }
            if count == 0 { return hasher.finish() }
            hasher.update(piece[..<count])
        }
    }

    /// Removes it again, under its name too.
    func withdraw() { if isPublished { unlink(path) } }

    /// When this returns, the file lies there whole, and its name too outlives a crash.
    func publish() throws {
        guard fsync(descriptor) == 0 else { throw fault("syncing `\(path)`") }
        guard NewFile.name(hidden, as: path) else { throw fault("naming it `\(path)`") }
        unfinished.remove()
        isPublished = true
        do { try syncFolder() } catch {
            withdraw()
            throw error
        }
    }

    /// A name is durable once its folder is.
    private func syncFolder() throws {
        let parent = path.split(separator: "/", omittingEmptySubsequences: false).dropLast()
        let folder = parent.isEmpty ? "." : parent.joined(separator: "/") + "/"
        let handle = Glibc.open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard handle >= 0 else { throw fault("opening folder `\(folder)`") }
        defer { close(handle) }
        guard fsync(handle) == 0 else { throw fault("syncing folder `\(folder)`") }
    }

    private func fault(_ action: String) -> Ending {
        Ending(.failed, "\(action): \(String(cString: strerror(errno)))")
    }
}
