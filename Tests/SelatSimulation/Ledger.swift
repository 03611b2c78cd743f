import SelatCore
import SelatDelivery

// A node's database: rows and log, changed by group commits alone.

struct OutboundRow: Hashable {
    let key: InboundKey
    let to: Int
    let label: Int
    let created: Timestamp
    let expires: Timestamp
    /// The verdict under which the payload was sealed.
    let permitted: Verdict
    /// The nodes over which that was made.
    let chosen: [Int]
    var state: Sender.State
    var handedOn = false
    var attempt: UInt64 = 0
    var cause: String?
    var hasKey = false
    var leaves: [UInt64] = []
    var receipt: Receipt?
    /// Of the newest attempt; empty before the first.
    var route: [Int] = []
    /// The nodes to which attempts went first, as the log tells.
    var firstHops: [Int] = []

    var transfer: Int { key.transfer }

    var sender: Sender {
        Sender(
            expires: expires, state: state, handedOn: handedOn, attempt: attempt, cause: cause)
    }

    func isAs(_ sender: Sender) -> Bool {
        state == sender.state && handedOn == sender.handedOn && attempt == sender.attempt
    }

    mutating func take(_ sender: Sender) {
        state = sender.state
        handedOn = handedOn || sender.handedOn
        attempt = sender.attempt
        cause = sender.cause
    }
}

struct InboundKey: Hashable, Comparable {
    let from: Int
    let transfer: Int

    static func < (a: Self, b: Self) -> Bool { (a.from, a.transfer) < (b.from, b.transfer) }
}

struct InboundRow: Hashable {
    let key: InboundKey
    let expires: Timestamp
    let size: UInt64
    let fixedParts: Digest
    let destroyBy: Timestamp?
    /// Of the head that lies here.
    let attempt: UInt64
    /// Who brought it, and takes letters about it back.
    var peer: Int
    var state: Recipient.State
    var durable: UInt64 = 0
    var hasKey = false
    var statement: Receipt?

    var recipient: Recipient {
        Recipient(
            state: state, expires: expires, payloadSize: size, fixedParts: fixedParts,
            durable: durable, destroyBy: destroyBy)
    }

    mutating func take(_ recipient: Recipient) {
        state = recipient.state
        durable = recipient.durable
    }
}

/// What a relay keeps of what passes through it.
struct RelayedRow: Hashable {
    let key: InboundKey
    let to: Int
    var previous: Int
    var next: Int
    let expires: Timestamp
    let size: UInt64
    let fixedParts: Digest
    var state: Relay.State
    var attempt: UInt64
    var durable: UInt64 = 0
    var handedOn = false
    var cause: String?
    /// The own word that the whole is held here.
    var statement: Receipt?
    /// The recipient's receipt.
    var receipt: Receipt?

    var relay: Relay {
        Relay(
            state: state, expires: expires, payloadSize: size, fixedParts: fixedParts,
            durable: durable, handedOn: handedOn, attempt: attempt, cause: cause)
    }

    func isAs(_ relay: Relay) -> Bool {
        state == relay.state && handedOn == relay.handedOn && attempt == relay.attempt
            && durable == relay.durable
    }

    mutating func take(_ relay: Relay) {
        state = relay.state
        handedOn = handedOn || relay.handedOn
        attempt = relay.attempt
        durable = relay.durable
        cause = relay.cause
    }
}

/// The recall of a transfer, at whatever node of its way.
struct RecallRow: Hashable {
    enum Decision { case destroy, refuse }

    let word: RecallWord
    /// When the dataset may be destroyed at the earliest; nil but at the recipient of one that lies there.
    var holdUntil: Timestamp?
    /// Whether a duty orders the destruction, so that no officer need agree.
    var isOrdered = false
    /// The recipient's state before.
    var before: Recipient.State?
    var decision: Decision?

    init(_ word: RecallWord) { self.word = word }

    func isDue(at now: Timestamp) -> Bool {
        (holdUntil.map { $0 <= now } ?? false) && (isOrdered || decision == .destroy)
    }
}

/// A document that this node owes another until that has it.
struct Letter: Hashable {
    enum Document: Hashable {
        case receipt(Receipt)
        case recall(RecallWord)

        var kind: String {
            switch self {
            case .receipt(let receipt): receipt.kind.rawValue
            case .recall: "recall"
            }
        }
    }

    let number: Int
    /// Who is to have it in the end.
    let to: Int
    let key: InboundKey
    let document: Document
    let until: Timestamp
}

/// By what a receipt is kept once.
struct ReceiptName: Hashable {
    let key: InboundKey
    let kind: ReceiptKind
    let signer: Int
    let attempt: UInt64

