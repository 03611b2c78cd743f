import Foundation
import SelatCore

/// A dataset on the operator's disk: one file, or a folder with sub-folders.
///
/// `selat` reads it itself and streams it; the daemon never sees a path.
struct DatasetFolder {
    struct File {
        /// Relative, with `/`, as it will stand in the dataset.
        let path: String
        /// Where it lies here.
        let location: String
        let size: UInt64
    }

    let files: [File]
    /// The sender's own `datapackage.json`, when the folder has one.
    let descriptor: JSON?

    var size: UInt64 { files.reduce(0) { $0 + $1.size } }

    /// - Throws: `Ending` for what cannot be a dataset, naming the file.
    init(_ path: String) throws {
        let location = path.count > 1 && path.hasSuffix("/") ? String(path.dropLast()) : path
        switch try Self.kind(of: location) {
        case .file(let size):
            let name = location.split(separator: "/").last.map(String.init) ?? location
            files = [File(path: name, location: location, size: size)]
            descriptor = nil
        case .folder:
            var found: [File] = []
            try Self.walk(location, as: "", into: &found)
            descriptor = try found.first { $0.path == Self.descriptorName }.map(Self.readDescriptor)
            files =
                found.filter { $0.path != Self.descriptorName }
                .sorted { $0.path.utf8.lexicographicallyPrecedes($1.path.utf8) }
            guard !files.isEmpty else {
                throw Ending(
                    .failed, "`\(location)` holds no file", hint: "a dataset has one at least")
            }
        }
    }

    static let descriptorName = "datapackage.json"

    private enum Kind {
        case file(UInt64)
        case folder
    }

    private static func kind(of location: String) throws -> Kind {
        var status = stat()
        guard lstat(location, &status) == 0 else {
            throw Ending(.failed, "reading `\(location)`: \(String(cString: strerror(errno)))")
        }
        switch status.st_mode & S_IFMT {
        case S_IFREG: return .file(UInt64(status.st_size))
        case S_IFDIR: return .folder
        case S_IFLNK:
            throw Ending(
                .failed, "`\(location)` is a link", hint: "a dataset holds files; name the target")
        default:
            throw Ending(
                .failed, "`\(location)` is neither a file nor a folder",
                hint: "a dataset holds regular files only")
        }
    }

    private static func walk(_ folder: String, as prefix: String, into found: inout [File]) throws {
        let names: [String]
        do {
            names = try FileManager.default.contentsOfDirectory(atPath: folder)
        } catch {
            throw Ending(.failed, "reading folder `\(folder)`: \(error.localizedDescription)")
        }
        for name in names {
            let location = "\(folder)/\(name)"
            switch try kind(of: location) {
            case .file(let size):
                found.append(File(path: prefix + name, location: location, size: size))
            case .folder: try walk(location, as: "\(prefix)\(name)/", into: &found)
            }
            guard found.count <= Limits.resourcesMax else {
                throw Ending(
                    .failed, "`\(folder)` has more than \(Limits.resourcesMax) files",
                    hint: "pack them into fewer files, or send folder by folder")
            }
        }
    }

    private static func readDescriptor(_ file: File) throws -> JSON {
        do {
            let bytes = try Data(contentsOf: URL(filePath: file.location))
            return try JSON(parsing: Array(bytes))
        } catch let error as CoreError {
            throw Ending(
                .failed, "`\(file.location)`: \(error)",
                hint: "write numbers in a descriptor as integers or as strings")
        }
    }

    // MARK: The descriptor that travels

    /// The Data Package descriptor: what the sender's own says of each file, completed with path,
    /// bytes, name and media type.
    func dataPackage(title: String?) throws -> JSON {
        var package = descriptor?.objectValue ?? [:]
        var described: [String: JSON.Object] = [:]
        for resource in package["resources"]?.arrayValue ?? [] {
            guard let members = resource.objectValue, let path = members["path"]?.stringValue else {
                throw Ending(
                    .failed, "\(Self.descriptorName): a resource without a single `path`",
                    hint: "describe each file by its own resource, with `path` as one string")
            }
            described[path] = members
        }
        var names: Set<String> = []
        var resources: [JSON] = []
        for file in files {
            var members = described.removeValue(forKey: file.path) ?? [:]
            members["path"] = .string(file.path)
            members["bytes"] = .integer(file.size)
            let name = members["name"]?.stringValue ?? Self.name(of: file.path, besides: names)
            names.insert(name)
            members["name"] = .string(name)
            if members["mediatype"] == nil, let mediaType = Self.mediaType(of: file.path) {
                members["mediatype"] = .string(mediaType)
            }
            resources.append(.object(members))
        }
        if let absent = described.keys.min() {
            throw Ending(
                .failed, "\(Self.descriptorName) describes `\(absent)`, which is not in the folder",
                hint: "add the file, or take its resource out of the descriptor")
        }
        package["resources"] = .array(resources)
        if let title { package["title"] = .string(title) }
        return .object(package)
    }

    /// A resource's name: the path in lower case, with what a name may not hold replaced.
    static func name(of path: String, besides taken: Set<String> = []) -> String {
        let base = String(
            path.lowercased().map { letter in
                letter.isASCII && (letter.isLetter || letter.isNumber || "-_.".contains(letter))
                    ? letter : "-"
            })
        guard taken.contains(base) else { return base }
        var count = 2
        while taken.contains("\(base)-\(count)") { count += 1 }
        return "\(base)-\(count)"
    }

    /// What a path's ending says of the file.
    static func mediaType(of path: String) -> String? {
        let types = [
            "csv": "text/csv", "json": "application/json", "geojson": "application/geo+json",
            "xml": "application/xml", "cap": "application/cap+xml", "txt": "text/plain",
            "pdf": "application/pdf", "parquet": "application/vnd.apache.parquet",
            "png": "image/png", "jpg": "image/jpeg", "zip": "application/zip",
        ]
        return path.split(separator: ".").last.flatMap { types[$0.lowercased()] }
    }
}
