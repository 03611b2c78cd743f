import Glibc
import NIOCore
import SelatControl
import SelatCore
import SelatCrypto
import SelatStore

/// An opened dataset while it is written.
final class OpenedFolder {
    private struct File {
        let path: String
        let size: UInt64
        let hash: String?
    }

    private let folder: NewFolder
    private var files: [File] = []
    private var index = 0
    private var output: Output?
    private var written: UInt64 = 0
    private var hasher = FileHasher(nil)
    /// All files of a large dataset, for whoever writes them.
    private var made: [SpoolFile] = []

    /// The file that bytes go to.
    private enum Output {
        case small(Int32)
        case large(LargeFile)
    }

    /// - Throws: `Ending` when `destination` exists or cannot be made.
    init(_ destination: String) throws { folder = try NewFolder(destination) }

    deinit { if case .small(let descriptor) = output { close(descriptor) } }

    var size: UInt64 { files.reduce(0) { $0 + $1.size } }

    /// Takes the files that will come from a manifest that the daemon has verified.
    func expect(_ descriptor: JSON) throws {
        for resource in descriptor["resources"]?.arrayValue ?? [] {
            guard let path = resource["path"]?.stringValue,
                let size = resource["bytes"]?.integerValue.flatMap({ UInt64(exactly: $0) })
            else { throw Ending(.verificationFailed, "the manifest describes a file without size") }
            try NewFolder.requireInside(path)
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
            made.append(try spoolFile(try folder.place(of: file.path), file.size))
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
            if files[index].hash != nil { try hash(try folder.place(of: files[index].path)) }
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
            let made = try folder.place(of: path)
            output =
                size < LargeFile.bytesMin
                ? try smallFile(made) : .large(LargeFile(try spoolFile(made, size), size: size))
        }
        self.output = output
        written = 0
        hasher = FileHasher(files[index].hash)
        return output
    }

    private func smallFile(_ path: String) throws -> Output {
        let descriptor = folder.unfinished.make(path) {
            Glibc.open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0o600)
        }
        guard descriptor >= 0 else { throw fault("making `\(files[index].path)`") }
        return .small(descriptor)
    }

    private func spoolFile(_ path: String, _ size: UInt64) throws -> SpoolFile {
        var made: Result<SpoolFile, FileFault>?
        _ = folder.unfinished.make(path) {
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
        try folder.publish()
    }

    private func onDisk<Value>(_ work: () throws(FileFault) -> Value) throws(Ending) -> Value {
        do throws(FileFault) { return try work() } catch {
            throw NewFolder.fault("\(error.operation) `\(files[index].path)`", error.reason)
        }
    }

    private func fault(_ action: String) -> Ending {
        NewFolder.fault(action, String(cString: strerror(errno)))
    }
}
