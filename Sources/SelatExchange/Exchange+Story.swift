import SelatAudit
package import SelatCore
import SelatCrypto
package import SelatEvidence
package import SelatStore

// What a transfer's recipient has stated about it, in order: the same at both ends, for each line is one
// signed statement.

/// One signed statement about a transfer, and the entry of its signer's log that holds it.
package struct StoryLine: Hashable, Sendable {
    package let statement: ReceiptStatement
    package let entry: UInt64
}

extension Exchange {
    package func story(of row: OutboundRow) async throws -> [StoryLine] {
        let node = identity.node
        let told = try store.lookUp { try $0.receipts(of: row.id, from: node) }
            .filter { $0.signer == row.to }.map(\.document)
        let receipts = [try receipt(of: row)].compactMap(\.self) + told
        return try Self.story(receipts.map(StoryLine.init))
    }

    package func story(of row: RelayedRow) async throws -> [StoryLine] {
        let told = try store.lookUp { try $0.receipts(of: row.id, from: row.from) }
            .filter { $0.signer == row.to }.map(\.document)
        return try Self.story(([row.receipt].compactMap(\.self) + told).map(StoryLine.init))
    }

    package func story(of row: InboundRow) async throws -> [StoryLine] {
        var lines: [StoryLine] = []
        if let statement = row.statement, let entry = row.statementEntry {
            lines.append(try StoryLine(statement: statement, entry: entry))
        }
        for stated in try store.lookUp({ try $0.stated(of: row.id, from: row.from) }) {
            lines.append(try StoryLine(statement: stated.statement, entry: stated.entry))
        }
        return Self.story(lines)
    }

    /// What others are still to be told about a transfer.
    package func letters(about id: TransferID, from: NodeID) async throws -> [LetterRow] {
        try store.lookUp { try $0.letters(about: id, from: from) }
    }

    /// In the order of their signer's log, each once.
    private static func story(_ lines: [StoryLine]) -> [StoryLine] {
        Set(lines).sorted { $0.entry < $1.entry }
    }
}

extension StoryLine {
    init(document: [UInt8]) throws {
        let receipt = try Receipt(parsing: document)
        self.init(
            statement: try receipt.unverifiedStatement, entry: receipt.entry.sequence)
    }

    fileprivate init(statement: [UInt8], entry: UInt64) throws {
        let content = try CMS.unverifiedContent(statement, type: .receipt)
        self.init(statement: try ReceiptStatement(canonical: content), entry: entry)
    }
}
