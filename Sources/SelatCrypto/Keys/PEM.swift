import SelatCore

/// Textual encodings (RFC 7468).
package enum PEM {
    /// The bytes of each block with this label, in order; text around the blocks is ignored.
    /// - Throws: `CryptoError.unreadablePEM` for a block that does not end, has another label's
    ///   end, or is not base64.
    package static func blocks(_ label: String, in text: [UInt8]) throws(CryptoError) -> [[UInt8]] {
        try blocks(label, in: text) { Array($0) }
    }

    /// As `blocks`, but of their bytes and letters no copy is left beside `text`.
    static func secrets(_ label: String, in text: [UInt8]) throws(CryptoError) -> [Secret] {
        try blocks(label, in: text) { Secret(copying: $0) }
    }

    private static func blocks<Block>(
        _ label: String, in text: [UInt8], _ take: (UnsafeRawBufferPointer) -> Block
    ) throws(CryptoError) -> [Block] {
        let begin = Array("-----BEGIN \(label)-----".utf8)
        let end = Array("-----END \(label)-----".utf8)
        var found: [Block] = []
        var isInside = false
        // Room for all of them: an array that grows leaves copies behind.
        var letters: [UInt8] = []
        letters.reserveCapacity(text.count)
        defer { wipe(&letters) }
        for line in text.split(whereSeparator: { $0 == 0x0A || $0 == 0x0D }) {
            if line.elementsEqual(begin) {
                guard !isInside else { throw .unreadablePEM(label) }
                isInside = true
            } else if line.elementsEqual(end) {
                guard isInside, let count = Base64.decode(inPlace: &letters) else {
                    throw .unreadablePEM(label)
                }
                found.append(
                    letters.withUnsafeBytes { take(UnsafeRawBufferPointer(rebasing: $0[..<count])) }
                )
                wipe(&letters)
                letters.removeAll(keepingCapacity: true)
                isInside = false
            } else if isInside {
                letters += line
            }
        }
        guard !isInside else { throw .unreadablePEM(label) }
        return found
    }

    /// One block, with lines of 64 characters.
    package static func text(_ label: String, _ bytes: [UInt8]) -> String {
        String(decoding: Self.bytes(label, bytes), as: UTF8.self)
    }

    /// The same, and no other copy of it is left.
    static func bytes(_ label: String, _ bytes: [UInt8]) -> [UInt8] {
        var letters = Base64.text(of: bytes)
        defer { wipe(&letters) }
        var text = Array("-----BEGIN \(label)-----\n".utf8)
        text.reserveCapacity(2 * (text.count + letters.count))
        for start in stride(from: 0, to: letters.count, by: 64) {
            text += letters[start..<min(start + 64, letters.count)]
            text.append(0x0A)
        }
        text += "-----END \(label)-----\n".utf8
        return text
    }
}
