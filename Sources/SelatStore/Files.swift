// The few file operations around the database.

import Glibc
import Synchronization

enum Files {
    /// Makes an empty file that only its owner can read; leaves an existing one as it is.
    static func create(_ path: String) throws {
        let file = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard file >= 0 else { throw failure(path) }
        Glibc.close(file)
    }

    static func exists(_ path: String) -> Bool { access(path, F_OK) == 0 }

    /// Whether there is a file without bytes.
    static func isEmpty(_ path: String) -> Bool {
        var status = stat()
        return stat(path, &status) == 0 && status.st_size == 0
    }

    static func size(_ path: String) throws -> UInt64 {
        var status = stat()
        guard stat(path, &status) == 0 else { throw failure(path) }
        return UInt64(status.st_size)
    }

    /// Removes the files in a folder, and nothing below it.
    static func emptyFolder(_ path: String) {
        guard let folder = opendir(path) else { return }
        defer { closedir(folder) }
        while let entry = readdir(folder) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) { name in
                name.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if name != ".", name != ".." { unlink("\(path)/\(name)") }
        }
    }

    /// Removes a folder that holds only files; one that is not there is no fault.
    static func removeFolder(_ path: String) {
        emptyFolder(path)
        rmdir(path)
    }

    /// Removes the copies that migrations made beside a database, for good: they hold what is erased.
    static func removeMigrationCopies(of database: String) throws {
        var isAnyGone = false
        for migration in Schema.migrations {
            let copy = "\(database).before-\(migration.name)"
            if unlink(copy) == 0 {
                isAnyGone = true
            } else if errno != ENOENT {
                throw failure(copy)
            }
        }
        if isAnyGone { try synchronizeFolder(of: database) }
    }

    static func synchronize(_ path: String) throws { try synchronize(path, O_RDONLY) }

    static func synchronizeFolder(of path: String) throws {
        try synchronize(folder(of: path), O_RDONLY | O_DIRECTORY)
    }

    private static func synchronize(_ path: String, _ flags: Int32) throws {
        let file = open(path, flags | O_CLOEXEC)
        guard file >= 0 else { throw failure(path) }
        defer { Glibc.close(file) }
        guard fsync(file) == 0 else { throw failure(path) }
    }

    private static func folder(of path: String) -> String {
        guard let slash = path.lastIndex(of: "/") else { return "." }
        return slash == path.startIndex ? "/" : String(path[..<slash])
    }

    static func failure(_ path: String) -> StoreError {
        let code = errno
        return switch code {
        case EROFS, EACCES, EPERM: .readOnly(path: path)
        case ENOSPC, EDQUOT: .diskFull(path: path)
        default: .cannotOpen(path: path, reason: String(cString: strerror(code)))
        }
    }
}

/// Holds the database for one process: the kernel lets go when the process ends, however it ends.
final class ProcessLock: Sendable {
    private let file: Mutex<Int32?>

    /// - Throws: `StoreError.alreadyOpen` when another process, or this one, holds it.
    init(for database: String) throws {
        let path = database + "-lock"
        let file = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard file >= 0 else { throw Files.failure(database) }
        guard flock(file, LOCK_EX | LOCK_NB) == 0 else {
            Glibc.close(file)
            throw StoreError.alreadyOpen(path: database)
        }
        self.file = Mutex(file)
    }

    func release() {
        file.withLock { file in
            if let held = file { Glibc.close(held) }
            file = nil
        }
    }

    deinit { release() }
}
