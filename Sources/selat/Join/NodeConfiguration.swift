import SelatCore
import SelatFederation

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
        state: \(state)
        control: \(control)
        listen: {host: \(listen.host), port: \(listen.port)}
        membership: {directory: \(membership), digest: "\(digest)"}
        policies: \(policies)
        keys:
        \(keys.map { "  \($0.rawValue): \(folder.key($0))" }.joined(separator: "\n"))
        sandbox: \(isSandbox ? "yes" : "no")
        \(passphrase.map { "passphrase: \($0)\n" } ?? "")
        """
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
        case .file(let path): "{file: \(path)}"
        case .credential(let name): "{credential: \(name)}"
        }
    }
}
