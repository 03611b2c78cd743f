/// Names a private key in a PKCS#11 token: a URI of RFC 7512, such as
/// `pkcs11:token=selat;object=signing`.
package struct TokenKeyName: Hashable, Sendable, CustomStringConvertible {
    package let text: String
    package var description: String { text }

    /// Whether a text means a key in a token rather than a file.
    package static func isOne(_ text: String) -> Bool { text.hasPrefix(scheme) }

    /// - Throws: `CryptoError.unreadableKey` for what is no such name, and for one that carries a PIN
    ///   or says where one lies: a PIN has its own place.
    package init(_ text: String) throws(CryptoError) {
        guard Self.isOne(text), text.utf8.count <= Self.bytesMax,
            text.utf8.allSatisfy({ (0x21...0x7E).contains($0) })
        else {
            throw .unreadableKey("a key in a token is named as in `pkcs11:token=NAME;object=NAME`")
        }
        guard !text.contains("?"), !text.contains("pin-") else {
            throw .unreadableKey("the name of a key in a token must not hold a PIN")
        }
        let attributes = text.dropFirst(Self.scheme.count).split(
            separator: ";", omittingEmptySubsequences: false
        ).map { $0.split(separator: "=", maxSplits: 1).map(String.init) }
        let names = attributes.map { $0.first ?? "" }
        guard attributes.allSatisfy({ $0.count == 2 }), Set(names).count == names.count,
            names.allSatisfy({ Self.known.contains($0) }),
            names.contains("object") || names.contains("id")
        else {
            throw .unreadableKey(
                "`\(text)` must name `object` or `id`, and may name "
                    + Self.known.filter { $0 != "object" && $0 != "id" }.map { "`\($0)`" }
                    .joined(separator: ", "))
        }
        self.text = names.contains("type") ? text : text + ";type=private"
    }

    private static let scheme = "pkcs11:"
    private static let known = [
        "token", "object", "id", "serial", "manufacturer", "model", "slot-id", "type",
    ]
    private static let bytesMax = 512
}
