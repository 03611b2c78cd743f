/// Writes JSON: canonical (RFC 8785) without `indent`, laid out for people with it.
struct JSONWriter {
    private(set) var bytes: [UInt8] = []
    private var indent: Int?

    init(indent: Int?) {
        self.indent = indent
        bytes.reserveCapacity(1_024)
    }

    mutating func write(_ value: JSON) {
        switch value {
        case .null: put("null")
        case .bool(let flag): put(flag ? "true" : "false")
        case .integer(let number): bytes += String(number).utf8
        case .number(let number): bytes += Self.ecmaScript(number).utf8
        case .string(let text): write(text)
        case .array(let elements):
            open("[")
            for index in elements.indices {
                begin(index)
                write(elements[index])
            }
            close("]", elements.count)
        case .object(let members):
            open("{")
            for index in members.indices {
                begin(index)
                write(members[index].key)
                put(indent == nil ? ":" : ": ")
                write(members[index].value)
            }
            close("}", members.count)
        }
    }

    private mutating func put(_ text: StaticString) {
        text.withUTF8Buffer { bytes.append(contentsOf: $0) }
    }

    private mutating func open(_ bracket: Unicode.Scalar) {
        bytes.append(UInt8(ascii: bracket))
        indent? += 2
    }

    /// Before each element.
    private mutating func begin(_ index: Int) {
        if index > 0 { bytes.append(UInt8(ascii: ",")) }
        newLine()
    }

    private mutating func close(_ bracket: Unicode.Scalar, _ count: Int) {
        indent? -= 2
        if count > 0 { newLine() }
        bytes.append(UInt8(ascii: bracket))
    }

    private mutating func newLine() {
        guard let indent else { return }
        bytes.append(0x0A)
        bytes += repeatElement(0x20, count: indent)
    }

    /// RFC 8785, 3.2.2.2: only the quote, the backslash and control characters are escaped.
    private mutating func write(_ text: String) {
        bytes.append(UInt8(ascii: "\""))
        var text = text
        text.withUTF8 { letters in
            var written = 0
            for index in letters.indices where Self.isEscaped(letters[index]) {
                bytes.append(contentsOf: UnsafeBufferPointer(rebasing: letters[written..<index]))
                escape(letters[index])
                written = index + 1
            }
            bytes.append(contentsOf: UnsafeBufferPointer(rebasing: letters[written...]))
        }
        bytes.append(UInt8(ascii: "\""))
    }

    private static func isEscaped(_ letter: UInt8) -> Bool {
        letter < 0x20 || letter == UInt8(ascii: "\"") || letter == UInt8(ascii: "\\")
    }

    private mutating func escape(_ letter: UInt8) {
        bytes.append(UInt8(ascii: "\\"))
        switch letter {
        // Documents within documents have one at each of their quotes.
        case UInt8(ascii: "\""), UInt8(ascii: "\\"): bytes.append(letter)
        case 0x08: bytes.append(UInt8(ascii: "b"))
        case 0x09: bytes.append(UInt8(ascii: "t"))
        case 0x0A: bytes.append(UInt8(ascii: "n"))
        case 0x0C: bytes.append(UInt8(ascii: "f"))
        case 0x0D: bytes.append(UInt8(ascii: "r"))
        default: bytes += "u00\(Hex.encode([letter]))".utf8
        }
    }

    /// ECMA-262, Number::toString: Swift gives the same shortest digits, laid out otherwise.
    private static func ecmaScript(_ number: Double) -> String {
        precondition(number.isFinite, "JSON has no NaN and no infinity")
        if number == 0 { return "0" }
        let (digits, exponent) = shortestDigits(number.magnitude)
        let count = digits.count
        let text: String
        switch exponent {
        case count...21: text = digits + String(repeating: "0", count: exponent - count)
        case 1..<22: text = digits.prefix(exponent) + "." + digits.dropFirst(exponent)
        case -5...0: text = "0." + String(repeating: "0", count: -exponent) + digits
        default:
            let power = exponent - 1
            let fraction = count > 1 ? "." + digits.dropFirst() : ""
            text = "\(digits.prefix(1))\(fraction)e\(power < 0 ? "-" : "+")\(power.magnitude)"
        }
        return number < 0 ? "-" + text : text
    }

    /// The significant digits, without zeros at either end, and n with value = 0.digits × 10ⁿ.
    private static func shortestDigits(_ number: Double) -> (digits: String, exponent: Int) {
        let parts = "\(number)".split(separator: "e")
        let mantissa = parts[0].split(separator: ".")
        let whole = mantissa[0]
        let all = whole + (mantissa.count > 1 ? mantissa[1] : "")
        let leading = all.prefix { $0 == "0" }.count
        let power = parts.count > 1 ? Int(parts[1]) ?? 0 : 0
        var digits = all.dropFirst(leading)
        while digits.last == "0" { digits = digits.dropLast() }
        return (String(digits), whole.count - leading + power)
    }
}
