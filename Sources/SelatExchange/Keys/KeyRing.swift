package import SelatCore
import SelatCrypto
import SelatFederation
package import SelatStore
import Synchronization

/// The private keys of this node, and what is known about each.
package final class KeyRing: Sendable {
    struct State {
        var held: [HeldKey]
        var notes: [Digest: KeyNote] = [:]
        /// Keys that are over and that the daemon could not remove, with the reason.
        var leftover: [String: String] = [:]
    }

    let shelf: any KeyShelf
    let state: Mutex<State>
    /// One change at a time.
    let turn = Turn()

    /// - Parameter held: of each purpose the configured key first.
    package init(held: [HeldKey], shelf: any KeyShelf) {
        self.shelf = shelf
        state = Mutex(State(held: held))
    }

    /// What a node's identity is found among.
    /// - Throws: `IdentityError.missingKey` without a log key.
    package func keys(of node: NodeID) throws(IdentityError) -> NodeIdentity.Keys {
        let state = state.withLock { $0 }
        func held(_ purpose: KeyPurpose) -> [PrivateKey] {
            state.held.filter { $0.purpose == purpose }.compactMap(\.pair)
        }
        guard let log = held(.log).first else {
            throw .missingKey(node, use: KeyPurpose.log.rawValue)
        }
        var keys = NodeIdentity.Keys(
            tls: held(.tls), signing: held(.signing), agreement: held(.agreement),
            mlkem: state.held.compactMap(\.mlkem), log: log, witness: held(.witness))
        let unused = state.held.filter { state.notes[$0.digest]?.takenUp == nil }
        keys.waiting = Set(unused.compactMap(\.pair?.publicKey))
        keys.agreementBefore = state.notes.values
            .filter { $0.purpose == .agreement && $0.destroyed == nil }
            .flatMap { $0.listings.map(\.certificate) }
        return keys
    }

    /// Reads what the database knows about the keys.
    package func load(from store: Store) async throws {
        let bytes = try await store.read { try $0.value(Self.setting) }
        guard let bytes else { return }
        let notes = try (JSON(parsing: bytes).arrayValue ?? []).map { try KeyNote(json: $0) }
        state.withLock { state in
            state.notes = Dictionary(notes.map { ($0.key, $0) }) { first, _ in first }
        }
    }

    static func bytes(of notes: [Digest: KeyNote]) -> [UInt8] {
        JSON.array(notes.values.sorted { $0.key.text < $1.key.text }.map(\.json)).canonical
    }

    /// Where the notes stand among the database's settings.
    static let setting = "keys"
}
