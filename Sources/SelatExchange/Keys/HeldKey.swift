package import SelatCore
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

    /// The key itself: OpenSSL's, or one of ML-KEM, which OpenSSL does not know.
    package enum Material: Sendable {
        case pair(PrivateKey)
        case mlkem(MLKEMPrivateKey)
    }

    /// What sort of key it is. Beside purposes, since a node may hold one of each sort for one purpose.
    package enum Kind: Hashable, Sendable, CustomStringConvertible {
        case pair(KeyKind)
        case mlkem(MLKEMKind)

        /// - Parameter name: `P-256`, `ML-KEM-768`; nil for another word.
        package init?(name: String) {
            if let kind = KeyKind(rawValue: name) {
                self = .pair(kind)
            } else if let kind = MLKEMKind(rawValue: name) {
                self = .mlkem(kind)
            } else {
                return nil
            }
        }

        package var description: String {
            switch self {
            case .pair(let kind): kind.rawValue
            case .mlkem(let kind): kind.rawValue
            }
        }
    }

    package let purpose: KeyPurpose
    package let material: Material
    package let place: Place

    package init(purpose: KeyPurpose, key: PrivateKey, place: Place) {
        self.purpose = purpose
        material = .pair(key)
        self.place = place
    }

    package init(mlkem key: MLKEMPrivateKey, place: Place) {
        purpose = .mlkem
        material = .mlkem(key)
        self.place = place
    }

    package var kind: Kind {
        switch material {
        case .pair(let key): .pair(key.kind)
        case .mlkem(let key): .mlkem(key.kind)
        }
    }

    /// What names the public half: SHA-256 of its SubjectPublicKeyInfo, or of an ML-KEM key as it stands
    /// in the member record.
    package var digest: Digest {
        switch material {
        case .pair(let key): SHA256.digest(key.publicKey.spki)
        case .mlkem(let key): key.publicKey.digest
        }
    }

    package var fingerprint: KeyFingerprint { KeyFingerprint(digest: digest) }

    /// Nil for a key of ML-KEM.
    var pair: PrivateKey? {
        if case .pair(let key) = material { key } else { nil }
    }

    /// Nil for any other key.
    var mlkem: MLKEMPrivateKey? {
        if case .mlkem(let key) = material { key } else { nil }
    }
}

/// Where private keys lie: the daemon's files. The exchange itself opens none.
package protocol KeyShelf: Sendable {
    /// Makes a key of its own; it is durable when this returns.
    func make(_ purpose: KeyPurpose, _ kind: HeldKey.Kind) throws -> HeldKey
    /// Destroys a key; one that is gone already is no error.
    /// - Throws: where it cannot be removed; a person must do it then.
    func destroy(_ place: HeldKey.Place) throws
}
