import SelatCore
import SelatDelivery

/// A signed head, as it travels and lies in the spool.
struct Head: Hashable {
    let transfer: Int
    let from: Int
    let to: Int
    let attempt: UInt64
    let created: Timestamp
    let expires: Timestamp
    let signed: Timestamp
    /// One for each segment of the sealed payload.
    let leaves: [UInt64]
    let verdict: Verdict
    let approvals: [Approval]
    let listSerial: Int
    /// From the sender to the recipient.
    let route: [Int]
    /// Whether the signature verifies.
    var isAuthentic = true

    var size: UInt64 { UInt64(leaves.count) }
    /// Whether its parts lie in the database.
    var isSmall: Bool { World.isSmall(segments: leaves.count) }
    var key: InboundKey { InboundKey(from: from, transfer: transfer) }

    /// The neighbours of a relay of the route; nil for a node that is none.
    func hop(_ node: Int) -> (previous: Int, next: Int)? {
        guard let place = route.firstIndex(of: node), place > 0, place < route.count - 1 else {
            return nil
        }
        return (route[place - 1], route[place + 1])
    }

    var fixedParts: Digest {
        let words = [UInt64(transfer), leaves.first ?? 0, leaves.last ?? 0, size]
        return Digest { target in
            for (index, word) in words.enumerated() {
                target.storeBytes(of: word, toByteOffset: index * 8, as: UInt64.self)
            }
        }
    }
}

/// A receipt, as far as anybody can forge it.
struct Receipt: Hashable {
    var kind: ReceiptKind
    var from: Int
    var transfer: Int
    var attempt: UInt64
    var signer: Int
    var reason: String?
    /// The entry of the signer's log that records it.
    var entry: Int
    /// How often the dataset was handed out; only with `recalled` and `destroyed`.
    var openings: Int?
    /// The recall that it answers.
    var recall: RecallWord?

    var key: InboundKey { InboundKey(from: from, transfer: transfer) }

    /// Whether it is a recipient's, beside the outcome.
    var isStory: Bool { kind.isStory }
    /// Whether a sender's transfer ends by it.
    var isOutcome: Bool { kind == .delivered || kind == .refused }
}

extension ReceiptKind {
    var isStory: Bool { [.opened, .recalled, .retained, .destroyed].contains(self) }
}

/// An officer's word that a transfer is to come back.
struct RecallWord: Hashable {
    let key: InboundKey
    let to: Int
    let officer: Officer
    /// Tells the messages of one officer apart.
    let number: Int

    /// Whether the signature is one that a recall of this transfer needs.
    func counts(in list: MemberList) -> Bool {
        officer.node == key.from && !list.revoked.contains(officer)
    }
}

/// What a recipient answers to an offer or an upload.
struct Answer: Hashable {
    /// As the one who answers calls it.
    var state: String
    var offset: UInt64
    var receipt: Receipt?
    var cause: String?
}

/// What goes wrong in a step.
enum Mishap: Error, Hashable {
    /// The process is no more.
    case crashed
    case linkBroken
    case diskFull
    case unreadable
    case missingFile
    case changedMeanwhile
    case notReady(String)
    /// It expired before its last piece had left.
    case tooLate
    case refused(Recipient.Refusal)
    case offsetDiffers(UInt64)
    case untrustedReceipt(String)
}
