import Dispatch
import Glibc
package import SelatCore

/// The spool: sealed payloads and heads of the transfers that the database names. The parts of small ones lie
/// in the database itself (`Transaction.keep`).
///
/// Files are named `out.ID.part`, `in.CC-name.ID.part` and `via.CC-name.ID.part`; nothing in them is in plain. The folder is
/// not trusted: every byte is verified when it is used.
package final class SpoolFolder: Sendable {
    package let path: String
    private let queue = DispatchQueue(label: "selat-spool", attributes: .concurrent)

    /// One part of one transfer.
    package struct Name: Hashable, Sendable, CustomStringConvertible {
        package enum Part: String, Sendable, CaseIterable { case head, leaves, payload }

        package let transfer: TransferID
        /// Whose the transfer is; nil for what this node sends.
        package let from: NodeID?
        let direction: Direction

        enum Direction: String, CaseIterable {
            case outbound = "out"
            case inbound = "in"
            case relayed = "via"
        }

        static let prefixes = Direction.allCases.map { "\($0.rawValue)." }

        package init(outbound transfer: TransferID) {
            self.transfer = transfer
            from = nil
            direction = .outbound
        }

        package init(inbound transfer: TransferID, from: NodeID) {
            self.transfer = transfer
            self.from = from
            direction = .inbound
        }

        package init(relayed transfer: TransferID, from: NodeID) {
            self.transfer = transfer
            self.from = from
            direction = .relayed
        }

        /// Reads what `description` gives; nil for anything else.
        init?(_ text: Substring) {
            let parts = text.split(separator: ".", omittingEmptySubsequences: false)
            guard let direction = Direction(rawValue: String(parts[0])),
                parts.count == (direction == .outbound ? 2 : 3),
                let transfer = try? TransferID(String(parts[parts.count - 1]))
            else { return nil }
            self.direction = direction
            self.transfer = transfer
            guard direction != .outbound else {
                from = nil
                return
            }
            let owner = parts[1].split(separator: "-", maxSplits: 1)
            guard owner.count == 2, let node = try? NodeID("\(owner[0])/\(owner[1])") else {
                return nil
            }
            from = node
        }

        package var description: String {
            let owner = from.map { "\($0.country)-\($0.name)." } ?? ""
            return "\(direction.rawValue).\(owner)\(transfer)"
        }
    }

    /// - Parameter path: an existing folder that only the daemon's user can enter.
    package init(_ path: String) { self.path = path }

    package func path(of name: Name, _ part: Name.Part) -> String {
        "\(path)/\(name).\(part.rawValue)"
    }

    /// Makes durable which files there are.
    package func syncNames() async throws(FileFault) {
        let path = "\(path)/"
        try await onDisk { () throws(FileFault) in try DirectFile.syncFolder(of: path) }
    }

    /// Writes a small part, replacing what was there; file and folder are durable when it returns.
    package func write(_ bytes: [UInt8], to name: Name, _ part: Name.Part) async throws(FileFault) {
        let destination = path(of: name, part)
        try await onDisk { () throws(FileFault) in
            try Self.write(bytes, to: destination)
            try DirectFile.syncFolder(of: destination)
        }
    }

    /// Makes an empty payload in place of what a crash may have left. Its name is durable with the
    /// next `write`.
    /// - Returns: the file, of which nothing is written yet.
    /// - Throws: `FileFault`, ENOSPC also where little more than the payload would have room: the
    ///   database needs some, and so do the transfers that are under way.
    @discardableResult
    package func makePayload(
        of name: Name, size: UInt64
    ) async throws(FileFault) -> SpoolFile {
        let destination = path(of: name, .payload)
        let folder = path
        return try await onDisk { () throws(FileFault) -> SpoolFile in
            unlink(destination)
            let (free, total) = try Self.room(in: folder)
            let reserve = min(total / 20, 256 << 20)
            guard size <= free - min(reserve, free) else {
                throw FileFault("reserving \(size) bytes in", folder, code: ENOSPC)
            }
            return try SpoolFile(creating: destination, size: size)
        }
    }

    /// Where files have second names while a backup reads them: in the spool, since a link stays within
    /// one file system.
    var linkFolder: String { "\(path)/backup" }

    /// Gives the files of a transfer second names, so that they stay although it ends.
    /// - Parameter payload: how much of the payload is taken; nil for all.
    /// - Returns: nothing where the payload is gone; a head that was never released is no loss.
    func link(
        _ name: Name, payload: UInt64?
    ) throws(FileFault) -> [StoreCopy.SpooledFile] {
        var files: [StoreCopy.SpooledFile] = []
        // The payload first: it is made before the others, and removed after them.
        for part in [Name.Part.payload, .leaves, .head] {
            let file = "\(name).\(part.rawValue)"
            let linked = "\(linkFolder)/\(file)"
            if Glibc.link("\(path)/\(file)", linked) != 0 {
                guard errno == ENOENT else { throw .latest("linking", "\(path)/\(file)") }
                if part == .payload { return [] }
                continue
            }
            var status = stat()
            guard lstat(linked, &status) == 0 else { throw .latest("reading", linked) }
            let size = UInt64(status.st_size)
            files.append(
                StoreCopy.SpooledFile(
                    name: file, path: linked,
                    size: part == .payload ? min(payload ?? size, size) : size))
        }
        return files
    }

    /// Bytes that are free to the daemon beside what lies there.
    package func room() throws(FileFault) -> UInt64 { try Self.room(in: path).free }

    /// The same, and the size of the file system.
    package func space() throws(FileFault) -> (free: UInt64, total: UInt64) {
        try Self.room(in: path)
    }

    private static func room(in folder: String) throws(FileFault) -> (free: UInt64, total: UInt64) {
        var system = statvfs()
        guard statvfs(folder, &system) == 0 else { throw .latest("asking for room in", folder) }
        let unit = UInt64(system.f_frsize)
        return (UInt64(system.f_bavail) * unit, UInt64(system.f_blocks) * unit)
    }

    /// Reads a small part.
    package func read(_ name: Name, _ part: Name.Part) async throws(FileFault) -> [UInt8] {
        let source = path(of: name, part)
        return try await onDisk { () throws(FileFault) in try Self.read(source) }
    }

    /// Removes all parts of a transfer; parts that are not there are no fault.
    package func remove(_ name: Name) async {
        let parts = Name.Part.allCases.map { path(of: name, $0) }
        // What a daemon left that ended while it wrote one.
        let paths = parts + parts.map(Self.hidden)
        await withCheckedContinuation { continuation in
            queue.async {
                for path in paths { unlink(path) }
                continuation.resume()
            }
        }
    }

    /// Removes every file that belongs to no transfer: what a crash left between the file and the commit
    /// that would have named it. Blocks on the disk.
    /// - Parameter isOurs: whether there is a transfer of that name that has files.
    /// - Returns: how many were removed.
    package func removeAll(unless isOurs: (Name) throws -> Bool) rethrows -> Int {
        guard let folder = opendir(path) else { return 0 }
        defer { closedir(folder) }
        var removed = 0
        while let entry = readdir(folder) {
            let file = withUnsafePointer(to: &entry.pointee.d_name) { name in
                name.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            guard Name.prefixes.contains(where: file.hasPrefix),
                let dot = file.lastIndex(of: ".")
            else { continue }
            if let name = Name(file[..<dot]), try isOurs(name) { continue }
            if unlink("\(path)/\(file)") == 0 { removed += 1 }
        }
        return removed
    }

    /// Runs blocking work on the spool's own queue, not on the cooperative pool.
    package func onDisk<Value: Sendable>(
        _ work: @escaping @Sendable () throws(FileFault) -> Value
    ) async throws(FileFault) -> Value {
        let result = await withCheckedContinuation {
            (continuation: CheckedContinuation<Result<Value, FileFault>, Never>) in
            queue.async {
                do throws(FileFault) {
                    continuation.resume(returning: .success(try work()))
                } catch {
                    continuation.resume(returning: .failure(error))
                }
            }
        }
        return try result.get()
    }

    /// What a part is called until it is whole.
    private static func hidden(_ path: String) -> String { path + ".new" }

    private static func write(_ bytes: [UInt8], to path: String) throws(FileFault) {
        let hidden = hidden(path)
        do throws(FileFault) {
            try write(bytes, to: path, by: hidden)
        } catch {
            unlink(hidden)
            throw error
        }
    }

    private static func write(
        _ bytes: [UInt8], to path: String, by hidden: String
    ) throws(FileFault) {
        let file = open(hidden, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
        guard file >= 0 else { throw .latest("making", hidden) }
        defer { close(file) }
        var offset = 0
        while offset < bytes.count {
            let count = bytes.withUnsafeBytes { bytes in
                Glibc.write(file, bytes.baseAddress.map { $0 + offset }, bytes.count - offset)
            }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { throw .latest("writing", hidden) }
            offset += count
        }
        guard fsync(file) == 0 else { throw .latest("syncing", hidden) }
        guard rename(hidden, path) == 0 else { throw .latest("renaming to", path) }
    }

    private static func read(_ path: String) throws(FileFault) -> [UInt8] {
        let file = open(path, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { throw .latest("opening", path) }
        defer { close(file) }
        var status = stat()
        guard fstat(file, &status) == 0 else { throw .latest("reading", path) }
        var bytes = [UInt8](repeating: 0, count: Int(status.st_size))
        var offset = 0
        while offset < bytes.count {
            let wanted = bytes.count - offset
            let count = bytes.withUnsafeMutableBytes { bytes in
                Glibc.read(file, bytes.baseAddress.map { $0 + offset }, wanted)
            }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { throw .latest("reading", path) }
            offset += count
        }
        return bytes
    }
}

/// A sealed payload, read piece by piece by one reader.
// SAFETY: `memory` is used by one `read` at a time, which the contract of `read` asks for, and only
// inside it; it is freed when nobody can call `read` any more.
package final class SpoolStream: @unchecked Sendable {
    package static let pieceBytes: UInt64 = 1 << 20

    package let size: UInt64
    private let source: any SegmentSource
    private let folder: SpoolFolder
    private let memory: UnsafeMutableRawBufferPointer

    /// A payload that is a file.
    package convenience init(_ path: String, in folder: SpoolFolder) throws(FileFault) {
        let reader = try SpoolReader(path)
        self.init(reader, size: reader.size, in: folder)
    }

    /// A payload that came out of the database.
    package convenience init(_ payload: StoredPayload, in folder: SpoolFolder) {
        self.init(payload, size: UInt64(payload.bytes.count), in: folder)
    }

    private init(_ source: any SegmentSource, size: UInt64, in folder: SpoolFolder) {
        self.source = source
        self.size = size
        self.folder = folder
        memory = .allocate(
            byteCount: Int(min(size, Self.pieceBytes)) + 2 * SegmentBlocks.bytes,
            alignment: SegmentBlocks.bytes)
        memory.initializeMemory(as: UInt8.self, repeating: 0)
    }

    deinit { memory.deallocate() }

    /// Reads `range`, at most `pieceBytes`. One call at a time.
    /// - Parameter take: gets the bytes, which are gone when it returns.
    package func read<Value: Sendable>(
        _ range: Range<UInt64>, _ take: @escaping @Sendable (RawSpan) -> Value
    ) async throws(FileFault) -> Value {
        precondition(range.count <= Int(Self.pieceBytes), "a piece has a limit")
        return try await folder.onDisk { () throws(FileFault) in
            var span = self.memory.mutableBytes
            let start = try self.source.read(range, into: &span)
            return take(self.memory.bytes.extracting(start..<start + range.count))
        }
    }
}
