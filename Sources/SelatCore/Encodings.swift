// Text forms of bytes. Both decoders are strict: one text for one value.

/// Lower-case hexadecimal.
package enum Hex {
    package static func encode(_ bytes: some Sequence<UInt8>) -> String {
        let digits = Array("0123456789abcdef".utf8)
        var text: [UInt8] = []
        for byte in bytes {
            text.append(digits[Int(byte >> 4)])
            text.append(digits[Int(byte & 15)])
        }
        return String(decoding: text, as: UTF8.self)
    }

    /// - Returns: nil for odd lengths and for anything but lower-case digits.
    package static func decode(_ text: some StringProtocol) -> [UInt8]? {
        let digits = Array(text.utf8)
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
    private static let alphabet = Array(
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)
    private static let values: [UInt8] = {
        var table = [UInt8](repeating: 255, count: 256)
        for (value, letter) in alphabet.enumerated() { table[Int(letter)] = UInt8(value) }
        return table
    }()

    package static func encode(_ bytes: some Collection<UInt8>) -> String {
        var text: [UInt8] = []
        text.reserveCapacity((bytes.count + 2) / 3 * 4)
        var bits: UInt32 = 0
        var pending = 0
        for byte in bytes {
            bits = bits << 8 | UInt32(byte)
            pending += 1
            if pending == 3 {
                for shift in [18, 12, 6, 0] {
                    text.append(alphabet[Int(bits >> UInt32(shift)) & 63])
                }
                bits = 0
                pending = 0
            }
        }
        if pending == 1 {
            text += [alphabet[Int(bits >> 2)], alphabet[Int(bits << 4) & 63], 0x3D, 0x3D]
        } else if pending == 2 {
            text += [
                alphabet[Int(bits >> 10)], alphabet[Int(bits >> 4) & 63],
                alphabet[Int(bits << 2) & 63], 0x3D,
            ]
        }
        return String(decoding: text, as: UTF8.self)
    }

    /// - Returns: nil unless `text` is what `encode` makes of some bytes.
    package static func decode(_ text: some StringProtocol) -> [UInt8]? {
        let letters = Array(text.utf8)
        guard letters.count.isMultiple(of: 4) else { return nil }
        let padding = letters.reversed().prefix(2).prefix { $0 == 0x3D }.count
        var bytes: [UInt8] = []
        bytes.reserveCapacity(letters.count / 4 * 3)
        var bits: UInt32 = 0
        for (index, letter) in letters.dropLast(padding).enumerated() {
            let value = values[Int(letter)]
            guard value != 255 else { return nil }
            bits = bits << 6 | UInt32(value)
            if index % 4 == 3 {
                bytes += [UInt8(bits >> 16 & 255), UInt8(bits >> 8 & 255), UInt8(bits & 255)]
                bits = 0
            }
        }
        switch padding {
        case 2:
            guard bits & 15 == 0 else { return nil }
            bytes.append(UInt8(bits >> 4))
        case 1:
            guard bits & 3 == 0 else { return nil }
            bytes += [UInt8(bits >> 10), UInt8(bits >> 2 & 255)]
        default: break
        }
        return bytes
    }
}
