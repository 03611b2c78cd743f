import Foundation
import SelatEvidence

/// Evidence as it lies on disk.
enum EvidenceFolder {
    static func isFolder(_ path: String) -> Bool {
        var isFolder: ObjCBool = false
        return FileManager.default.fileExists(atPath: path, isDirectory: &isFolder)
            && isFolder.boolValue
    }

    /// Writes the files below a hidden name and renames it when all are there.
    static func write(_ files: [String: [UInt8]], to path: String) throws {
        let manager = FileManager.default
        let folder = URL(filePath: path, directoryHint: .isDirectory).standardizedFileURL
        guard !manager.fileExists(atPath: folder.path()) else {
            throw Ending(
                .failed, "`\(path)` exists already", hint: "name a folder that does not exist")
        }
        let hidden = folder.deletingLastPathComponent()
            .appending(path: ".\(folder.lastPathComponent).selat-\(getpid())")
        do {
            try manager.createDirectory(at: hidden, withIntermediateDirectories: false)
            for (name, bytes) in files {
                let file = hidden.appending(path: name)
                try manager.createDirectory(
                    at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
                try Data(bytes).write(to: file, options: .withoutOverwriting)
            }
            try manager.moveItem(at: hidden, to: folder)
        } catch {
            try? manager.removeItem(at: hidden)
            throw Ending(.failed, "writing `\(path)`: \(error.localizedDescription)")
        }
    }

    /// Reads all files of a folder, none of them a link, together at most what evidence may have.
    static func read(_ path: String) throws -> [String: [UInt8]] {
        let keys: Set<URLResourceKey> = [.isRegularFileKey, .isDirectoryKey, .fileSizeKey]
        let folder = URL(filePath: path, directoryHint: .isDirectory).standardizedFileURL
        guard
            let walk = FileManager.default.enumerator(
                at: folder, includingPropertiesForKeys: Array(keys))
        else { throw Ending(.failed, "folder `\(path)` cannot be read") }
        var files: [String: [UInt8]] = [:]
        var total = 0
        for case let file as URL in walk {
            let values = try file.resourceValues(forKeys: keys)
            if values.isDirectory == true { continue }
            let name = String(file.path().dropFirst(folder.path().count))
            guard values.isRegularFile == true else {
                throw Ending(.verificationFailed, "`\(name)` is no regular file")
            }
            total += values.fileSize ?? 0
            guard total <= Evidence.bytesMax, files.count < Evidence.filesMax else {
                throw Ending(.verificationFailed, EvidenceError.tooLarge.description)
            }
            guard let bytes = FileManager.default.contents(atPath: file.path()) else {
                throw Ending(
                    .failed, "reading `\(name)`: \(InputFile.hindrance(file.path()))")
            }
            files[name] = Array(bytes)
        }
        return files
    }
}
