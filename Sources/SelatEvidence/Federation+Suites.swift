package import SelatCore
import SelatCrypto
package import SelatEnvelope
package import SelatFederation

// Which suites a node can take, by the keys that its record lists (Exchange.docc, *Suites*).

extension Federation {
    /// The keys to which an envelope of `suite` for a node is sealed: of each kind the newest that is
    /// good.
    /// - Throws: `FederationError`, which says what the record lacks.
    package func recipientKeys(
        of id: NodeID, suite: Suite, at time: Timestamp
    ) throws(FederationError) -> RecipientKeys {
        let agreement = try agreementCertificate(of: id, curve: suite.curve, at: time).certificate
        guard let kind = suite.mlkem else { return RecipientKeys(agreement: agreement) }
        return RecipientKeys(
            agreement: agreement, mlkem: try mlkemKey(of: id, kind: kind, at: time))
    }

    /// The suites that the list allows now and for which the node's record has keys.
    package func suites(takenBy id: NodeID, at time: Timestamp) -> Set<Suite> {
        list.suites(at: time).filter { (try? recipientKeys(of: id, suite: $0, at: time)) != nil }
    }

    /// From when on a node must be sent no envelope without ML-KEM: the issue of the record that
    /// lists its keys; nil where it has none for a suite that the list allows. What was made before
    /// could not know of them.
    package func postQuantumFrom(_ id: NodeID, at time: Timestamp) -> Timestamp? {
        guard suites(takenBy: id, at: time).contains(where: \.isPostQuantum) else { return nil }
        return records[id.country]?.issued
    }
}
