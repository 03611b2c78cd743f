/// A recursive-descent reader of one JSON text (RFC 8259) under the rules of I-JSON (RFC 7493).
struct JSONParser {
    let bytes: [UInt8]
    let floats: Bool
    private let containersMax: Int
    private let valuesMax: Int
    /// Whether anything but the canonical form (RFC 8785) is a fault.
    private let isStrict: Bool
    private var index = 0
    private var depth = 0
    private var containers = 0
    private var values = 0

    init(bytes: [UInt8], floats: Bool, isTrusted: Bool, canonical isStrict: Bool) {
        self.isStrict = isStrict
        self.bytes = bytes
        self.floats = floats
        containersMax = isTrusted ? .max : Limits.jsonContainersMax
        valuesMax = isTrusted ? .max : Limits.jsonValuesMax
    }

    mutating func document() throws(CoreError) -> JSON {
        let result = try value()
        skipSpace()
        guard index == bytes.count else { throw fault("bytes after the end of the value") }
        return result
    }

    private func fault(_ reason: String) -> CoreError { .json(reason, offset: index) }

    private var next: UInt8? { index < bytes.count ? bytes[index] : nil }

    private mutating func skipSpace() {
        // Where there may be none, it is refused as what stands there instead of a value or a sign.
        guard !isStrict else { return }
        while let byte = next, byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 {
            index += 1
        }
    }

    private mutating func take(_ byte: UInt8) -> Bool {
        guard next == byte else { return false }
        index += 1
        return true
    }

    private mutating func value() throws(CoreError) -> JSON {
        skipSpace()
        values += 1
        guard values <= valuesMax else { throw fault("more than \(valuesMax) values") }
        switch next {
        case UInt8(ascii: "{"):
            return try nested { parser throws(CoreError) in try parser.object() }
        case UInt8(ascii: "["): return try nested { parser throws(CoreError) in try parser.array() }
        case UInt8(ascii: "\""): return .string(try string())
        case UInt8(ascii: "t"): return try word("true", .bool(true))
        case UInt8(ascii: "f"): return try word("false", .bool(false))
        case UInt8(ascii: "n"): return try word("null", .null)
        case .some(let byte) where byte == 0x2D || (0x30...0x39).contains(byte):
            return try number()
        case .some: throw fault("no JSON value begins here")
        case nil: throw fault("the text ends where a value should be")
        }
    }

    private mutating func nested(
        _ body: (inout JSONParser) throws(CoreError) -> JSON
    ) throws(CoreError) -> JSON {
        guard depth < Limits.jsonDepthMax else {
            throw fault("nested deeper than \(Limits.jsonDepthMax)")
        }
        containers += 1
        guard containers <= containersMax else {
            throw fault("more than \(containersMax) objects and arrays")
        }
        depth += 1
        index += 1
        let result = try body(&self)
        depth -= 1
        return result
    }

    private mutating func word(_ text: StaticString, _ value: JSON) throws(CoreError) -> JSON {
        let end = index + text.utf8CodeUnitCount
        let matches = text.withUTF8Buffer {
            end <= bytes.count && bytes[index..<end].elementsEqual($0)
        }
        guard matches else { throw fault("expected `\(text)`") }
        index = end
        return value
    }

    private mutating func object() throws(CoreError) -> JSON {
        skipSpace()
        if take(UInt8(ascii: "}")) { return .object([:]) }
        var members: [JSON.Object.Element] = []
        // Most objects have a handful of keys: room at once costs less than growing for each of them. A text of very many
        // objects is another matter.
        if containers <= 4_096 { members.reserveCapacity(6) }
        var isInOrder = true
        while true {
            skipSpace()
            guard next == UInt8(ascii: "\"") else { throw fault("expected a key in quotes") }
            let key = try string()
            skipSpace()
            guard take(UInt8(ascii: ":")) else { throw fault("expected `:`") }
            if let last = members.last, JSON.Object.order(last.key, key) >= 0 { isInOrder = false }
            guard isInOrder || !isStrict else { throw fault(Self.otherForm) }
            members.append((key, try value()))
            skipSpace()
            if take(UInt8(ascii: "}")) { break }
            guard take(UInt8(ascii: ",")) else { throw fault("expected `,` or `}`") }
        }
        do throws(JSON.Object.Repeated) {
            return .object(try JSON.Object(parsed: members, isInOrder: isInOrder))
        } catch {
            throw fault("the key `\(error.key.prefix(80))` stands twice")
        }
    }

    private mutating func array() throws(CoreError) -> JSON {
        var elements: [JSON] = []
        skipSpace()
        if take(UInt8(ascii: "]")) { return .array(elements) }
        while true {
            elements.append(try value())
            skipSpace()
            if take(UInt8(ascii: "]")) { return .array(elements) }
            guard take(UInt8(ascii: ",")) else { throw fault("expected `,` or `]`") }
        }
    }

    // MARK: Strings

