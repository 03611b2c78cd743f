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

        """
    }

    private var keys: [KeyPurpose] {
        KeyPurpose.certified + [.mlkem, .log] + (hasWitness ? [.witness] : [])
    }
}
