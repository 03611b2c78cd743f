import Glibc

/// Files and folders that a verb makes. What lies there already is somebody's, and never overwritten; a verb
/// that renews a file replaces it as a whole.
enum NewFile {
    /// Makes a folder that only its owner enters; one that is there is taken.
    static func makeFolder(_ path: String) throws {
        guard mkdir(path, 0o700) == 0 || errno == EEXIST else {
            throw Ending(.failed, "making `\(path)`: \(String(cString: strerror(errno)))")
        }
    }

    /// Asked before the first of several files is made, so that none lies beside those of an earlier try.
    /// - Throws: `Ending` where something has one of the names.
    static func requireFree(_ paths: [String]) throws {
        for path in paths {
            var status = stat()
            guard lstat(path, &status) != 0 else { throw refusal(path, EEXIST) }
        }
    }

    /// Writes a file that is durable when this returns.
    /// - Parameters:
    ///   - mode: who may read it; the owner alone where nothing is said.
    ///   - unfinished: what removes it again where the verb does not end well; nil where it stays.
    static func write(
        _ bytes: [UInt8], to path: String, mode: mode_t = 0o600, of unfinished: Unfinished? = nil
    ) throws {
        let make = { Glibc.open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode) }
        let file = unfinished?.make(path, make) ?? make()
        guard file >= 0 else { throw refusal(path, errno) }
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

    static func write(
        _ text: String, to path: String, mode: mode_t = 0o644, of unfinished: Unfinished? = nil
    ) throws {
        try write(Array(text.utf8), to: path, mode: mode, of: unfinished)
    }

    /// Puts a file that all may read, whole or not at all, in the place of what has its name.
    static func replace(_ path: String, by bytes: [UInt8]) throws {
        let hidden = "\(path).\(getpid())"
        do {
            try write(bytes, to: hidden, mode: 0o644)
            guard rename(hidden, path) == 0 else { throw fault("writing", path) }
        } catch {
            unlink(hidden)
            throw error
        }
    }

    /// Gives a finished file its name, unless something has that.
    /// - Returns: false where it has none, with `errno`. The hidden name may be there still.
    static func name(_ hidden: String, as path: String) -> Bool {
        // A link, unlike a rename, does not touch a file that appeared meanwhile.
        if link(hidden, path) == 0 { return true }
        // The file systems of couriers' media have none: link(2), EPERM.
        guard errno == EPERM else { return false }
        var status = stat()
        guard lstat(path, &status) != 0 else {
            errno = EEXIST
            return false
        }
        return rename(hidden, path) == 0
    }

    private static func refusal(_ path: String, _ code: Int32) -> Ending {
        Ending(
            .failed, "making `\(path)`: \(String(cString: strerror(code)))",
            hint: code == EEXIST ? "name another folder; nothing is overwritten" : nil)
    }

    private static func fault(_ action: String, _ path: String) -> Ending {
        Ending(.failed, "\(action) `\(path)`: \(String(cString: strerror(errno)))")
    }
}
