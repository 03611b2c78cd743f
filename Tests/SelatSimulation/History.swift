import SelatDelivery

/// What the entries of a log say about the states of transfers, so that the states can be told from
/// the log alone.
enum History {
    /// Kinds that name a transfer and tell of no change of its state.
    static func tellsNoChange(_ kind: String) -> Bool {
        unchanging.contains(kind)
    }

    private static let unchanging: Set<String> = [
        "receipt.rejected", "receipt.taken", "relay.told", "letter.lapsed", "approval.given",
        "approval.refused", "transfer.exported", "recall.given", "recall.taken", "recall.agreed",
        "recall.rejected",
    ]

    /// The states in which a transfer may be after an entry of this kind.
    static func outbound(_ kind: String, _ before: Sender.State?) -> Set<Sender.State> {
        switch kind {
        case "transfer.permitted": [.sealing]
        case "transfer.accepted": [.waiting, .queued]
        case "transfer.approved": [.queued]
        case "transfer.waiting": [.waiting]
        case "transfer.offered": [.sending]
        case "transfer.relayed": [.relayed]
        case "transfer.queued": [.queued]
        case Sender.releasedKind: before.map { [$0] } ?? []
        case "transfer.delivered": [.delivered]
        case "transfer.refused": [.refused]
        case "transfer.cancelled": [.cancelled]
        case "transfer.expired": [.expired]
        case "transfer.unconfirmed": [.unconfirmed]
        default: []
        }
    }

    static func inbound(_ kind: String) -> Set<Recipient.State> {
        switch kind {
        case "transfer.received": [.receiving]
        case "transfer.arrived": [.delivered]
        case "transfer.opened": [.opened]
        case "transfer.recalled": [.recalled, .refused]
        case "transfer.retained": [.delivered, .opened]
        case "offer.refused": [.refused]
        case "transfer.lapsed": [.lapsed]
        case "transfer.withdrawn": [.withdrawn]
        case "transfer.destroyed": [.destroyed]
        default: []
        }
    }

    static func relayed(_ kind: String) -> Set<Relay.State> {
        switch kind {
        case "relay.received": [.receiving]
        case "relay.held": [.holding]
        case "relay.forwarded": [.forwarded]
        case "relay.returned": [.returned]
        case "relay.renewed": [.receiving, .holding]
        case "relay.delivered": [.delivered]
        case "relay.refused": [.refused]
        case "relay.lapsed": [.lapsed]
        case "relay.withdrawn": [.withdrawn]
        default: []
        }
    }
}
