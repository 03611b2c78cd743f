import Glibc

/// A folder that appears under its name only when it is whole and durable. Until then it grows under a hidden
/// name beside it, where its owner alone enters; what ends early is removed.
final class NewFolder {
    /// Makes, and removes, what lies in it.
    let unfinished = Unfinished()
    private let destination: String
    private let hidden: String
    private var folders: Set<String> = []

    private static let separator = UInt8(ascii: "/")

    /// - Throws: `Ending` when `destination` exists or cannot be made.
    init(_ destination: String) throws {
        let trimmed = destination.hasSuffix("/") ? String(destination.dropLast()) : destination
        var status = stat()
        guard lstat(trimmed, &status) != 0 else {
            throw Ending(
                .failed, "`\(trimmed)` exists already", hint: "name a folder that does not exist")
        }
        let parts = trimmed.split(separator: "/", omittingEmptySubsequences: false)
        let parent = parts.dropLast().map { "\($0)/" }.joined()
        let hidden = "\(parent).\(parts.last ?? "").selat-\(getpid())"
        self.destination = trimmed
        self.hidden = hidden
        guard unfinished.make(hidden, { mkdir(hidden, 0o700) }) == 0 else {
            throw Ending(.failed, "making folder `\(hidden)`: \(String(cString: strerror(errno)))")
        }
    }

    /// Asked for each path before the daemon gives the first byte: it has checked what it was sent, and this
    /// process checks again what it is about to trust with the file system: bytes, and not what Swift takes for
    /// characters.
    static func requireInside(_ path: String) throws {
        let parts = path.utf8.split(separator: separator, omittingEmptySubsequences: false)
        let isInside = parts.allSatisfy { part in
            !part.isEmpty && !part.elementsEqual(".".utf8) && !part.elementsEqual("..".utf8)
        }
        guard isInside else {
            throw Ending(.verificationFailed, "a path leads out of the folder: `\(path)`")
        }
    }

    /// Where a file of it lies until it appears; the folders above that are made.
    /// - Parameter path: one that `requireInside` lets pass.
    func place(of path: String) throws -> String {
        var folder = ""
        for part in path.utf8.split(separator: Self.separator).dropLast() {
            let name = String(Substring(part))
            folder += folder.isEmpty ? name : "/\(name)"
            guard folders.insert(folder).inserted else { continue }
            let made = "\(hidden)/\(folder)"
            guard unfinished.make(made, { mkdir(made, 0o700) }) == 0 else {
                throw Self.fault("making folder `\(folder)`")
            }
        }
        return "\(hidden)/\(path)"
    }

    /// Makes it visible under its name. Each file in it is durable already.
    func publish() throws {
        for folder in folders.sorted(by: >) { try Self.sync("\(hidden)/\(folder)") }
        try Self.sync(hidden)
        // A folder that appeared meanwhile and holds anything is not touched: rename(2), ENOTEMPTY.
        guard rename(hidden, destination) == 0 else {
            throw Self.fault("renaming to `\(destination)`")
        }
        unfinished.keep()
        let parent = destination.split(separator: "/", omittingEmptySubsequences: false).dropLast()
        try Self.sync(parent.isEmpty ? "." : parent.joined(separator: "/") + "/")
    }

    private static func sync(_ folder: String) throws {
        let handle = Glibc.open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard handle >= 0 else { throw fault("opening folder `\(folder)`") }
        defer { close(handle) }
        guard fsync(handle) == 0 else { throw fault("syncing folder `\(folder)`") }
    }

    private static func fault(_ action: String) -> Ending {
        fault(action, String(cString: strerror(errno)))
    }

    /// Why it was not finished.
    static func fault(_ action: String, _ reason: String) -> Ending {
        Ending(
            .failed, "\(action): \(reason)",
            hint: "nothing was left behind; free space or choose another --out, and try again")
    }
}
