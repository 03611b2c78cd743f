import Logging
import SelatCore
package import SelatCrypto
import SelatFederation
import Synchronization

extension KeyRing {
    /// The key of a purpose that was made and that no record lists yet.
    func next(_ purpose: KeyPurpose) -> HeldKey? {
        state.withLock { state in
            state.held.last { held in
                guard held.purpose == purpose, case .made = held.place else { return false }
                let note = state.notes[SHA256.digest(held.key.publicKey.spki)]
                return note?.listed == nil && note?.takenUp == nil && note?.unlisted == nil
            }
        }
    }

    /// Removes keys whose end is recorded. What cannot be removed is shown until a person has done
    /// it: a folder that the daemon may only read is a good place for a key.
    func destroy(_ over: [HeldKey], _ logger: Logger) {
        for held in over {
            do { try shelf.destroy(held.place) } catch {
                state.withLock { $0.leftover[held.place.description] = "\(error)" }
                logger.warning(
                    "a key that is over must be removed by hand",
                    metadata: ["key": "\(held.place)", "error": "\(error)"])
            }
        }
    }

    /// Says with which certificate the node proves itself in TLS from now on.
    package func onRenewal(_ renewed: @escaping @Sendable (TLSIdentity) -> Void) {
        state.withLock { $0.renewed = renewed }
    }

    /// Tells the listener, once for each certificate, and then whoever keeps connections.
    func tell(_ identity: TLSIdentity, then: () async -> Void) async {
        let digest = identity.certificate.digest
        let (isNew, isFirst, renewed) = state.withLock { state in
            defer { state.told = digest }
            return (state.told != digest, state.told == nil, state.renewed)
        }
        guard isNew, !isFirst else { return }
        renewed?(identity)
        await then()
    }
}
