import SelatCore
import SelatCrypto

/// How much of one kind may lie here at once, such as what comes from one member: its nodes fill nobody else's room.
package struct Quota: Sendable, Hashable {
    package var transfersMax: Int
    /// Of the payloads together.
    package var bytesMax: UInt64

    package init(transfersMax: Int, bytesMax: UInt64) {
        self.transfersMax = transfersMax
        self.bytesMax = bytesMax
    }

    /// What passes through, and has not ended here.
    package static let relay = Quota(transfersMax: 1_000, bytesMax: sealedBytesMax)
    /// What was received, or is arriving, and is not destroyed.
    package static let inbox = Quota(transfersMax: 100_000, bytesMax: sealedBytesMax)

    /// What is under way to one recipient, from its verdict to its outcome. One dataset of any size finds room.
    package static let recipient = Quota(transfersMax: 5_000, bytesMax: Limits.payloadBytesMax)
    /// And to all of them: each transfer is pursued by a task of its own.
    package static let total = Quota(transfersMax: 10_000, bytesMax: 4 * Limits.payloadBytesMax)

    /// One dataset of any size finds room.
    private static let sealedBytesMax = ChunkedEncryption.sealedSize(of: Limits.payloadBytesMax)

    /// This one, and for flash the share beyond it that what is less urgent never takes.
    func extended(for precedence: Precedence) -> Quota {
        guard precedence == .flash else { return self }
        return Quota(
            transfersMax: min(transfersMax, Int.max - Limits.flashTransfersMax)
                + Limits.flashTransfersMax,
            bytesMax: min(bytesMax, UInt64.max - Limits.flashBytesMax) + Limits.flashBytesMax)
    }

    /// Whether little is left: nine tenths are taken.
    func isNearlyFull(_ held: (transfers: Int, bytes: UInt64)) -> Bool {
        Double(held.transfers) >= 0.9 * Double(transfersMax)
            || Double(held.bytes) >= 0.9 * Double(bytesMax)
    }

    /// What lies here, and what may.
    func words(_ held: (transfers: Int, bytes: UInt64)) -> String {
        "\(held.transfers) of at most \(transfersMax), \(held.bytes) of at most \(bytesMax) bytes"
    }

    /// Whether a payload of `size` bytes finds room beside what lies here.
    func hasRoom(for size: UInt64, beside held: (transfers: Int, bytes: UInt64)) -> Bool {
        let (bytes, isOver) = held.bytes.addingReportingOverflow(size)
        return held.transfers < transfersMax && !isOver && bytes <= bytesMax
    }
}

/// How much of this node's own may be under way.
package struct QueueQuotas: Sendable, Hashable {
    /// To one recipient: one that is away takes nobody else's room.
    package var recipient = Quota.recipient
    /// To all of them together.
    package var total = Quota.total

    package init() {}
}
