package import SelatCore
package import SelatCrypto

/// Wraps content keys for the node's own database, so that a copied database opens nothing.
///
/// Layout of a wrapped key: nonce(12) ‖ sealed key(32) ‖ tag(16), AES-256-GCM, with
/// `"selat storage v1" ‖ 00 ‖ "outbound" or the sender's name ‖ 00 ‖ transfer id` as associated data:
/// a wrapped key is worth nothing under another transfer's row.
package struct StorageKey: Sendable {
    private let key: Secret

    /// - Parameter key: 32 bytes.
    package init(_ key: Secret) {
        precondition(key.count == AES256GCM.keyBytes, "a storage key has 32 bytes")
        self.key = key
    }

    /// Whose transfer a content key belongs to.
    package enum Owner: Sendable {
        case outbound(TransferID)
        case inbound(TransferID, from: NodeID)

        fileprivate var associated: [UInt8] {
            let (origin, id) =
                switch self {
                case .outbound(let id): ("outbound", id)
                case .inbound(let id, let from): (from.text, id)
                }
            return Array("selat storage v1\u{0}\(origin)\u{0}\(id.text)".utf8)
        }
    }

    /// - Throws: `CryptoError.openSSL` when OpenSSL fails.
    package func wrap(_ contentKey: Secret, for owner: Owner) throws(CryptoError) -> [UInt8] {
        let nonce = Random.bytes(AES256GCM.nonceBytes)
        let sealed = try contentKey.withRevealed { (plain) throws(CryptoError) in
            try AES256GCM.seal(plain, key: key, nonce: nonce, authenticating: owner.associated)
        }
        return nonce + sealed
    }

    /// - Throws: `CryptoError` when the bytes were not wrapped by this key for this transfer.
    package func unwrap(_ wrapped: [UInt8], for owner: Owner) throws(CryptoError) -> Secret {
        var plain = try AES256GCM.open(
            Array(wrapped.dropFirst(AES256GCM.nonceBytes)), key: key,
            nonce: Array(wrapped.prefix(AES256GCM.nonceBytes)), authenticating: owner.associated)
        return Secret(wiping: &plain)
    }
}
