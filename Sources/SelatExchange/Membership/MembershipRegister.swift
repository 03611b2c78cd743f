package import SelatAudit
import SelatCore
import SelatEvidence
package import SelatFederation
import Synchronization

/// The membership as it is now, and who this node is in it: the one thing that everybody else's word
/// changes while the node runs.
package final class MembershipRegister: Sendable {
    /// What belongs together: made anew, whole, whenever list, records or revocation lists change.
    package struct View: Sendable {
        package let federation: Federation
        package let identity: NodeIdentity
        let roll: WitnessRoll

        /// - Throws: `AuditError` where two witnesses of the federation share a key.
        init(_ federation: Federation, _ identity: NodeIdentity) throws(AuditError) {
            self.federation = federation
            self.identity = identity
            roll = try WitnessRoll(of: federation, for: identity.node.country)
        }
    }

    private let state: Mutex<View>

    /// - Throws: `AuditError` where two witnesses of the federation share a key.
    package init(_ federation: Federation, identity: NodeIdentity) throws(AuditError) {
        state = Mutex(try View(federation, identity))
    }

    /// Finds out anew who this node is, with the keys that it holds now.
    /// - Throws: `IdentityError` where the record knows none of the keys of a purpose; what was
    ///   known stays.
    func renewIdentity(with keys: NodeIdentity.Keys, at time: Timestamp) throws {
        try state.withLock { view in
            let identity = try view.identity.renewed(in: view.federation, with: keys, at: time)
            view = try View(view.federation, identity)
        }
    }

    package var current: View { state.withLock { $0 } }
    package var federation: Federation { current.federation }
    package var identity: NodeIdentity { current.identity }
}

/// Who cosigns whose logs, as the membership has it.
struct WitnessRoll: Sendable {
    /// Who is asked to cosign the own log.
    let asked: [NodeID: CosignerKey]
    /// The quorum of the own log.
    let own: LogPolicy
    /// That of every member, made once: receipts are judged by it.
    let policies: [Country: LogPolicy]

    /// - Throws: `AuditError.malformed` where two witnesses share a key.
    init(of federation: Federation, for country: Country) throws(AuditError) {
        asked = federation.witnesses(of: country)
        own = try federation.witnessPolicy(of: country)
        var policies: [Country: LogPolicy] = [:]
        for country in federation.records.keys {
            policies[country] = try federation.witnessPolicy(of: country)
        }
        self.policies = policies
    }
}
