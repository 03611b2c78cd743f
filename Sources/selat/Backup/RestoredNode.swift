import Glibc
import SelatBackup
import SelatCore

/// The files of a restored node while they are written. Nothing that exists is touched; the
/// configuration, without which no daemon starts, comes last; what fails leaves nothing behind.
final class RestoredNode {
    private let layout: RestoredLayout
    private let owner: Owner?
    /// What was made, in order.
    private var files: [String] = []
    private var folders: [String] = []
    private let unfinished = Unfinished()
    private var descriptor: Int32 = -1

    /// - Throws: `Ending` where there is something already.
    init(_ layout: RestoredLayout, owner: Owner?) throws {
        self.layout = layout
        self.owner = owner
        if let folder = layout.folder {
            guard folder.hasPrefix("/") else {
                throw Ending(
                    .usage, "`\(folder)` stands in the configuration, so it must be absolute")
            }
            try Self.requireEmpty(folder)
        }
        try Self.requireEmpty(layout.state)
        for path in [layout.configuration, "\(layout.membership)/membership.cms"] {
            try Self.requireFree(path)
        }
        for folder in layout.folders { try make(folder.path, isOpen: folder.isOpen) }
    }

    deinit { if descriptor >= 0 { close(descriptor) } }

    // MARK: What is there

    private static func requireFree(_ path: String) throws {
        var status = stat()
        guard lstat(path, &status) != 0 else {
            throw Ending(
                .failed, "`\(path)` exists already",
                hint: "move away what lies there; nothing is overwritten")
        }
    }

    /// A folder that holds nothing, or none.
    private static func requireEmpty(_ path: String) throws {
        guard let folder = opendir(path) else {
            guard errno == ENOENT else { throw fault("opening `\(path)`") }
            return
        }
        defer { closedir(folder) }
        while let entry = readdir(folder) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) { name in
                name.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            guard name == "." || name == ".." else {
                throw Ending(
                    .failed, "`\(path)` is not empty: it holds `\(name)`",
                    hint: "move away what lies there; nothing is overwritten")
            }
        }
    }

    // MARK: Writing

    func write(_ bytes: [UInt8], as part: BackupPath) throws {
        try begin(part)
        try write(bytes)
        try end()
    }

    func begin(_ part: BackupPath) throws {
        let isSecret =
            switch part {
            case .recipient, .list, .record, .revocationLists: false
            default: true
            }
        try open(try layout.checked(part), mode: isSecret ? 0o600 : 0o644)
    }

    private func open(_ path: String, mode: mode_t) throws {
        if let slash = path.lastIndex(of: "/") {
            try make(String(path[..<slash]), isOpen: mode != 0o600)
        }
        descriptor = unfinished.make(path) {
            Glibc.open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode)
        }
        guard descriptor >= 0 else { throw Self.fault("making `\(path)`") }
        files.append(path)
        guard fchmod(descriptor, mode) == 0 else { throw Self.fault("making `\(path)`") }
        if let owner, fchown(descriptor, owner.user, owner.group) != 0 {
            throw Self.fault("giving `\(path)` to its owner")
        }
    }

    func write(_ bytes: [UInt8]) throws {
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { throw Self.fault("writing `\(files.last ?? "")`") }
            rest = rest.dropFirst(count)
        }
    }

    func end() throws {
        guard fsync(descriptor) == 0 else { throw Self.fault("syncing `\(files.last ?? "")`") }
        close(descriptor)
        descriptor = -1
    }

    /// Makes a folder and those above it that are not there.
    private func make(_ path: String, isOpen: Bool) throws {
        guard !path.isEmpty, access(path, F_OK) != 0 else { return }
        if let slash = path.lastIndex(of: "/"), slash != path.startIndex {
            try make(String(path[..<slash]), isOpen: true)
        }
        guard unfinished.make(path, { mkdir(path, isOpen ? 0o755 : 0o700) }) == 0 else {
            throw Self.fault("making `\(path)`")
        }
        folders.append(path)
        guard chmod(path, isOpen ? 0o755 : 0o700) == 0 else { throw Self.fault("making `\(path)`") }
        if let owner, chown(path, owner.user, owner.group) != 0 {
            throw Self.fault("giving `\(path)` to its owner")
        }
    }

    /// Everything is durable before the configuration is.
    func publish(configuration: [UInt8]) throws {
        try sync()
        try open(layout.configuration, mode: 0o644)
        try write(configuration)
        try end()
        try sync()
        unfinished.keep()
    }

    /// A name is durable once the folder above it is, also that of a folder that was made in one that
    /// was there.
    private func sync() throws {
        let above = (files + folders).map { path in
            let parent = path.split(separator: "/").dropLast().map { "/\($0)" }.joined()
            return parent.isEmpty ? "/" : parent
        }
        for folder in Set(above + folders) {
            let handle = Glibc.open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
            guard handle >= 0 else { throw Self.fault("opening `\(folder)`") }
            defer { close(handle) }
            guard fsync(handle) == 0 else { throw Self.fault("syncing `\(folder)`") }
        }
    }

    private static func fault(_ action: String) -> Ending {
        Ending(
            .failed, "\(action): \(String(cString: strerror(errno)))",
            hint: "nothing was left behind")
    }
}

/// A user of this machine, to whom restored files are given.
struct Owner {
    let user: uid_t
    let group: gid_t

    /// - Throws: `Ending` for a name that the machine does not know.
    init(named name: String) throws {
        errno = 0
        guard let entry = getpwnam(name) else {
            throw Ending(
                .usage, "this machine has no user `\(name)`",
                hint: "install the package first: it makes the daemon's user")
        }
        (user, group) = (entry.pointee.pw_uid, entry.pointee.pw_gid)
    }
}
