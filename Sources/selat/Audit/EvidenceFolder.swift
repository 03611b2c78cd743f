import Foundation
import SelatEvidence

/// Evidence as it lies on disk.
enum EvidenceFolder {
    static func isFolder(_ path: String) -> Bool {
        var isFolder: ObjCBool = false
        return FileManager.default.fileExists(atPath: path, isDirectory: &isFolder)
            && isFolder.boolValue
    }

    /// Writes the files into a folder that does not exist yet. Details of the log are among them: its owner
    /// alone reads them.
    static func write(_ files: [String: [UInt8]], to path: String) throws {
        for name in files.keys { try NewFolder.requireInside(name) }
        let folder = try NewFolder(path)
        for (name, bytes) in files {
            try NewFile.write(bytes, to: try folder.place(of: name), of: folder.unfinished)
        }
        try folder.publish()
    }

    /// Reads all files of a folder, none of them a link, together at most what evidence may have.
    static func read(_ path: String) throws -> [String: [UInt8]] {
        let keys: Set<URLResourceKey> = [.isRegularFileKey, .isDirectoryKey, .fileSizeKey]
        let folder = URL(filePath: path, directoryHint: .isDirectory).standardizedFileURL
        let folderBytes = folder.path(percentEncoded: false).utf8.count
        guard
            let walk = FileManager.default.enumerator(
                at: folder, includingPropertiesForKeys: Array(keys))
        else { throw Ending(.failed, "folder `\(path)` cannot be read") }
        var files: [String: [UInt8]] = [:]
        var total = 0
        for case let file as URL in walk {
            let values = try file.resourceValues(forKeys: keys)
            if values.isDirectory == true { continue }
            let path = file.path(percentEncoded: false)
            let name = String(decoding: path.utf8.dropFirst(folderBytes), as: UTF8.self)
            guard values.isRegularFile == true else {
                throw Ending(.verificationFailed, "`\(name)` is no regular file")
            }
            total += values.fileSize ?? 0
            guard total <= Evidence.bytesMax, files.count < Evidence.filesMax else {
                throw Ending(.verificationFailed, EvidenceError.tooLarge.description)
            }
            guard let bytes = FileManager.default.contents(atPath: path) else {
                throw Ending(.failed, "reading `\(name)`: \(InputFile.hindrance(path))")
            }
            files[name] = Array(bytes)
        }
        return files
    }
}
