package import SelatAudit
package import SelatCore
package import SelatFederation

// Which keys of the members' records count for which log (Audit.docc, *Quorum*).

extension Federation {
    /// The nodes of other countries that cosign the logs of `country`, with their keys.
    package func witnesses(of country: Country) -> [NodeID: CosignerKey] {
        allWitnesses.filter { $0.key.country != country }
    }

    /// The nodes whose witness key is in the record of another node too, ordered.
    package var contestedWitnesses: [NodeID] {
        let claims = Dictionary(grouping: allWitnesses, by: \.value.key)
        return claims.values.filter { $0.count > 1 }.joined().map(\.key).sorted()
    }

    private var allWitnesses: [NodeID: CosignerKey] {
        var keys: [NodeID: CosignerKey] = [:]
        for node in nodes.values where node.roles.contains(.witness) {
            // A key that is none, or another's name, never votes.
            guard let text = node.witnessKey, let key = try? CosignerKey(text),
                key.name == CosignerKey.name(federation: id, node: node.id)
            else { continue }
            keys[node.id] = key
        }
        return keys
    }

    /// The quorum that makes a checkpoint of a node of `country` a witnessed one.
    /// - Throws: `AuditError.malformed` for more witnesses than a policy holds.
    package func witnessPolicy(of country: Country) throws(AuditError) -> LogPolicy {
        var voting: [Country: [CosignerKey]] = [:]
        for (node, key) in witnesses(of: country).sorted(by: { $0.key < $1.key }) {
            voting[node.country, default: []].append(key)
        }
        return try .countries(voting, atLeast: records[country]?.witnessQuorum)
    }

    /// The node whose log an origin names, and that log's key.
    /// - Returns: nil for an origin of no node of this federation.
    package func log(of origin: String) -> (node: NodeID, key: VerifierKey)? {
        guard let id = Self.node(of: origin), let node = nodes[id],
            let key = try? VerifierKey(node.logKey).ofEpoch(in: origin)
        else { return nil }
        return (id, key)
    }

    /// The key of a node's log, also of a node that the list cuts off.
    /// - Returns: nil for an origin that is another's, or a node that no record lists.
    func logKey(of id: NodeID, in origin: String) -> VerifierKey? {
        guard Self.node(of: origin) == id,
            let node = records[id.country]?.nodes.first(where: { $0.id == id })
        else { return nil }
        return try? VerifierKey(node.logKey).ofEpoch(in: origin)
    }

    private static func node(of origin: String) -> NodeID? {
        let parts = origin.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count == 5 else { return nil }
        return try? NodeID("\(parts[2])/\(parts[3])")
    }
}

extension LogPolicy {
    /// Whether a note is a checkpoint that the quorum has cosigned.
    package func isWitnessed(_ note: [UInt8]) -> Bool {
        guard quorum != nil, let signed = try? SignedNote(parsing: note),
            let standing = try? standing(of: signed)
        else { return false }
        return standing.isWitnessed
    }
}
