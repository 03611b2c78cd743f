package import SelatCore

/// A copy of a dataset that its destruction at the recipient does not reach (Exchange.docc,
/// *Receipts*).
package enum UnreachedCopy: Hashable, Sendable {
    /// The plaintext was handed out, so and so often.
    case opened(by: String, times: UInt64, last: Timestamp)
    /// The sealed package was handed out to be carried.
    case exported(by: String, times: UInt64, last: Timestamp)
    /// It was sent on in another dataset.
    case onward(to: NodeID, id: TransferID)
    /// Backups of the node, which are kept until then.
    case backup(until: Timestamp)

    /// Copies that one statement lists; what is more is told as handed out by `others`.
    package static let listedMax = 256

    package var json: JSON {
        switch self {
        case .opened(let by, let times, let last): Self.handedOut("opened", by, times, last)
        case .exported(let by, let times, let last): Self.handedOut("exported", by, times, last)
        case .onward(let to, let id):
            ["copy": "onward", "to": .string(to.text), "id": .string(id.text)]
        case .backup(let until): ["copy": "backup", "until": .string(until.text)]
        }
    }

    /// For a sentence.
    var words: String {
        switch self {
        case .opened(let by, let times, let last): "opened \(times) × by \(by), last at \(last)"
        case .exported(let by, let times, let last):
            "exported \(times) × by \(by), last at \(last)"
        case .onward(let to, let id): "sent on to \(to) as \(id)"
        case .backup(let until): "backups that are kept until \(until)"
        }
    }

    /// Copies of one kind stand together, the kinds in this order.
    private var place: Int {
        switch self {
        case .opened: 0
        case .exported: 1
        case .onward: 2
        case .backup: 3
        }
    }

    private static func handedOut(
        _ copy: String, _ by: String, _ times: UInt64, _ last: Timestamp
    ) -> JSON {
        [
            "copy": .string(copy), "by": .string(by), "times": .integer(times),
            "last": .string(last.text),
        ]
    }

    init(json: JSON) throws(CoreError) {
        var reader = try ObjectReader(json, "copy")
        switch try reader.string("copy") {
        case "opened":
            self = .opened(
                by: try reader.actor(), times: try reader.times(),
                last: try reader.timestamp("last"))
        case "exported":
            self = .exported(
                by: try reader.actor(), times: try reader.times(),
                last: try reader.timestamp("last"))
        case "onward":
            self = .onward(
                to: try reader.node("to"), id: try TransferID(try reader.string("id")))
        case "backup": self = .backup(until: try reader.timestamp("until"))
        case let other:
            throw .malformed(
                "copy", other, expected: "`opened`, `exported`, `onward` or `backup`")
        }
        try reader.end()
    }

    /// The member `unreached` of a statement.
    static func list(_ reader: inout ObjectReader) throws(CoreError) -> [UnreachedCopy] {
        let values = try reader.array("unreached")
        guard values.count <= listedMax else {
            throw .wrongType("unreached", in: "receipt", expected: "at most \(listedMax) copies")
        }
        var copies: [UnreachedCopy] = []
        for value in values { copies.append(try UnreachedCopy(json: value)) }
        guard zip(copies, copies.dropFirst()).allSatisfy({ $0.place <= $1.place }) else {
            throw .wrongType("unreached", in: "receipt", expected: "copies in their order")
        }
        return copies
    }
}

extension ObjectReader {
    /// `uid:1000`, or `others` where a list would be too long.
    fileprivate mutating func actor() throws(CoreError) -> String {
        let text = try string("by")
        let isUser = text.hasPrefix("uid:") && UInt32(text.dropFirst(4)).map { "uid:\($0)" } == text
        guard isUser || text == "others" else {
            throw .malformed("by", text, expected: "`uid:` and a number, or `others`")
        }
        return text
    }

    /// How often, from 1.
    fileprivate mutating func times() throws(CoreError) -> UInt64 {
        let times = try unsigned("times")
        guard times >= 1 else {
            throw .wrongType("times", in: "copy", expected: "a number from 1")
        }
        return times
    }
}
