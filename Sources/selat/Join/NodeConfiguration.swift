import SelatCore
import SelatFederation
import SelatPolicy

/// A new node's `selatd.yaml`.
struct NodeConfiguration {
    let node: NodeID
    let state: String
    let control: String
    let listen: (host: String, port: UInt16)
    let membership: String
    let digest: Digest
    let policies: String
    let folder: NodeFolder
    let hasWitness: Bool
    let isSandbox: Bool
    /// Where the daemon finds the keys' passphrase; nil where they are plain.
    var passphrase: PassphrasePlace?

    var text: String {
        """
        # Made by `selat join`. Every key is explained in README.md, *Configuration*.
        node: \(node)
        state: \(YAMLWord(state))
        control: \(YAMLWord(control))
        listen: {host: \(YAMLWord(listen.host)), port: \(listen.port)}
        membership: {directory: \(YAMLWord(membership)), digest: "\(digest)"}
        policies: \(YAMLWord(policies))
        keys:
        \(keys.map { "  \($0.rawValue): \(YAMLWord(folder.key($0)))" }.joined(separator: "\n"))
        sandbox: \(isSandbox ? "yes" : "no")
        \(passphrase.map { "passphrase: \($0)\n" } ?? "")
        """
    }

    /// The text, once it is known that the daemon reads it: there are characters that no file of Selat's may
    /// hold, in quotes or not.
    func checked() throws -> String {
        let text = text
        var reader = DocumentReader(file: folder.configuration)
        let root = reader.root(
            of: PolicySource(name: folder.configuration, bytes: Array(text.utf8)))
        guard root != nil, reader.problems.isEmpty else {
            let problems = reader.problems.map(\.description).joined(separator: "\n")
            throw Ending(
                .usage, "the configuration could not be read:\n\(problems)",
                hint: "give other paths; nothing was made")
        }
        return text
    }

    private var keys: [KeyPurpose] {
        KeyPurpose.certified + [.mlkem, .log] + (hasWitness ? [.witness] : [])
    }
}

/// Where a configuration says that the passphrase is.
enum PassphrasePlace: CustomStringConvertible {
    case file(String)
    case credential(String)

    var description: String {
        switch self {
        case .file(let path): "{file: \(YAMLWord(path))}"
        case .credential(let name): "{credential: \(YAMLWord(name))}"
        }
    }
}

/// A value in a YAML file; in quotes where a character of it could mean something there.
private struct YAMLWord: CustomStringConvertible {
    let description: String

    init(_ text: String) {
        let escaped = text.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"")
        description = Self.isPlain(text) ? text : "\"\(escaped)\""
    }

    private static func isPlain(_ text: String) -> Bool {
        guard let first = text.utf8.first, isLetter(first) else { return false }
        return text.utf8.allSatisfy { isLetter($0) || "._+~-".utf8.contains($0) }
    }

    /// Of a name or a path.
    private static func isLetter(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x2F...0x39, 0x41...0x5A, 0x61...0x7A: true
        default: false
        }
    }
}
