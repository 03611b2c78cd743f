package import SelatAudit
package import SelatCore
import SelatCrypto
package import SelatFederation

// Which keys of the members' records count for which log (Audit.docc, *Quorum*).

extension Federation {
    /// The nodes of other countries that cosign the logs of `country`, with their keys.
    package func witnesses(of country: Country) -> [NodeID: CosignerKey] {
        let (keys, contested) = witnessKeys
        return keys.filter { $0.key.country != country && !contested.contains($0.value.key) }
    }

    /// The nodes whose witness key is in the record of another node too, ordered.
    package var contestedWitnesses: [NodeID] {
        let (keys, contested) = witnessKeys
        return keys.filter { contested.contains($0.value.key) }.keys.sorted()
    }

    /// The key of each witness, and those of them that more than one node claims. A key is public, and
    /// whose it is the records do not tell: it votes for nobody, or one could vote for two countries.
    private var witnessKeys: (keys: [NodeID: CosignerKey], contested: Set<PublicKey>) {
        var keys: [NodeID: CosignerKey] = [:]
        var claimed: Set<PublicKey> = []
        var contested: Set<PublicKey> = []
        for node in nodes.values where node.roles.contains(.witness) {
            // A key that is none, or another's name, never votes.
            guard let text = node.witnessKey, let key = try? CosignerKey(text),
                key.name == CosignerKey.name(federation: id, node: node.id)
            else { continue }
            keys[node.id] = key
            if !claimed.insert(key.key).inserted { contested.insert(key.key) }
        }
        return (keys, contested)
    }

    /// The quorum that makes a checkpoint of a node of `country` a witnessed one.
    /// - Throws: `AuditError.malformed` for more witnesses than a policy holds.
    package func witnessPolicy(of country: Country) throws(AuditError) -> LogPolicy {
        let (keys, contested) = witnessKeys
        var voting: [Country: [CosignerKey]] = [:]
        var witnessing: Set<Country> = []
        for (node, key) in keys.sorted(by: { $0.key < $1.key }) where node.country != country {
            witnessing.insert(node.country)
            if contested.contains(key.key) { continue }
            voting[node.country, default: []].append(key)
        }
        return try .countries(
            voting, atLeast: records[country]?.witnessQuorum, of: witnessing.count)
    }

    /// The node whose log an origin names, and that log's key.
    /// - Returns: nil for an origin of no node of this federation.
    package func log(of origin: String) -> (node: NodeID, key: VerifierKey)? {
        let parts = origin.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count == 5, let id = try? NodeID("\(parts[2])/\(parts[3])"),
            let node = nodes[id], let key = try? VerifierKey(node.logKey).ofEpoch(in: origin)
        else { return nil }
        return (id, key)
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
