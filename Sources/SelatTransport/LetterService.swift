package import SelatCore

/// What a node does with the small signed documents that its peers bring: receipts on their
/// way to the sender, recalls on their way to the recipient; the transport calls it.
///
/// Each call may throw a `Problem` (of SelatHTTP), which the peer receives as it is.
package protocol LetterService: Sendable {
    /// Takes a receipt about one of the own transfers, or holds one that passes through.
    func take(receipt: [UInt8], from peer: NodeID) async throws -> LetterAnswer

    /// Takes the recall of a transfer that lies here, or passes through.
    /// - Parameter message: as an officer of the sender's signed it.
    func take(recall message: [UInt8], from peer: NodeID) async throws -> LetterAnswer
}

/// Where a letter is now.
package enum LetterAnswer: String, CaseIterable, Sendable {
    /// Its addressee has it, and keeps it.
    case taken
    /// A relay has it, and brings it further.
    case held

    var json: JSON { ["state": .string(rawValue)] }

    /// - Throws: `CoreError` for anything but the document of Protocol.md.
    init(parsing bytes: [UInt8]) throws(CoreError) {
        var reader = try ObjectReader(try JSON(parsing: bytes), "letter's answer")
        self = try reader.choice("state")
        try reader.end()
    }
}
