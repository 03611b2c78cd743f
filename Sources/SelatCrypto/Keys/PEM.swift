import SelatCore

/// Textual encodings (RFC 7468) of public things: certificates and CRLs.
package enum PEM {
    /// The bytes of each block with this label, in order; text around the blocks is ignored.
    /// - Throws: `CryptoError.unreadablePEM` for a block that does not end, has another label's
    ///   end, or is not base64.
    package static func blocks(_ label: String, in text: [UInt8]) throws(CryptoError) -> [[UInt8]] {
        var found: [[UInt8]] = []
        var base64: String?
        for rawLine in text.split(whereSeparator: { $0 == 0x0A || $0 == 0x0D }) {
            let line = String(decoding: rawLine, as: UTF8.self)
            if line == "-----BEGIN \(label)-----" {
                guard base64 == nil else { throw .unreadablePEM(label) }
                base64 = ""
            } else if line == "-----END \(label)-----" {
                guard let bytes = base64.flatMap({ Base64.decode($0) }) else {
                    throw .unreadablePEM(label)
                }
                found.append(bytes)
                base64 = nil
            } else {
                base64?.append(line)
            }
        }
        guard base64 == nil else { throw .unreadablePEM(label) }
        return found
    }

    /// One block, with lines of 64 characters.
    package static func text(_ label: String, _ bytes: [UInt8]) -> String {
        let letters = Array(Base64.encode(bytes))
        let lines = stride(from: 0, to: letters.count, by: 64).map {
            String(letters[$0..<min($0 + 64, letters.count)])
        }
        return (["-----BEGIN \(label)-----"] + lines + ["-----END \(label)-----", ""])
            .joined(separator: "\n")
    }
}
