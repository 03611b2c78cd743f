/// What can be wrong with a value at the edge.
package enum CoreError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The text is not a value of this kind.
    case malformed(_ kind: String, _ text: String, expected: String)
    /// A document lacks a key.
    case missing(_ key: String, in: String)
    /// A document has a key that nobody reads.
    case unknown(_ key: String, in: String)
    /// A value stands where one of another type belongs.
    case wrongType(_ key: String, in: String, expected: String)
    /// JSON text that is not strict I-JSON, at a byte offset.
    case json(_ reason: String, offset: Int)

    package var description: String {
        switch self {
        case .malformed(let kind, let text, let expected):
            "malformed \(kind) `\(text.prefix(200))`: expected \(expected)"
        case .missing(let key, let document): "\(document) lacks `\(key)`"
        case .unknown(let key, let document): "\(document) has an unknown key `\(key)`"
        case .wrongType(let key, let document, let expected):
            "`\(key)` in \(document) is not \(expected)"
        case .json(let reason, let offset): "JSON at byte \(offset): \(reason)"
        }
    }
}