    private mutating func string() throws(CoreError) -> String {
        index += 1
        let start = index
        skipPlain()
        if next == UInt8(ascii: "\"") {
            defer { index += 1 }
            return try utf8(bytes.span.extracting(start..<index))
        }
        let text = try escapedString(from: start)
        if isStrict { try requireWritten(from: start - 1, as: JSON.string(text).canonical) }
        return text
    }

    /// To the next letter of a string that does not stand for itself.
    private mutating func skipPlain() {
        while let byte = next, byte != UInt8(ascii: "\""), byte != UInt8(ascii: "\\"), byte >= 0x20
        {
            index += 1
        }
    }

    private static let otherForm = "it is not in canonical form"

    /// Of what may be written in several ways only one is canonical.
    private func requireWritten(
        from start: Int, as canonical: some Sequence<UInt8>
    ) throws(CoreError) {
        guard canonical.elementsEqual(bytes[start..<index]) else { throw fault(Self.otherForm) }
    }

    private mutating func escapedString(from start: Int) throws(CoreError) -> String {
        var text = Array(bytes[start..<index])
        while let byte = next {
            switch byte {
            case UInt8(ascii: "\""):
                index += 1
                return try utf8(text.span)
            case UInt8(ascii: "\\"):
                index += 1
                try escape(into: &text)
            case 0..<0x20: throw fault("a control character inside a string")
            default:
                let plain = index
                skipPlain()
                text += bytes[plain..<index]
            }
        }
        throw fault("a string without end")
    }

    private func utf8(_ letters: Swift.Span<UInt8>) throws(CoreError) -> String {
        do throws(UTF8.ValidationError) {
            return String(copying: try UTF8Span(validating: letters))
        } catch {
            throw fault("invalid UTF-8")
        }
    }

    private mutating func escape(into text: inout [UInt8]) throws(CoreError) {
        guard let letter = next else { throw fault("a string without end") }
        index += 1
        switch letter {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): text.append(letter)
        case UInt8(ascii: "b"): text.append(0x08)
        case UInt8(ascii: "f"): text.append(0x0C)
        case UInt8(ascii: "n"): text.append(0x0A)
        case UInt8(ascii: "r"): text.append(0x0D)
        case UInt8(ascii: "t"): text.append(0x09)
        case UInt8(ascii: "u"): text += UTF8.encode(try unicodeEscape()).map(Array.init) ?? []
        default: throw fault("an unknown escape")
        }
    }

    private mutating func unicodeEscape() throws(CoreError) -> Unicode.Scalar {
        let first = try hexadecimal4()
        if let scalar = Unicode.Scalar(first) { return scalar }
        guard (0xD800..<0xDC00).contains(first), take(UInt8(ascii: "\\")), take(UInt8(ascii: "u"))
        else { throw fault("a lone surrogate") }
        let second = try hexadecimal4()
        guard (0xDC00..<0xE000).contains(second),
            let scalar = Unicode.Scalar(0x10000 + (first - 0xD800) << 10 + (second - 0xDC00))
        else { throw fault("a lone surrogate") }
        return scalar
    }

    private mutating func hexadecimal4() throws(CoreError) -> UInt32 {
        guard index + 4 <= bytes.count else { throw fault("an escape without end") }
        var value: UInt32 = 0
        for byte in bytes[index..<index + 4] {
            // `| 0x20` lowers A to F; digits keep their value because that bit is set in them.
            guard let digit = Hex.value(of: byte | 0x20), byte >= 0x30 else {
                throw fault("an escape that is not hexadecimal")
            }
            value = value << 4 | UInt32(digit)
        }
        index += 4
        return value
    }

    // MARK: Numbers

    private mutating func number() throws(CoreError) -> JSON {
        let start = index
        _ = take(0x2D)
        guard let first = next, (0x30...0x39).contains(first) else {
            throw fault("expected a digit")
        }
        index += 1
        if first != 0x30 { skipDigits() }
        let integerEnd = index
        if take(UInt8(ascii: ".")) { try requireDigits() }
        if take(UInt8(ascii: "e")) || take(UInt8(ascii: "E")) {
            if !take(UInt8(ascii: "+")) { _ = take(0x2D) }
            try requireDigits()
        }
        let text = String(decoding: bytes[start..<index], as: UTF8.self)
        if index == integerEnd, let value = Int64(text),
            (-JSON.integerMax...JSON.integerMax).contains(value)
        {
            if value == 0, first == 0x30, bytes[start] == 0x2D, !floats {
                throw fault("minus zero")
            }
            if isStrict { try requireWritten(from: start, as: String(value).utf8) }
            return .integer(value)
        }
        guard floats, let value = Double(text), value.isFinite else {
            throw fault("`\(text.prefix(40))` is not an integer within ±(2^53 - 1)")
        }
        if isStrict { try requireWritten(from: start, as: JSON.number(value).canonical) }
        return .number(value)
    }

    private mutating func skipDigits() {
        while let byte = next, (0x30...0x39).contains(byte) { index += 1 }
    }

    private mutating func requireDigits() throws(CoreError) {
        let start = index
        skipDigits()
        guard index > start else { throw fault("expected a digit") }
    }
}
