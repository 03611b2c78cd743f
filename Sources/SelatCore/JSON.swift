// JSON as Selat signs and digests it: strict I-JSON (RFC 7493) in, RFC 8785 out.

/// A JSON value whose canonical bytes (RFC 8785) are what signatures and digests cover.
///
/// Signed and digested documents hold no floating point; `number` exists for foreign descriptors and
/// is parsed only on request.
package enum JSON: Hashable, Sendable {
    case null
    case bool(Bool)
    /// Within ±(2⁵³ − 1), the integers that every JSON reader agrees on (RFC 7493, 2.2).
    case integer(Int64)
    case number(Double)
    case string(String)
    case array([JSON])
    case object(Object)

    /// The largest integer that every JSON reader holds exactly: 2⁵³ − 1.
    package static let integerMax: Int64 = 9_007_199_254_740_991

    /// Parses one JSON text.
    /// - Parameters:
    ///   - bytes: UTF-8, without a byte order mark.
    ///   - floats: whether numbers that are not integers are read.
    ///   - isTrusted: whether there may be more than `Limits.jsonContainersMax` objects and arrays and
    ///     `Limits.jsonValuesMax` values, of which each takes more memory than its few bytes.
    /// - Throws: `CoreError.json` for anything that is not exactly one value: duplicate keys, lone
    ///   surrogates, invalid UTF-8, trailing bytes, depth over `Limits.jsonDepthMax`.
    package init(
        parsing bytes: [UInt8], floats: Bool = false, isTrusted: Bool = false
    ) throws(CoreError) {
        var parser = JSONParser(
            bytes: bytes, floats: floats, isTrusted: isTrusted, canonical: false)
        self = try parser.document()
    }

    /// The same of a text that must be its value's `canonical` bytes.
    /// - Throws: `CoreError.json` also for any other text of the value.
    package init(canonical bytes: [UInt8], floats: Bool = false) throws(CoreError) {
        var parser = JSONParser(
            bytes: bytes, floats: floats, isTrusted: false, canonical: true)
        self = try parser.document()
    }

    /// An integer value.
    /// - Parameter value: precondition: at most 2⁵³ − 1.
    package static func integer(_ value: UInt64) -> JSON {
        precondition(value <= UInt64(integerMax), "JSON integers end at 2^53 - 1")
        return .integer(Int64(value))
    }

    /// An array of strings.
    package static func strings(_ values: some Sequence<String>) -> JSON {
        .array(values.map { .string($0) })
    }

    /// The canonical bytes, RFC 8785.
    package var canonical: [UInt8] {
        var writer = JSONWriter(indent: nil)
        writer.write(self)
        return writer.bytes
    }

    /// The same value laid out for people: two spaces, keys in canonical order.
    package var pretty: String {
        var writer = JSONWriter(indent: 0)
        writer.write(self)
        return String(decoding: writer.bytes, as: UTF8.self)
    }

    package subscript(key: String) -> JSON? {
        if case .object(let members) = self { members[key] } else { nil }
    }

    /// How many values and containers a text of this has, as `Limits.jsonValuesMax` and
    /// `Limits.jsonContainersMax` count them.
    package var extent: (values: Int, containers: Int) {
        let members: [JSON]
        switch self {
        case .array(let elements): members = elements
        case .object(let object): members = object.map(\.value)
        case .null, .bool, .integer, .number, .string: return (1, 0)
        }
        return members.lazy.map(\.extent).reduce((1, 1)) { ($0.0 + $1.0, $0.1 + $1.1) }
    }

    package var stringValue: String? { if case .string(let value) = self { value } else { nil } }
    package var integerValue: Int64? { if case .integer(let value) = self { value } else { nil } }
    package var boolValue: Bool? { if case .bool(let value) = self { value } else { nil } }
    package var arrayValue: [JSON]? { if case .array(let value) = self { value } else { nil } }
    package var objectValue: Object? {
        if case .object(let value) = self { value } else { nil }
    }
}

extension JSON: ExpressibleByStringLiteral, ExpressibleByBooleanLiteral,
    ExpressibleByIntegerLiteral, ExpressibleByArrayLiteral, ExpressibleByDictionaryLiteral
{
    package init(stringLiteral value: String) { self = .string(value) }
    package init(booleanLiteral value: Bool) { self = .bool(value) }
    package init(integerLiteral value: Int64) { self = .integer(value) }
    package init(arrayLiteral elements: JSON...) { self = .array(elements) }
    package init(dictionaryLiteral elements: (String, JSON)...) {
        self = .object(Object(elements.lazy.map { (key: $0, value: $1) }))
    }
}
