/// What the next node says about an envelope, as far as it decides anything.
package enum Reply: Hashable, Sendable {
    /// It takes the payload from this offset on.
    case accepted(offset: UInt64)
    /// A relay holds the whole, and has signed that.
    case relayProven(cause: String?)
    /// The recipient has it, and has signed that.
    case deliveryProven
    /// The recipient will not take it, and has signed that.
    case refusalProven(cause: String)
    /// A relay that holds the whole has no news.
    case held(cause: String?)
    /// Another attempt is asked for.
    case headStale(cause: String)
    /// The node is out of reach, or, with `isRefusal`, will not pass the envelope on.
    case blocked(cause: String, isRefusal: Bool)
    /// The relay does not answer in time, or wants to be left alone for a while.
    case busy(cause: String)
    /// It is larger than all that ever finds room at the relay.
    case tooLarge(cause: String)
    /// The relay has taken the payload so slowly that it was left for another way.
    case slow(cause: String)
    /// With `isOwn` it was this node that could not.
    case failed(cause: String, isOwn: Bool)
}

/// Over which nodes a sender's transfer goes: past relays that would not pass it on, or led to nothing. No I/O.
package struct RouteChoice<Node: Hashable & Sendable>: Hashable, Sendable {
    package let recipient: Node
    /// The nodes of the newest attempt, both ends included; empty before the first.
    package var route: [Node]
    /// Relays by which it came no further: a new attempt goes past them where it can. Not durable.
    package private(set) var avoided: Set<Node> = []
    /// Those that were left because they are slow. Not durable.
    private var slow: Set<Node> = []
    /// Relays that have begun to take the payload. Not durable.
    private var taking: Set<Node> = []

    /// - Parameter isTaken: whether the first relay of the route has begun to take the payload.
    package init(to recipient: Node, route: [Node], isTaken: Bool) {
        self.recipient = recipient
        self.route = route
        if isTaken { taking.insert(next) }
    }

    /// The node to which it goes.
    package var next: Node { route.count > 1 ? route[1] : recipient }

    /// Notes a relay by which it comes no further.
    /// - Parameter sender: before it takes the reply.
    package mutating func weigh(_ reply: Reply, _ sender: Sender) {
        guard next != recipient else { return }
        let isVain =
            switch reply {
            case .blocked(_, let isRefusal): isRefusal
            case .tooLarge, .slow: true
            // It had stated that it holds the whole.
            case .accepted: sender.state == .relayed
            case .failed(_, isOwn: true): false
            case .held, .busy, .failed, .headStale: sender.failures + 1 >= Sender.failuresPerRoute
            // It states again and again that it holds the whole, and no more.
            case .relayProven:
                sender.state == .relayed && sender.failures + 1 >= Sender.asksPerRoute
            case .deliveryProven, .refusalProven: false
            }
        if case .accepted = reply { taking.insert(next) }
        if isVain { avoided.insert(next) }
        if case .slow = reply { slow.insert(next) }
    }

    /// Whether the relay may be left because it is slow: another way is open, can be reached, and was not left for the same.
    /// So each is left once, and the last of them kept, however slow it is.
    package func mayGoRound(_ ways: Ways<Node>) throws -> Bool {
        guard next != recipient else { return false }
        return try ways.routes(avoiding: avoided.union(slow).union([next]))
            .contains(where: ways.isInReach)
    }

    /// Whether what the sender's machine does about a reply depends on other ways, which take some finding.
    package func looksElsewhere(after reply: Reply, _ sender: Sender) -> Bool {
        switch reply {
        case .held, .blocked, .busy, .tooLarge, .slow: true
        // What the recipient itself does not manage, or this node, they manage over no other way.
        case .failed(_, let isOwn): next != recipient && !isOwn
        case .relayProven: sender.state == .relayed
        case .accepted, .deliveryProven, .refusalProven, .headStale: false
        }
    }

    /// What a reply is to the sender's machine.
    /// - Parameter isAnother: whether another way is open, where it `looksElsewhere`.
    package func event(of reply: Reply, _ sender: Sender, isAnother: Bool) -> Sender.Event {
        switch reply {
        case .accepted(let offset): .accepted(offset: offset)
        case .relayProven(let cause):
            sender.state == .relayed ? .held(cause: cause, isAnother: isAnother) : .relayProven
        case .deliveryProven: .deliveryProven
        case .refusalProven(let cause): .refusalProven(cause: cause)
        case .held(let cause): .held(cause: cause, isAnother: isAnother)
        case .headStale(let cause): .headStale(cause: cause)
        case .blocked(let cause, _): .blocked(cause: cause, isAnother: isAnother)
        // What it holds, in whole or in part, is not lost as lightly as what has yet to be offered.
        case .busy(let cause):
            sender.state == .relayed || taking.contains(next)
                ? .failed(cause: cause, isAnother: isAnother)
                : .blocked(cause: cause, isAnother: isAnother)
        // It says the same each time: where another way is open, that is the next.
        case .tooLarge(let cause):
            isAnother ? .headStale(cause: cause) : .blocked(cause: cause, isAnother: false)
        // Each try moves a little: by failures in a row it would be kept for hours.
        case .slow(let cause):
            isAnother ? .headStale(cause: cause) : .failed(cause: cause, isAnother: false)
        case .failed(let cause, _): .failed(cause: cause, isAnother: isAnother)
        }
    }

    /// The routes on which it may be released now, the best first. A relay that was gone round is asked again where
    /// no other way can be reached: its law, its links or its room may be others by now.
    package mutating func openRoutes(of ways: Ways<Node>) throws -> [[Node]] {
        if !avoided.isEmpty {
            let others = try ways.routes(avoiding: avoided)
            if others.contains(where: ways.isInReach) { return others }
            avoided = []
        }
        return try ways.routes(avoiding: [])
    }

    /// Whether another way than that of the newest attempt is open, and can be reached.
    package mutating func isAnotherOpen(of ways: Ways<Node>) throws -> Bool {
        try openRoutes(of: ways).contains { $0 != route && ways.isInReach($0) }
    }

    /// The routes for which a verdict is made, in this order, until one permits: those that are open, then those that
    /// were gone round, since that the law refuses one way says nothing of another.
    package mutating func routesToJudge(of ways: Ways<Node>) throws -> [[Node]] {
        let open = try openRoutes(of: ways)
        guard !avoided.isEmpty else { return open }
        return open + (try ways.routes(avoiding: [])).filter { !open.contains($0) }
    }
}
