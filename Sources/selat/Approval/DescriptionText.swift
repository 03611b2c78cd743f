import SelatCore
import SelatCrypto
import SelatEnvelope

/// What else the sender's descriptor says: an officer signs it too, and it leaves with the files.
enum DescriptionText {
    /// What is said of the dataset besides its title.
    static func lines(_ dataset: DatasetDescription) -> [String] {
        var members = dataset.others
        if dataset.title != nil { members["title"] = nil }
        if members["$schema"]?.stringValue == DatasetDescription.profile {
            members["$schema"] = nil
        }
        return lines(members)
    }

    /// What is said of a file besides its path and size, and besides what follows from the path.
    static func lines(_ resource: Resource) -> [String] {
        var members = resource.others
        let path = resource.path.text
        if let mediaType = resource.mediaType, mediaType == DatasetFolder.mediaType(of: path) {
            members["mediatype"] = nil
        }
        members["hash"] = resource.hash.map { .string($0) }
        if resource.name != DatasetFolder.name(of: path) {
            members["name"] = .string(resource.name)
        }
        return lines(members)
    }

    private static func lines(_ members: JSON.Object) -> [String] {
        members.map { name, value in
            // As JSON, a member is one line, whatever its name or value holds.
            let text = JSON.object([name: value]).canonical.dropFirst().dropLast()
            let shown = Terminal.plain(String(decoding: text.prefix(bytesMax), as: UTF8.self))
            guard text.count > bytesMax else { return "also leaves \(shown)" }
            // The sign that it is cut stands before it, where no text can pretend it.
            return
                "also leaves \(text.count) bytes, \(SHA256.digest(text)), cut after \(bytesMax): "
                + "\(shown)…"
        }
    }

    /// How much of a member is shown.
    private static let bytesMax = 2_048
}
