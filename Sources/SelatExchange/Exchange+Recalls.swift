package import SelatCore
import SelatCrypto
import SelatDelivery
import SelatEvidence
import SelatFederation
package import SelatStore

// Recalls as operators and officers see them.

extension Exchange {
    /// A recall, and how the transfer that it names stands here.
    package struct RecallView: Sendable {
        package let direction: String
        package let to: NodeID
        package let state: String
        package let issued: Timestamp
        /// What the recipient has stated since, in its words: `recalled`, `retained`, `destroyed`.
        package let answers: [String]
        /// From when on the recipient may destroy it, by its word `recalled`; nil without that.
        package let holdUntil: Timestamp?
        /// What was sent on of it, and whether that was recalled: only an own officer can.
        package let onward: [(row: OutboundRow, isRecalled: Bool)]
        /// Why nobody has taken the recall to the recipient yet; nil where nothing keeps it.
        package let cause: String?
    }

    /// Newest first.
    package func recalls(limit: Int) async throws -> [RecallRow] {
        try await store.read { try $0.recalls(limit: limit) }
    }

    package func view(of recall: RecallRow) async throws -> RecallView {
        let statement = try RecallStatement(
            content: try CMS.unverifiedContent(recall.message, type: .recall))
        let (id, from) = (recall.id, recall.from)
        let found = try await store.read {
            (
                from == self.identity.node ? try $0.outbound(id) : nil,
                try $0.inbound(id, from: from), try $0.relayed(id, from: from)
            )
        }
        let (direction, state, story): (String, String, [StoryLine]) =
            if let row = found.0 {
                ("outbound", row.state, try await self.story(of: row))
            } else if let row = found.1 {
                ("inbound", row.state, try await self.story(of: row))
            } else if let row = found.2 {
                ("relayed", row.state, try await self.story(of: row))
            } else { ("none", "unknown", []) }
        let answers = story.map(\.statement).filter {
            $0.kind.answersRecall || $0.kind == .destroyed
                || $0.reason?.hasPrefix("recalled: ") == true
        }.map(\.kind.rawValue)
        let letter = try await letters(about: id, from: from).first { $0.kind == Self.recallLetter }
        let hindrance = letter.flatMap { self.hindrance(of: $0) }
        return RecallView(
            direction: direction, to: statement.to, state: state, issued: statement.issued,
            answers: answers,
            holdUntil: story.last { $0.statement.kind == .recalled }?.statement.until,
            onward: found.1 == nil ? [] : try await onward(of: id, from: from),
            cause: hindrance?.isHeld == false ? hindrance?.cause : nil)
    }

    /// What of a received dataset was sent on, and may lie somewhere.
    private func onward(
        of id: TransferID, from: NodeID
    ) async throws -> [(row: OutboundRow, isRecalled: Bool)] {
        try await store.read { try self.onward(of: id, from: from, in: $0) }
    }

    private func onward(
        of id: TransferID, from: NodeID, in snapshot: Snapshot
    ) throws -> [(row: OutboundRow, isRecalled: Bool)] {
        try snapshot.derived(from: id, of: from).filter(\.handedOn).map {
            ($0, try snapshot.recall(of: $0.id, from: identity.node) != nil)
        }
    }

    /// What waits for an own officer's word, in lines for people.
    package func recallWarnings() async throws -> [String] {
        let node = identity.node
        return try await store.read { snapshot in
            var warnings: [String] = []
            for row in try snapshot.recalls(limit: 1_000) where row.from != node {
                guard let received = try snapshot.inbound(row.id, from: row.from) else { continue }
                let isClosed = received.state == Recipient.State.recalled.rawValue
                if isClosed, !row.isOrdered, row.decision == nil {
                    warnings.append(
                        "`\(row.id)` is recalled by \(row.officer): "
                            + "`selat recall answer \(row.id)`")
                }
                let onward = try self.onward(of: row.id, from: row.from, in: snapshot)
                for copy in onward where !copy.isRecalled {
                    warnings.append(
                        "`\(row.id)` is recalled by \(row.officer), and was sent on to \(copy.row.to): "
                            + "`selat recall \(copy.row.id)`")
                }
            }
            return warnings
        }
    }
}
