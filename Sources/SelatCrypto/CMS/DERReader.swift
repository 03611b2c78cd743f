import SelatCore

/// Reads ASN.1 DER of foreign origin, element by element; whoever reads says what must come next.
///
/// Only definite, shortest lengths and one-byte tags exist here. It never recurses and copies
/// nothing.
struct DERReader {
    private var rest: ArraySlice<UInt8>

    init(_ bytes: ArraySlice<UInt8>) { rest = bytes }
    init(_ bytes: [UInt8]) { rest = bytes[...] }

    var isAtEnd: Bool { rest.isEmpty }
    /// The next element's tag, or nil at the end.
    var nextTag: UInt8? { rest.first }

    /// The content of the next element, which must have this tag.
    mutating func content(_ tag: UInt8) throws(DERError) -> ArraySlice<UInt8> {
        let (content, end) = try extent(tag)
        rest = rest[end...]
        return content
    }

    /// The next element whole, which must have this tag.
    mutating func element(_ tag: UInt8) throws(DERError) -> ArraySlice<UInt8> {
        let start = rest.startIndex
        let (_, end) = try extent(tag)
        defer { rest = rest[end...] }
        return rest[start..<end]
    }

    /// A reader over the content of the next element.
    mutating func inside(_ tag: UInt8) throws(DERError) -> DERReader {
        DERReader(try content(tag))
    }

    mutating func sequence() throws(DERError) -> DERReader { try inside(DER.Tag.sequence) }

    /// The next element is exactly these bytes.
    mutating func expect(_ bytes: [UInt8], _ what: String) throws(DERError) {
        guard rest.starts(with: bytes) else { throw DERError("\(what) is not the expected one") }
        rest = rest.dropFirst(bytes.count)
    }

    /// The content of an INTEGER, two's complement, in its shortest form.
    mutating func integer() throws(DERError) -> ArraySlice<UInt8> {
        let digits = try content(DER.Tag.integer)
        guard let first = digits.first else { throw DERError("an integer without bytes") }
        if let second = digits.dropFirst().first,
            first == 0 && second < 0x80 || first == 0xFF && second >= 0x80
        {
            throw DERError("an integer that is not of the shortest form")
        }
        return digits
    }

    mutating func oid() throws(DERError) -> OID {
        OID(der: Array(try element(DER.Tag.oid)))
    }

    /// UTCTime or GeneralizedTime, in seconds and with `Z`.
    mutating func time() throws(DERError) -> Timestamp {
        let isShort = nextTag == DER.Tag.utcTime
        let digits = try content(isShort ? DER.Tag.utcTime : DER.Tag.generalizedTime)
        guard digits.count == (isShort ? 13 : 15), digits.last == UInt8(ascii: "Z"),
            digits.dropLast().allSatisfy({ (0x30...0x39).contains($0) })
        else { throw DERError("a time that is not `YYMMDDhhmmssZ` or `YYYYMMDDhhmmssZ`") }
        let century = isShort ? (digits.first! < UInt8(ascii: "5") ? "20" : "19") : ""
        var text = ""
        for (place, digit) in (Array(century.utf8) + digits).enumerated() {
            // The marks of RFC 3339, after year, month, day, hour and minute.
            switch place {
            case 4, 6: text.append("-")
            case 8: text.append("T")
            case 10, 12: text.append(":")
            default: break
            }
            text.unicodeScalars.append(Unicode.Scalar(digit))
        }
        guard let time = try? Timestamp(text) else {
            throw DERError("a time that does not exist")
        }
        return time
    }

    /// Nothing is left.
    func end(_ what: String) throws(DERError) {
        guard rest.isEmpty else { throw DERError("\(rest.count) bytes too many in \(what)") }
    }

    private func extent(
        _ tag: UInt8
    ) throws(DERError) -> (content: ArraySlice<UInt8>, end: Int) {
        guard rest.count >= 2, rest.first == tag else {
            let found = rest.first.map { "tag \($0)" } ?? "the end"
            throw DERError("expected tag \(tag), found \(found)")
        }
        var index = rest.startIndex + 1
        var count = Int(rest[index])
        index += 1
        if count >= 0x80 {
            let digits = count - 0x80
            guard (1...4).contains(digits), rest.endIndex - index >= digits else {
                throw DERError("a length that is indefinite, cut off or over 4 bytes")
            }
            count = rest[index..<index + digits].reduce(0) { $0 << 8 | Int($1) }
            guard count >= 0x80, rest[index] != 0 else {
                throw DERError("a length that is not of the shortest form")
            }
            index += digits
        }
        guard rest.endIndex - index >= count else { throw DERError("an element that is cut off") }
        return (rest[index..<index + count], index + count)
    }
}

/// What is wrong with DER bytes; the caller says which document they belong to.
struct DERError: Error {
    let reason: String
    init(_ reason: String) { self.reason = reason }
}
