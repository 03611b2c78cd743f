package import SelatCore

/// One file of a dataset.
package struct Resource: Hashable, Sendable {
    package let name: String
    package let path: DatasetPath
    package let bytes: UInt64
    /// Compared at opening; `sha256:…`, `sha512:…`, `sha1:…`, or MD5 without a prefix.
    package let hash: String?
    /// All other members of the resource's description, as the sender gave them.
    package let others: JSON.Object

    package init(
        name: String, path: DatasetPath, bytes: UInt64, hash: String? = nil,
        others: JSON.Object = [:]
    ) {
        self.name = name
        self.path = path
        self.bytes = bytes
        self.hash = hash
        self.others = others
    }

    package var mediaType: String? { others["mediatype"]?.stringValue }

    var json: JSON {
        var members = others
        members["name"] = .string(name)
        members["path"] = .string(path.text)
        members["bytes"] = .integer(bytes)
        if let hash { members["hash"] = .string(hash) }
        return .object(members)
    }

    init(json: JSON) throws(EnvelopeError) {
        guard var members = json.objectValue else {
            throw .malformed("manifest", "a resource is not an object")
        }
        guard let path = members.removeValue(forKey: "path")?.stringValue,
            members["data"] == nil
        else { throw .malformed("manifest", "a resource has not exactly one path") }
        let size = members.removeValue(forKey: "bytes")?.integerValue
        guard let size, let bytes = UInt64(exactly: size) else {
            throw .malformed("manifest", "resource `\(path)` lacks its number of bytes")
        }
        self.path = try DatasetPath(path)
        self.bytes = bytes
        let hash = members.removeValue(forKey: "hash")
        self.hash = hash?.stringValue
        guard (hash == nil) == (self.hash == nil) else {
            throw .malformed("manifest", "the hash of resource `\(path)` is not a string")
        }
        guard let name = members.removeValue(forKey: "name")?.stringValue, !name.isEmpty else {
            throw .malformed("manifest", "resource `\(path)` lacks a name")
        }
        self.name = name
        others = members
    }
}

/// A dataset as its Data Package v2 descriptor tells it: files in the order of the payload.
package struct DatasetDescription: Hashable, Sendable {
    package let resources: [Resource]
    /// The descriptor's other members, such as `title` and `licenses`, as the sender gave them.
    package let others: JSON.Object

    /// - Throws: `EnvelopeError.unsafePath` for paths that do not go together, `.malformed` for no
    ///   or too many resources and for names that stand twice.
    package init(
        resources: [Resource], others: JSON.Object = [:]
    ) throws(EnvelopeError) {
        guard (1...Limits.resourcesMax).contains(resources.count) else {
            throw .malformed("manifest", "not 1 to \(Limits.resourcesMax) resources")
        }
        try DatasetPath.checkTogether(resources.map(\.path))
        var room = Limits.payloadBytesMax
        for resource in resources {
            guard resource.bytes <= room else {
                throw .malformed("manifest", "over \(Limits.payloadBytesMax) bytes")
            }
            room -= resource.bytes
        }
        self.resources = resources
        self.others = others
        guard Set(resources.map(\.name)).count == resources.count else {
            throw .malformed("manifest", "two resources have one name")
        }
        if let title, title.utf8.count > Limits.titleBytesMax {
            throw .malformed("manifest", "title over \(Limits.titleBytesMax) bytes")
        }
    }

    package var title: String? { others["title"]?.stringValue }
    package var totalBytes: UInt64 { resources.reduce(0) { $0 + $1.bytes } }

    /// The descriptor's members but `selat`.
    var members: JSON.Object {
        var members = others
        members["resources"] = .array(resources.map(\.json))
        return members
    }

    /// The descriptor, as it lies beside the opened files.
    package var json: JSON { .object(members) }

    /// - Parameter json: a descriptor with `bytes` for each resource.
    package init(json: JSON) throws(EnvelopeError) {
        guard var members = json.objectValue,
            let list = members.removeValue(forKey: "resources")?.arrayValue
        else { throw .malformed("manifest", "not an object with `resources`") }
        guard list.count <= Limits.resourcesMax else {
            throw .malformed("manifest", "over \(Limits.resourcesMax) resources")
        }
        var resources: [Resource] = []
        for element in list { resources.append(try Resource(json: element)) }
        try self.init(resources: resources, others: members)
    }

    /// The `$schema` that a node gives a descriptor of its own that does not say.
    package static let profile = "https://datapackage.org/profiles/2.0/datapackage.json"
}
