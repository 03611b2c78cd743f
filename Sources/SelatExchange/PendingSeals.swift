import SelatCore

/// Permitted transfers whose payload has not begun to arrive.
///
/// Each lies in memory with its description, for as long as its caller likes within ten minutes: all of them, and those
/// that are being recorded or sealed, have a room together. What is less urgent fills less of it, so that it keeps
/// out nothing more urgent, and one user half, so that nobody alone keeps out another.
struct PendingSeals: Sendable {
    private var seals: [TransferID: Exchange.PendingSeal] = [:]
    /// Bytes of descriptions for which there is room no more, by whose they are.
    private var bytesByUser: [UInt32: Int] = [:]

    var bytes: Int { bytesByUser.values.reduce(0, +) }

    subscript(id: TransferID) -> Exchange.PendingSeal? { seals[id] }

    var isEmpty: Bool { seals.isEmpty }

    /// Bytes of all descriptions beyond which none of this precedence is taken. From one precedence to the next a
    /// user's half grows by the largest description.
    static func room(for precedence: Precedence) -> Int {
        Limits.pendingDescriptionBytesMax / 8 * (8 - precedence.rank)
    }

    /// Makes room for a user's description, until it is given back.
    /// - Throws: `Problem` where there is none now.
    mutating func reserve(_ count: Int, _ precedence: Precedence, of user: UInt32) throws {
        let (room, own) = (Self.room(for: precedence), bytesByUser[user, default: 0])
        guard bytes + count <= room, own + count <= room / 2 else {
            throw ServiceProblem.notReady(
                "descriptions of datasets that are permitted and have not come take \(bytes) bytes of "
                    + "\(room), this user's \(own) of \(room / 2)",
                remedy: "send those, or wait: what does not come within ten minutes is ended")
        }
        bytesByUser[user] = own + count
    }

    mutating func giveBack(_ count: Int, of user: UInt32) {
        let left = bytesByUser[user, default: 0] - count
        bytesByUser[user] = left > 0 ? left : nil
    }

    /// Awaits the payload of a transfer for whose description there is room.
    mutating func keep(_ seal: Exchange.PendingSeal, of id: TransferID) { seals[id] = seal }

    /// The transfer whose payload comes now; the room stays its own.
    mutating func take(_ id: TransferID) -> Exchange.PendingSeal? { seals.removeValue(forKey: id) }

    /// Forgets those that were begun before a moment, and gives their room back.
    mutating func takeOverdue(begunBefore moment: ContinuousClock.Instant) -> [TransferID] {
        let overdue = seals.filter { $0.value.begun < moment }
        for (id, seal) in overdue {
            seals[id] = nil
            giveBack(seal.descriptionBytes, of: seal.asked.user)
        }
        return Array(overdue.keys)
    }
}
