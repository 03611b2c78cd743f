import SelatCore

/// Permitted transfers whose payload has not begun to arrive.
///
/// Each lies in memory with its description, for as long as its caller likes within ten minutes: all of them, and those
/// that are being recorded or sealed, have a room together.
struct PendingSeals: Sendable {
    private var seals: [TransferID: Exchange.PendingSeal] = [:]
    /// Bytes of descriptions for which there is room no more.
    private(set) var bytes = 0

    subscript(id: TransferID) -> Exchange.PendingSeal? { seals[id] }

    var isEmpty: Bool { seals.isEmpty }

    /// Makes room for a description, until it is given back.
    /// - Throws: `Problem` where there is none now.
    mutating func reserve(_ count: Int) throws {
        guard bytes + count <= Limits.pendingDescriptionBytesMax else {
            throw ServiceProblem.notReady(
                "descriptions of datasets that are permitted and have not come take \(bytes) bytes of "
                    + "\(Limits.pendingDescriptionBytesMax)",
                remedy: "send those, or wait: what does not come within ten minutes is ended")
        }
        bytes += count
    }

    mutating func giveBack(_ count: Int) { bytes -= count }

    /// Awaits the payload of a transfer for whose description there is room.
    mutating func keep(_ seal: Exchange.PendingSeal, of id: TransferID) { seals[id] = seal }

    /// The transfer whose payload comes now; the room stays its own.
    mutating func take(_ id: TransferID) -> Exchange.PendingSeal? { seals.removeValue(forKey: id) }

    /// Forgets those that were begun before a moment, and gives their room back.
    mutating func takeOverdue(begunBefore moment: ContinuousClock.Instant) -> [TransferID] {
        let overdue = seals.filter { $0.value.begun < moment }
        for (id, seal) in overdue {
            seals[id] = nil
            bytes -= seal.descriptionBytes
        }
        return Array(overdue.keys)
    }
}