    init(_ receipt: Receipt) {
        key = receipt.key
        kind = receipt.kind
        signer = receipt.signer
        attempt = receipt.attempt
    }
}

/// What the log says; its tree and its proofs are another module's matter.
struct Entry: Hashable {
    let kind: String
    /// The transfer as this node names it: what came in has its sender.
    var transfer: Int?
    var sender: Int?
    var time: Timestamp
    var attempt: UInt64 = 0
    var verdict: Verdict?
    var approvals: [Approval] = []
    var edition: Edition?
    var country: Int?
    /// Signed here, or taken from whoever signed it.
    var statement: Receipt?
    var recall: RecallWord?
}

struct LedgerState {
    var outbound: [Int: OutboundRow] = [:]
    var inbound: [InboundKey: InboundRow] = [:]
    var relayed: [InboundKey: RelayedRow] = [:]
    /// Parts of small transfers; those of others are files.
    var parts: [SpoolName: Disk.Content] = [:]
    var approvals: [Int: [Approval]] = [:]
    var letters: [Letter] = []
    var lettersPosted = 0
    var recalls: [InboundKey: RecallRow] = [:]
    /// What others have stated beside an outcome.
    var receipts: Set<ReceiptName> = []
    var log: [Entry] = []
    /// The newest edition of each country that this node has.
    var editions: [Edition]
    var list: MemberList

    /// Whether a recipient has stated what it did with a dataset: so it has arrived.
    func isArrivalStated(of key: InboundKey, by recipient: Int) -> Bool {
        receipts.contains { $0.key == key && $0.signer == recipient && $0.kind.isStory }
    }

    /// Whether a part belongs to a transfer that has parts.
    func names(_ name: SpoolName) -> Bool {
        switch name.role {
        case .inbound: inbound[name.key]?.state.keepsFiles ?? false
        case .relayed: relayed[name.key].map { !$0.state.isOutcome } ?? false
        case .outbound: outbound[name.transfer].map { !$0.state.isOutcome } ?? false
        }
    }

    /// The place of the newest entry about a transfer that came in.
    func lastEntry(of key: InboundKey) -> Int? {
        log.lastIndex { $0.transfer == key.transfer && $0.sender == key.from }
    }
}

/// One change: what it does to the rows and the log is committed whole or not at all.
struct Transaction {
    private(set) var state: LedgerState
    private(set) var changedOutbound: [Int] = []
    private(set) var changedInbound: [InboundKey] = []
    private(set) var changedRelayed: [InboundKey] = []
    private(set) var appended: [Entry] = []
    private(set) var posted: [Letter] = []
    private(set) var forgotten: [Letter] = []

    /// Whether parts go with the change that ends their transfer; not where a mistake is planted.
    private let dropsParts: Bool

    init(_ state: LedgerState, dropsParts: Bool) {
        self.state = state
        self.dropsParts = dropsParts
    }

    func outbound(_ transfer: Int) -> OutboundRow? { state.outbound[transfer] }
    func inbound(_ key: InboundKey) -> InboundRow? { state.inbound[key] }
    func relayed(_ key: InboundKey) -> RelayedRow? { state.relayed[key] }

    mutating func save(_ row: OutboundRow) {
        state.outbound[row.transfer] = row
        changedOutbound.append(row.transfer)
        if row.state.isOutcome { drop(.outbound, row.key) }
    }

    mutating func save(_ row: InboundRow) {
        state.inbound[row.key] = row
        changedInbound.append(row.key)
        if !row.state.keepsFiles { drop(.inbound, row.key) }
    }

    mutating func save(_ row: RelayedRow) {
        state.relayed[row.key] = row
        changedRelayed.append(row.key)
        if row.state.isOutcome { drop(.relayed, row.key) }
    }

    /// Keeps a part of a small transfer, in place of what was there.
    mutating func keep(_ content: Disk.Content, as name: SpoolName) { state.parts[name] = content }

    /// What the database does by itself where a row is in a state that has no parts.
    private mutating func drop(_ role: SpoolName.Role, _ key: InboundKey) {
        guard dropsParts else { return }
        for part in [SpoolName.Part.payload, .head] {
            state.parts[SpoolName(role, key, part)] = nil
        }
    }

    mutating func keep(_ approval: Approval, of transfer: Int) {
        state.approvals[transfer, default: []].append(approval)
    }

    func recall(_ key: InboundKey) -> RecallRow? { state.recalls[key] }
    mutating func save(_ row: RecallRow) { state.recalls[row.word.key] = row }

