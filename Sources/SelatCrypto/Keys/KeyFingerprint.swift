package import SelatCore

/// A public key in a form that two people compare over the telephone: eight groups of five digits.
///
/// Digits, since those who compare share no mother tongue, and letters are what a bad line mixes up.
/// 128 bits of SHA-256 are enough: who wants to pass off another key must find a second one with
/// the same fingerprint (`Requests.md`).
package struct KeyFingerprint: Hashable, Sendable, CustomStringConvertible {
    /// `01234 56789 …`: each group is two bytes, big-endian, as a number of five digits.
    package let text: String

    /// - Parameter bytes: what is hashed: a SubjectPublicKeyInfo in DER, or a key that has none.
    package init(of bytes: [UInt8]) { self.init(digest: SHA256.digest(bytes)) }

    /// - Parameter digest: SHA-256 of what is hashed.
    package init(digest: Digest) {
        let digest = digest.bytes
        text = stride(from: 0, to: Self.bytesShown, by: 2).map { index in
            let digits = String(UInt16(digest[index]) << 8 | UInt16(digest[index + 1]))
            return String(repeating: "0", count: 5 - digits.count) + digits
        }.joined(separator: " ")
    }

    /// Reads one that people wrote down.
    /// - Returns: nil for anything but eight groups of five digits.
    package init?(_ text: String) {
        let groups = text.split(separator: " ", omittingEmptySubsequences: false)
        let isOne = groups.allSatisfy { group in
            group.utf8.count == 5 && group.utf8.allSatisfy { (0x30...0x39).contains($0) }
                && UInt16(group) != nil
        }
        guard isOne, groups.count == Self.bytesShown / 2 else { return nil }
        self.text = text
    }

    package var description: String { text }

    private static let bytesShown = 16
}

extension PublicKey {
    /// What people compare.
    package var fingerprint: KeyFingerprint { KeyFingerprint(of: spki) }
}
