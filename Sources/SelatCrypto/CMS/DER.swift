import SelatCore

/// Writes ASN.1 DER (X.690). Each function returns one complete element.
enum DER {
    /// One element: tag, shortest length, content.
    static func element(_ tag: UInt8, _ content: [UInt8]) -> [UInt8] {
        DERWriter.bytes(capacity: content.count + headBytesMax) { $0.primitive(tag, content) }
    }

    /// One element, with the parts one after the other as its content.
    static func element(_ tag: UInt8, of parts: [[UInt8]]) -> [UInt8] {
        let count = parts.reduce(0) { $0 + $1.count }
        return DERWriter.bytes(capacity: count + headBytesMax) {
            $0.constructed(tag) { for part in parts { $0.append(part) } }
        }
    }

    /// Tag and length.
    private static let headBytesMax = 10

    static func sequence(_ elements: [UInt8]...) -> [UInt8] { element(Tag.sequence, of: elements) }

    /// SET OF: the elements in the order of their bytes (X.690, 11.6).
    static func set(_ elements: [[UInt8]]) -> [UInt8] {
        element(Tag.set, of: elements.sorted { $0.lexicographicallyPrecedes($1) })
    }

    /// - Parameter content: two's complement, big-endian, already of the shortest form.
    static func integer(_ content: [UInt8]) -> [UInt8] { element(Tag.integer, content) }

    static func integer(_ value: UInt64) -> [UInt8] { integer(unsigned(bigEndian(value))) }

    /// The content of an INTEGER for an unsigned number.
    static func unsigned(_ digits: [UInt8]) -> [UInt8] {
        let significant = Array(digits.drop { $0 == 0 })
        guard let first = significant.first else { return [0] }
        return first < 0x80 ? significant : [0] + significant
    }

    static func octets(_ bytes: [UInt8]) -> [UInt8] { element(Tag.octetString, bytes) }

    /// A BIT STRING of whole bytes.
    static func bits(_ bytes: [UInt8]) -> [UInt8] { element(Tag.bitString, [0] + bytes) }

    /// A named-bit list of at most eight bits, without trailing zero bits (X.690, 11.2.2).
    static func namedBits(_ byte: UInt8) -> [UInt8] {
        byte == 0
            ? element(Tag.bitString, [0])
            : element(Tag.bitString, [UInt8(byte.trailingZeroBitCount), byte])
    }

    static let yes = element(Tag.boolean, [0xFF])

    static func text(_ text: String) -> [UInt8] { element(Tag.utf8String, Array(text.utf8)) }

    /// UTCTime through 2049, GeneralizedTime from 2050 (RFC 5280, 4.1.2.5; RFC 5652, 11.3).
    static func time(_ time: Timestamp) -> [UInt8] {
        let isShort = utcTimeYears.contains(time)
        // Digits and the `Z` at the end.
        let text = time.text.utf8.filter { (0x30...0x39).contains($0) || $0 == UInt8(ascii: "Z") }
        return isShort
            ? element(Tag.utcTime, Array(text.dropFirst(2)))
            : element(Tag.generalizedTime, text)
    }

    /// 1950 through 2049.
    static let utcTimeYears =
        Timestamp(seconds: -631_152_000)..<Timestamp(seconds: 2_524_608_000)

    /// An explicitly tagged element, `[number]`.
    static func explicit(_ number: UInt8, _ inner: [UInt8]) -> [UInt8] {
        element(Tag.context | Tag.constructed | number, inner)
    }

    /// Runs one of OpenSSL's `i2d` functions: once for the length, once for the bytes.
    static func encoding(
        _ encode: (UnsafeMutablePointer<UnsafeMutablePointer<UInt8>?>?) -> Int32
    ) -> [UInt8]? {
        let count = encode(nil)
        guard count > 0 else { return nil }
        return [UInt8](unsafeUninitializedCapacity: Int(count)) { buffer, written in
            var cursor = buffer.baseAddress
            written = encode(&cursor) == count ? Int(count) : 0
        }
    }

    private static func bigEndian(_ value: UInt64) -> [UInt8] {
        let bytes = (0..<8).map { UInt8(truncatingIfNeeded: value >> (56 - 8 * UInt64($0))) }
        return Array(bytes.drop { $0 == 0 })
    }

    /// Identifier octets.
    enum Tag {
        static let boolean: UInt8 = 0x01
        static let integer: UInt8 = 0x02
        static let bitString: UInt8 = 0x03
        static let octetString: UInt8 = 0x04
        static let oid: UInt8 = 0x06
        static let utf8String: UInt8 = 0x0C
        static let utcTime: UInt8 = 0x17
        static let generalizedTime: UInt8 = 0x18
        static let sequence: UInt8 = 0x30
        static let set: UInt8 = 0x31
        static let constructed: UInt8 = 0x20
        static let context: UInt8 = 0x80
    }
}
