package import SelatCrypto
package import SelatFederation

/// A private key that this node holds, and where it lies.
package struct HeldKey: Sendable {
    package enum Place: Hashable, Sendable, CustomStringConvertible {
        /// The configuration names it.
        case configured(String)
        /// The daemon made it, under this name in its state directory.
        case made(String)

        package var description: String {
            switch self {
            case .configured(let place), .made(let place): place
            }
        }
    }

    package let purpose: KeyPurpose
    package let key: PrivateKey
    package let place: Place

    package init(purpose: KeyPurpose, key: PrivateKey, place: Place) {
        self.purpose = purpose
        self.key = key
        self.place = place
    }
}

/// Where private keys lie: the daemon's files. The exchange itself opens none.
package protocol KeyShelf: Sendable {
    /// Makes a key of its own; it is durable when this returns.
    func make(_ purpose: KeyPurpose, _ kind: KeyKind) throws -> HeldKey
    /// Destroys a key; one that is gone already is no error.
    /// - Throws: where it cannot be removed; a person must do it then.
    func destroy(_ place: HeldKey.Place) throws
}
