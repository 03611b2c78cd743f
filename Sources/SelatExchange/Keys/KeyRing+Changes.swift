import Logging
import SelatFederation
import Synchronization

extension KeyRing {
    /// The key of a purpose and kind that was made and that no record lists yet.
    func next(_ purpose: KeyPurpose, _ kind: HeldKey.Kind) -> HeldKey? {
        state.withLock { state in
            state.held.last { held in
                guard held.purpose == purpose, held.kind == kind, case .made = held.place
                else { return false }
                let note = state.notes[held.digest]
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
}
