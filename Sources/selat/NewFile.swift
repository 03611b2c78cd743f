import Glibc

/// Files and folders that a verb makes and never overwrites: what lies there already is somebody's.
enum NewFile {
    /// Makes a folder that only its owner enters; one that is there is taken.
    static func makeFolder(_ path: String) throws {
        guard mkdir(path, 0o700) == 0 || errno == EEXIST else {
            throw Ending(.failed, "making `\(path)`: \(String(cString: strerror(errno)))")
        }
    }

    /// Writes a file that is durable when this returns.
    /// - Parameter mode: who may read it; the owner alone where nothing is said.
    static func write(_ bytes: [UInt8], to path: String, mode: mode_t = 0o600) throws {
        let file = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode)
        guard file >= 0 else {
            let reason = String(cString: strerror(errno))
            throw Ending(
                .failed, "making `\(path)`: \(reason)",
                hint: errno == EEXIST ? "name another folder; nothing is overwritten" : nil)
        }
        defer { close(file) }
        // The umask may be stricter than what is meant for others to read.
        guard fchmod(file, mode) == 0 else { throw fault("making", path) }
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { Glibc.write(file, $0.baseAddress, $0.count) }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { throw fault("writing", path) }
            rest = rest.dropFirst(count)
        }
        guard fsync(file) == 0 else { throw fault("syncing", path) }
    }

    static func write(_ text: String, to path: String, mode: mode_t = 0o644) throws {
        try write(Array(text.utf8), to: path, mode: mode)
    }

    private static func fault(_ action: String, _ path: String) -> Ending {
        Ending(.failed, "\(action) `\(path)`: \(String(cString: strerror(errno)))")
    }
}
