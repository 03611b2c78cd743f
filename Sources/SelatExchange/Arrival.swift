import SelatCore
import SelatDelivery
import SelatStore

/// A payload that comes in: to its recipient, or to a relay.
enum Arrival: Sendable {
    case inbound(InboundRow)
    case relayed(RelayedRow)

    /// How far it is.
    enum Progress: Sendable {
        /// These bytes are in the spool for good.
        case durable(UInt64)
        /// What was durable is gone.
        case payloadLost
    }

    var id: TransferID {
        switch self {
        case .inbound(let row): row.id
        case .relayed(let row): row.id
        }
    }

    /// Who brings it.
    var peer: NodeID {
        switch self {
        case .inbound(let row): row.peer
        case .relayed(let row): row.previous
        }
    }

    var name: SpoolFolder.Name {
        switch self {
        case .inbound(let row): SpoolFolder.Name(inbound: row.id, from: row.from)
        case .relayed(let row): SpoolFolder.Name(relayed: row.id, from: row.from)
        }
    }

    /// Canonical JSON of the header that is recorded.
    var header: [UInt8] {
        switch self {
        case .inbound(let row): row.header
        case .relayed(let row): row.header
        }
    }

    var size: UInt64 {
        switch self {
        case .inbound(let row): row.payloadSize
        case .relayed(let row): row.payloadSize
        }
    }

    var durable: UInt64 {
        switch self {
        case .inbound(let row): row.durable
        case .relayed(let row): row.durable
        }
    }

    var state: String {
        switch self {
        case .inbound(let row): row.state
        case .relayed(let row): row.state
        }
    }

    var isReceiving: Bool {
        switch self {
        case .inbound(let row): row.state == Recipient.State.receiving.rawValue
        case .relayed(let row): row.state == Relay.State.receiving.rawValue
        }
    }

    /// Why a relay holds it still; a recipient says nothing beside its receipt.
    var relayCause: String? {
        switch self {
        case .inbound: nil
        case .relayed(let row): row.cause
        }
    }
}

extension Arrival.Progress {
    var recipients: Recipient.Event {
        switch self {
        case .durable(let offset): .durable(offset)
        case .payloadLost: .payloadLost
        }
    }

    var relays: Relay.Event {
        switch self {
        case .durable(let offset): .durable(offset)
        case .payloadLost: .payloadLost
        }
    }
}

extension Relay {
    /// The machine as a row keeps it.
    init(_ row: RelayedRow) throws {
        guard let state = State(rawValue: row.state) else {
            throw CoreError.malformed("state", row.state, expected: "a state of a relay")
        }
        self.init(
            state: state, expires: row.expires, payloadSize: row.payloadSize,
            fixedParts: row.fixedParts, durable: row.durable, handedOn: row.handedOn,
            attempt: row.attempt, cause: row.cause)
    }
}

extension RelayedRow {
    /// Whether it still says what the machine was made from.
    func isAs(_ relay: Relay) -> Bool {
        state == relay.state.rawValue && handedOn == relay.handedOn && attempt == relay.attempt
    }

    /// Takes over what is durable of the machine.
    mutating func take(_ relay: Relay) {
        state = relay.state.rawValue
        handedOn = handedOn || relay.handedOn
        attempt = relay.attempt
        durable = relay.durable
        cause = relay.cause
    }
}
