import COpenSSL

/// Why cryptography said no, or could not answer.
package enum CryptoError: Error, Hashable, Sendable, CustomStringConvertible {
    /// OpenSSL failed at `operation`; `reasons` is its whole error queue, oldest first.
    case openSSL(_ operation: String, reasons: [String])
    /// A tag does not belong to these bytes under this key: changed, cut, moved or another's.
    case notAuthentic(_ what: String)
    /// The key commitment of a sealed message is another: wrong key, context or header.
    case commitmentMismatch
    /// No sealed message has this size.
    case sealedSizeInvalid(_ bytes: UInt64)
    /// An AES-256 key has 32 bytes.
    case keySizeInvalid(_ bytes: Int)
    /// A GCM nonce has 12 bytes.
    case nonceSizeInvalid(_ bytes: Int)
    /// Bytes that are no key of a kind that Selat uses.
    case unreadableKey(_ reason: String)
    /// A PEM block that is cut off or is not base64.
    case unreadablePEM(_ label: String)
    /// Bytes that are no certificate within the profile.
    case unreadableCertificate(_ reason: String)
    /// Bytes that are no certification request within the profile.
    case unreadableRequest(_ reason: String)
    /// Bytes that are no certificate revocation list within the profile.
    case unreadableCRL(_ reason: String)
    /// A certificate that does not lead to the anchors of `country`, or not for this purpose.
    case untrusted(_ certificate: String, country: String, reason: String)
    /// Bytes that are no CMS message within the profile.
    case unreadableMessage(_ reason: String)
    /// A message whose signature is not the named signer's.
    case signatureInvalid(signer: String)
    /// A sealed secret that the key does not open.
    case unopenable(_ reason: String)
    /// A token that does not answer now, or not with this key; it may come back.
    case tokenUnavailable(_ reason: String)
    /// A token that does not take the PIN. It is not asked again: few wrong PINs lock a token.
    case tokenPINRefused(_ reason: String)
    /// Bytes that no passphrase of ours sealed, or another one did.
    case passphraseRefused(_ what: String)
    /// A provider of OpenSSL, or a property query, with which this program cannot work.
    case providerUnfit(_ reason: String)

    package var description: String {
        switch self {
        case .openSSL(let operation, let reasons):
            "\(operation): \(reasons.isEmpty ? "OpenSSL gave no reason" : reasons.joined(separator: "; "))"
        case .notAuthentic(let what): "\(what) is not authentic: it was changed or is another's"
        case .commitmentMismatch:
            "key commitment differs: the message was sealed for another envelope"
        case .sealedSizeInvalid(let bytes): "no sealed message has \(bytes) bytes"
        case .keySizeInvalid(let bytes): "key of \(bytes) bytes where 32 are needed"
        case .nonceSizeInvalid(let bytes): "nonce of \(bytes) bytes where 12 are needed"
        case .unreadableKey(let reason): "key: \(reason)"
        case .unreadablePEM(let label): "PEM block `\(label)` is cut off or is not base64"
        case .unreadableCertificate(let reason): "certificate: \(reason)"
        case .unreadableRequest(let reason): "certification request: \(reason)"
        case .unreadableCRL(let reason): "certificate revocation list: \(reason)"
        case .untrusted(let certificate, let country, let reason):
            "certificate of `\(certificate)` is not trusted for `\(country)`: \(reason)"
        case .unreadableMessage(let reason): "CMS message: \(reason)"
        case .signatureInvalid(let signer): "signature does not verify with the key of `\(signer)`"
        case .unopenable(let reason): "sealed secret does not open: \(reason)"
        case .tokenUnavailable(let reason): "the token does not answer: \(reason)"
        case .tokenPINRefused(let reason):
            "the token refuses the PIN, which is not tried again: \(reason)"
        case .passphraseRefused(let what):
            "\(what) does not open: the passphrase is another, or the bytes were changed"
        case .providerUnfit(let reason): reason
        }
    }

    /// Whether it is a token that failed: a fault of this node, and none of what it was working on.
    package var isOfToken: Bool {
        switch self {
        case .tokenUnavailable, .tokenPINRefused: true
        default: false
        }
    }

    /// Calls OpenSSL with an empty error queue and takes the whole queue when the call fails.
    ///
    /// The queue belongs to the thread, so `call` must be synchronous: clear, call and drain are one
    /// step that no `await` can split.
    /// - Parameter call: returns nil for a failure.
    static func checked<Value: ~Copyable>(
        _ operation: String, _ call: () -> Value?
    ) throws(CryptoError) -> Value {
        ERR_clear_error()
        guard let value = call() else { throw .openSSL(operation, reasons: drain()) }
        return value
    }

    /// Calls an OpenSSL function that reports success as a positive number.
    @discardableResult
    static func positive(_ operation: String, _ call: () -> Int32) throws(CryptoError) -> Int32 {
        ERR_clear_error()
        let result = call()
        guard result > 0 else { throw .openSSL(operation, reasons: drain()) }
        return result
    }

    /// Empties the thread's error queue: popping one error would leave the rest to be blamed on the
    /// next call.
    static func drain() -> [String] {
        var reasons: [String] = []
        while case let code = ERR_get_error(), code != 0 {
            reasons.append(
                ERR_reason_error_string(code).map { String(cString: $0) } ?? "error \(code)")
        }
        return reasons
    }
}
