import Glibc
import NIOCore
import SelatControl
import SelatCore
import SelatCrypto
import SelatStore

/// An opened dataset while it is written: under a hidden name, renamed when it is whole and durable,
/// removed otherwise.
final class OpenedFolder {
    private struct File {
        let path: String
        let size: UInt64
        let hash: String?
    }

    private let destination: String
    private let hidden: String
    private var files: [File] = []
    private var index = 0
    private var output: Output?
    private var written: UInt64 = 0
    private var hasher = FileHasher(nil)
    /// All files of a large dataset, for whoever writes them.
    private var made: [SpoolFile] = []
    private var folders: Set<String> = []
    private let unfinished = Unfinished()

    private static let separator = UInt8(ascii: "/")

    /// The file that bytes go to.
    private enum Output {
        case small(Int32)
        case large(LargeFile)
    }

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
        hidden = "\(parent).\(parts.last ?? "").selat-\(getpid())"
        self.destination = trimmed
        let hidden = hidden
        guard unfinished.make(hidden, { mkdir(hidden, 0o700) }) == 0 else {
            throw Ending(.failed, "making folder `\(hidden)`: \(String(cString: strerror(errno)))")
        }
    }

    deinit { if case .small(let descriptor) = output { close(descriptor) } }

    var size: UInt64 { files.reduce(0) { $0 + $1.size } }

    /// Takes the files that will come from a manifest that the daemon has verified.
    func expect(_ descriptor: JSON) throws {
        for resource in descriptor["resources"]?.arrayValue ?? [] {
            guard let path = resource["path"]?.stringValue,
                let size = resource["bytes"]?.integerValue.flatMap({ UInt64(exactly: $0) })
            else { throw Ending(.verificationFailed, "the manifest describes a file without size") }
            // The sealed manifest was checked by the daemon; this process checks again what it is
            // about to trust with the file system: bytes, and not what Swift takes for characters.
            let parts = path.utf8.split(separator: Self.separator, omittingEmptySubsequences: false)
            let isInside = parts.allSatisfy { part in
                !part.isEmpty && !part.elementsEqual(".".utf8) && !part.elementsEqual("..".utf8)
            }
            guard isInside else {
                throw Ending(.verificationFailed, "the manifest names a path outside: `\(path)`")
            }
            files.append(File(path: path, size: size, hash: resource["hash"]?.stringValue))
        }
    }

    func write(_ piece: ByteBuffer) throws {
        var piece = piece
        while piece.readableBytes > 0 {
            try advance()
            guard let output else {
                throw Ending(.verificationFailed, "more bytes came than the manifest describes")
            }
            let left = files[index].size - written
            let count = Int(min(UInt64(piece.readableBytes), left))
            guard let slice = piece.readSlice(length: count) else { return }
            try writeAll(slice, to: output)
            hasher.update(slice.readableBytesView)
            written += UInt64(count)
        }
    }

    /// Opens files until one takes bytes; finishes those that are full.
    private func advance() throws {
        while index < files.count {
            let output = try self.output ?? openFile()
            if written < files[index].size { return }
            try finishFile(output)
        }
    }

    /// Makes all files of a large dataset, of their size.
    /// - Returns: their descriptors, in order, for another to write; nil where the dataset is small, or has more files
    ///   than are handed over.
    func makeAll() throws -> [Int32]? {
        guard size >= LargeFile.bytesMin, files.count <= FileHandover.filesMax else { return nil }
        made = []
        for file in files {
            try makeFolders(of: file.path)
            made.append(try spoolFile("\(hidden)/\(file.path)", file.size))
            index += 1
        }
        index = 0
        return made.map(\.descriptor)
    }

    /// Another has written them all.
    func finishAll() throws {
        for file in made {
            try onDisk { () throws(FileFault) in try file.finish(size: files[index].size) }
            hasher = FileHasher(files[index].hash)
            if files[index].hash != nil { try hash("\(hidden)/\(files[index].path)") }
            index += 1
            try compare(files[index - 1])
        }
        made = []
    }

    private func hash(_ path: String) throws {
        let descriptor = Glibc.open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC)
        guard descriptor >= 0 else { throw fault("reading `\(files[index].path)`") }
        defer { close(descriptor) }
        while true {
            var piece = ByteBuffer()
            let count = piece.writeWithUnsafeMutableBytes(minimumWritableBytes: 1 << 20) { bytes in
                max(0, read(descriptor, bytes.baseAddress, 1 << 20))
            }
            guard count > 0 else { return }
            hasher.update(piece.readableBytesView)
        }
    }

    private func openFile() throws -> Output {
        let path = files[index].path
        let size = files[index].size
        let output: Output
        if index < made.count {
            // Nobody else would write it.
            output = .large(LargeFile(made[index], size: size))
        } else {
            try makeFolders(of: path)
            let made = "\(hidden)/\(path)"
            output =
                size < LargeFile.bytesMin
                ? try smallFile(made) : .large(LargeFile(try spoolFile(made, size), size: size))
        }
        self.output = output
        written = 0
        hasher = FileHasher(files[index].hash)
        return output
    }

    private func makeFolders(of path: String) throws {
        var folder = ""
        for part in path.utf8.split(separator: Self.separator).dropLast() {
            let name = String(Substring(part))
            folder += folder.isEmpty ? name : "/\(name)"
            guard folders.insert(folder).inserted else { continue }
            let made = "\(hidden)/\(folder)"
            guard unfinished.make(made, { mkdir(made, 0o700) }) == 0 else {
                throw fault("making folder `\(folder)`")
            }
        }
    }

    private func smallFile(_ path: String) throws -> Output {
        let descriptor = unfinished.make(path) {
            Glibc.open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0o600)
        }
        guard descriptor >= 0 else { throw fault("making `\(files[index].path)`") }
        return .small(descriptor)
    }

    private func spoolFile(_ path: String, _ size: UInt64) throws -> SpoolFile {
        var made: Result<SpoolFile, FileFault>?
        _ = unfinished.make(path) {
            do throws(FileFault) {
                made = .success(try SpoolFile(creating: path, size: size))
                return 0
            } catch {
                made = .failure(error)
                return -1
            }
        }
        return try onDisk { () throws(FileFault) in
            guard let made else { preconditionFailure("the call was made") }
            return try made.get()
        }
    }

    private func finishFile(_ output: Output) throws {
        let file = files[index]
        switch output {
        case .small(let descriptor):
            guard fdatasync(descriptor) == 0 else { throw fault("writing `\(file.path)`") }
            close(descriptor)
        case .large(let large):
            try onDisk { () throws(FileFault) in try large.finish() }
        }
        self.output = nil
        index += 1
        try compare(file)
    }

    /// With the hash that its descriptor gives.
    private func compare(_ file: File) throws {
        switch hasher.finish() {
        case .matches, .notGiven: break
        case .differs(let expected, let got):
            throw Ending(
                .verificationFailed,
                "`\(file.path)` has \(got), its descriptor says \(expected)",
                hint: "the sender's descriptor is wrong; ask the sender to mend it")
        case .unknownAlgorithm(let name):
            Terminal.warning("`\(file.path)`: hash algorithm `\(name)` is not known; not compared")
        }
    }

    private func writeAll(_ bytes: ByteBuffer, to output: Output) throws {
        switch output {
        case .small(let descriptor): try writeAll(bytes, to: descriptor)
        case .large(let large):
            try bytes.withUnsafeReadableBytes { bytes in
                try onDisk { () throws(FileFault) in try large.write(bytes) }
            }
        }
    }

    private func writeAll(_ bytes: ByteBuffer, to descriptor: Int32) throws {
        try bytes.withUnsafeReadableBytes { bytes in
            var rest = bytes[...]
            while !rest.isEmpty {
                let slice = UnsafeRawBufferPointer(rebasing: rest)
                let count = Glibc.write(descriptor, slice.baseAddress, slice.count)
                if count < 0, errno == EINTR { continue }
                guard count > 0 else { throw fault("writing `\(files[index].path)`") }
                rest = rest.dropFirst(count)
            }
        }
    }

    /// Makes the folder visible under its name, whole and durable.
    func publish(describedBy descriptor: JSON) throws {
        try advance()
        guard index == files.count else {
            throw Ending(.verificationFailed, "fewer bytes came than the manifest describes")
        }
        files.append(File(path: DatasetFolder.descriptorName, size: 0, hash: nil))
        let output = try openFile()
        try writeAll(ByteBuffer(string: descriptor.pretty + "\n"), to: output)
        try finishFile(output)
        for folder in folders.sorted(by: >) { try sync(folder: "\(hidden)/\(folder)") }
        try sync(folder: hidden)
        // A folder that appeared meanwhile and holds anything is not touched: rename(2), ENOTEMPTY.
        guard rename(hidden, destination) == 0 else {
            throw fault("renaming to `\(destination)`")
        }
        unfinished.keep()
        let parent = destination.split(separator: "/", omittingEmptySubsequences: false).dropLast()
        try sync(folder: parent.isEmpty ? "." : parent.joined(separator: "/") + "/")
    }

    private func sync(folder: String) throws {
        let handle = Glibc.open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard handle >= 0 else { throw fault("opening folder `\(folder)`") }
        defer { close(handle) }
        guard fsync(handle) == 0 else { throw fault("syncing folder `\(folder)`") }
    }

    private func onDisk<Value>(_ work: () throws(FileFault) -> Value) throws(Ending) -> Value {
        do throws(FileFault) { return try work() } catch {
            throw fault("\(error.operation) `\(files[index].path)`", error.reason)
        }
    }

    private func fault(_ action: String) -> Ending {
        fault(action, String(cString: strerror(errno)))
    }

    private func fault(_ action: String, _ reason: String) -> Ending {
        Ending(
            .failed, "\(action): \(reason)",
            hint: "nothing was left behind; free space or choose another --out, and open again")
    }
}
