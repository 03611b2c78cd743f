/// Writes JSON: canonical (RFC 8785) without `indent`, laid out for people with it.
struct JSONWriter {
    private(set) var bytes: [UInt8] = []
    private var indent: Int?

    init(indent: Int?) {
        self.indent = indent
        bytes.reserveCapacity(512)
    }

    mutating func write(_ value: JSON) {
        switch value {
        case .null: bytes += "null".utf8
        case .bool(let flag): bytes += (flag ? "true" : "false").utf8
        case .integer(let number): bytes += String(number).utf8
        case .number(let number): bytes += Self.ecmaScript(number).utf8
        case .string(let text): write(text)
        case .array(let elements):
            list("[", "]", elements) { writer, element in writer.write(element) }
        case .object(let members):
            let sorted = members.sorted { Self.precedes($0.key, $1.key) }
            list("{", "}", sorted) { writer, member in
                writer.write(member.key)
                writer.bytes += (writer.indent == nil ? ":" : ": ").utf8
                writer.write(member.value)
            }
        }
    }

    private mutating func list<Element>(
        _ open: String, _ close: String, _ elements: [Element],
        _ body: (inout JSONWriter, Element) -> Void
    ) {
        bytes += open.utf8
        indent? += 2
        for (index, element) in elements.enumerated() {
            if index > 0 { bytes.append(UInt8(ascii: ",")) }
            newLine()
            body(&self, element)
        }
        indent? -= 2
        if !elements.isEmpty { newLine() }
        bytes += close.utf8
    }

    private mutating func newLine() {
        guard let indent else { return }
        bytes.append(0x0A)
        bytes += repeatElement(0x20, count: indent)
    }

    /// RFC 8785, 3.2.3: by UTF-16 code units. In UTF-8 that is the order of the bytes, but for what
    /// lies beyond the first plane, which UTF-16 writes with surrogates: before U+E000.
    private static func precedes(_ a: String, _ b: String) -> Bool {
        var (a, b) = (a.utf8.makeIterator(), b.utf8.makeIterator())
        while let x = a.next() {
            guard let y = b.next() else { return false }
            if x == y { continue }
            return min(x, y) >= 0xEE && (x >= 0xF0) != (y >= 0xF0) ? x > y : x < y
        }
        return b.next() != nil
    }

    /// RFC 8785, 3.2.2.2: only the quote, the backslash and control characters are escaped.
    private mutating func write(_ text: String) {
        bytes.append(UInt8(ascii: "\""))
        var text = text
        text.withUTF8 { letters in
            if letters.contains(where: Self.isEscaped) {
                for letter in letters { escape(letter) }
            } else {
                bytes.append(contentsOf: letters)
            }
        }
        bytes.append(UInt8(ascii: "\""))
    }

    private static func isEscaped(_ letter: UInt8) -> Bool {
        letter < 0x20 || letter == UInt8(ascii: "\"") || letter == UInt8(ascii: "\\")
    }

    private mutating func escape(_ letter: UInt8) {
        switch letter {
        case UInt8(ascii: "\""): bytes += "\\\"".utf8
        case UInt8(ascii: "\\"): bytes += "\\\\".utf8
        case 0x08: bytes += "\\b".utf8
        case 0x09: bytes += "\\t".utf8
        case 0x0A: bytes += "\\n".utf8
        case 0x0C: bytes += "\\f".utf8
        case 0x0D: bytes += "\\r".utf8
        case 0..<0x20: bytes += "\\u00\(Hex.encode([letter]))".utf8
        default: bytes.append(letter)
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
