// Text forms of bytes. Both decoders are strict: one text for one value.

/// Lower-case hexadecimal.
package enum Hex {
    package static func encode(_ bytes: some Sequence<UInt8>) -> String { encode(Array(bytes)) }

    // Not generic: what another module calls is not specialized there, and would ask for each byte.
    package static func encode(_ bytes: [UInt8]) -> String {
        bytes.withUnsafeBytes { encode($0) }
    }

    static func encode(_ bytes: UnsafeRawBufferPointer) -> String {
        String(unsafeUninitializedCapacity: bytes.count * 2) { text in
            for (index, byte) in bytes.enumerated() {
                text.initializeElement(at: index * 2, to: digit(byte >> 4))
                text.initializeElement(at: index * 2 + 1, to: digit(byte & 15))
            }
            return bytes.count * 2
        }
    }

    private static func digit(_ value: UInt8) -> UInt8 { value + (value < 10 ? 0x30 : 0x57) }

    /// - Returns: nil for odd lengths and for anything but lower-case digits.
    package static func decode(_ text: some StringProtocol) -> [UInt8]? {
        decode(Array(text.utf8))
    }

    private static func decode(_ digits: [UInt8]) -> [UInt8]? {
        guard digits.count.isMultiple(of: 2) else { return nil }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(digits.count / 2)
        for index in stride(from: 0, to: digits.count, by: 2) {
            guard let high = value(of: digits[index]), let low = value(of: digits[index + 1])
            else { return nil }
            bytes.append(high << 4 | low)
        }
        return bytes
    }

    static func value(of digit: UInt8) -> UInt8? {
        switch digit {
        case 0x30...0x39: digit - 0x30
        case 0x61...0x66: digit - 0x57
        default: nil
        }
    }
}

/// Standard base64 with padding (RFC 4648, section 4); unused bits must be zero.
package enum Base64 {
    private static let letters: StaticString =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"

    private static let values: [UInt8] = {
        var table = [UInt8](repeating: 255, count: 256)
        for value in 0..<64 { table[Int(letters.utf8Start[value])] = UInt8(value) }
        return table
    }()

    package static func encode(_ bytes: some Collection<UInt8>) -> String { encode(Array(bytes)) }

    // Not generic: see `Hex`.
    package static func encode(_ bytes: [UInt8]) -> String {
        String(unsafeUninitializedCapacity: size(of: bytes)) { write(bytes, to: $0) }
    }

    /// The same as bytes, which the caller can wipe.
    package static func text(of bytes: [UInt8]) -> [UInt8] {
        [UInt8](unsafeUninitializedCapacity: size(of: bytes)) { text, count in
            count = write(bytes, to: text)
        }
    }

    private static func size(of bytes: [UInt8]) -> Int { (bytes.count + 2) / 3 * 4 }

    private static func write(_ bytes: [UInt8], to text: UnsafeMutableBufferPointer<UInt8>) -> Int {
        let size = size(of: bytes)
        let letters = Self.letters.utf8Start
        bytes.withUnsafeBufferPointer { bytes in
            for group in 0..<size / 4 {
                let (start, place) = (group * 3, group * 4)
                let (second, third) = (start + 1, start + 2)
                let bits =
                    Int(bytes[start]) << 16
                    | (second < bytes.count ? Int(bytes[second]) << 8 : 0)
                    | (third < bytes.count ? Int(bytes[third]) : 0)
                text[place] = letters[bits >> 18]
                text[place + 1] = letters[bits >> 12 & 63]
                text[place + 2] = second < bytes.count ? letters[bits >> 6 & 63] : padding
                text[place + 3] = third < bytes.count ? letters[bits & 63] : padding
            }
        }
        return size
    }

    private static let padding = UInt8(ascii: "=")

    /// - Returns: nil unless `text` is what `encode` makes of some bytes.
    package static func decode(_ text: some StringProtocol) -> [UInt8]? {
        var letters = Array(text.utf8)
        return decode(inPlace: &letters).map { Array(letters[..<$0]) }
    }

    /// Writes the bytes over their letters: whoever wipes these leaves no other copy.
    /// - Returns: how many bytes there are; nil unless the letters are what `encode` makes of some.
    package static func decode(inPlace letters: inout [UInt8]) -> Int? {
        guard letters.count.isMultiple(of: 4) else { return nil }
        let padding =
            letters.last != Self.padding ? 0 : letters[letters.count - 2] != Self.padding ? 1 : 2
        var (count, bits) = (0, UInt32(0))
        for index in 0..<letters.count - padding {
            let value = values[Int(letters[index])]
            guard value != 255 else { return nil }
            bits = bits << 6 | UInt32(value)
            if index % 4 == 3 {
                letters[count] = UInt8(bits >> 16 & 255)
                letters[count + 1] = UInt8(bits >> 8 & 255)
                letters[count + 2] = UInt8(bits & 255)
                (count, bits) = (count + 3, 0)
            }
        }
        switch padding {
        case 2:
            guard bits & 15 == 0 else { return nil }
            letters[count] = UInt8(bits >> 4)
            count += 1
        case 1:
            guard bits & 3 == 0 else { return nil }
            letters[count] = UInt8(bits >> 10)
            letters[count + 1] = UInt8(bits >> 2 & 255)
            count += 2
        default: break
        }
        return count
    }
}