    mutating func post(
        _ document: Letter.Document, about key: InboundKey, to addressee: Int, until: Timestamp
    ) {
        state.lettersPosted += 1
        let letter = Letter(
            number: state.lettersPosted, to: addressee, key: key, document: document, until: until)
        state.letters.append(letter)
        posted.append(letter)
    }

    mutating func forget(_ letter: Letter) {
        guard let place = state.letters.firstIndex(where: { $0.number == letter.number }) else {
            return
        }
        forgotten.append(state.letters.remove(at: place))
    }

    func owes(_ kind: String, about key: InboundKey, to addressee: Int) -> Bool {
        state.letters.contains {
            $0.to == addressee && $0.key == key && $0.document.kind == kind
        }
    }

    /// - Returns: whether it is new.
    mutating func keep(_ receipt: Receipt) -> Bool {
        state.receipts.insert(ReceiptName(receipt)).inserted
    }

    /// The place of the newest entry about a transfer.
    func lastEntry(of key: InboundKey) -> Int? { state.lastEntry(of: key) }

    mutating func take(_ edition: Edition, of country: Int) { state.editions[country] = edition }
    mutating func take(_ list: MemberList) { state.list = list }

    /// - Returns: the entry's place in the log.
    @discardableResult
    mutating func append(_ entry: Entry) -> Int {
        state.log.append(entry)
        appended.append(entry)
        return state.log.count - 1
    }
}

/// The one writer of a process. What waits when it begins is committed together.
@Simulated
final class Writer {
    private final class Change {
        let apply: (inout Transaction) throws -> Void
        var fault: (any Error)?
        var continuation: CheckedContinuation<Void, Never>?

        init(_ apply: @escaping (inout Transaction) throws -> Void) { self.apply = apply }
    }

    private unowned let process: Process
    private var queue: [Change] = []
    private var isRunning = false

    init(_ process: Process) { self.process = process }

    /// Runs a change in the next commit, and returns when that is durable.
    func commit<Value>(
        _ change: @escaping (inout Transaction) throws -> Value
    ) async throws -> Value {
        try process.requireLife()
        var value: Value?
        let queued = Change { value = try change(&$0) }
        queue.append(queued)
        if !isRunning {
            isRunning = true
            process.world.spawn { await self.run() }
        }
        await withCheckedContinuation { queued.continuation = $0 }
        if let fault = queued.fault { throw fault }
        guard let value else { throw Mishap.crashed }
        return value
    }

    private func run() async {
        while !queue.isEmpty {
            let batch = queue
            queue = []
            await commit(batch)
            for change in batch { change.continuation?.resume() }
        }
        isRunning = false
    }

    /// Savepoint by savepoint, then COMMIT; a crash may come before it and after it.
    private func commit(_ batch: [Change]) async {
        guard await process.survives(1...4) else { return fail(batch, .crashed) }
        guard !process.node.isDiskFull else { return fail(batch, .diskFull) }
        let before = process.node.ledger
        var state = before
        var kinds: [String] = []
        var judged: [(before: LedgerState, change: Transaction)] = []
        for change in batch {
            var transaction = Transaction(
                state, dropsParts: !process.world.hasPlanted(.partsOutliveTransfer))
            do {
                try change.apply(&transaction)
                judged.append((state, transaction))
                kinds += transaction.appended.map { "\($0.transfer ?? 0) \($0.kind)" }
                kinds += transaction.changedInbound.map { "\($0.transfer) in" }
                kinds += transaction.changedRelayed.map { "\($0.transfer) via" }
                kinds += transaction.changedOutbound.map { "\($0) out" }
                state = transaction.state
            } catch {
                change.fault = error
            }
        }
        await settle(batch, state, kinds, judged)
    }

    private func settle(
        _ batch: [Change], _ state: LedgerState, _ kinds: [String],
        _ judged: [(before: LedgerState, change: Transaction)]
    ) async {
        let world = process.world
        let isUncertain = world.happens(world.weather.uncertain)
        if !isUncertain || world.happens(500) {
            process.node.ledger = state
            for (before, change) in judged {
                world.judge.changed(process.node, from: before, by: change)
            }
            world.trace(process.node, "commits \(kinds)")
        }
        if isUncertain {
            if world.hasPlanted(.uncertainTakenAsFailed) {
                return fail(batch, .diskFull)
            }
            // Nobody can know what is durable now: the process ends, and its next start finds out.
            world.trace(process.node, "commit uncertain")
            world.crash(process.node)
        }
        guard await process.survives(0...3) else { return fail(batch, .crashed) }
    }

    private func fail(_ batch: [Change], _ mishap: Mishap) {
        for change in batch { change.fault = mishap }
    }
}
