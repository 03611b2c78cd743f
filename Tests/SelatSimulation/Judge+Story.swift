import SelatCore
import SelatDelivery

// What must hold of what comes after delivery: what a recipient states, and what an officer takes back.

extension Judge {
    // MARK: As it is entered

    /// An entry becomes durable that tells what became of a dataset, or that somebody heard of it.
    func followed(
        _ node: Node, _ entry: Entry, from before: LedgerState, by change: Transaction
    ) {
        guard let transfer = entry.transfer else { return }
        let key = InboundKey(from: entry.sender ?? node.index, transfer: transfer)
        switch entry.kind {
        case "receipt.taken", "relay.told": told(node, entry)
        case "transfer.exported" where entry.sender == nil, Sender.releasedKind:
            require(
                before.recalls[key] == nil, .people, "\(transfer) leaves once more after its recall"
            )
        case "transfer.opened": opened(key, entry, before, change)
        case "transfer.recalled", "transfer.retained": states(entry, key, change)
        case "transfer.destroyed":
            states(entry, key, change)
            destroyed(key, entry, before)
        default: break
        }
        if entry.kind.hasPrefix("recall.") || entry.kind == "transfer.recalled" {
            recalled(node, key, entry, change)
        }
    }

    /// What is told of a dataset is owed to its sender in the very commit.
    private func states(_ entry: Entry, _ key: InboundKey, _ change: Transaction) {
        guard let statement = entry.statement else {
            return breaks(.recorded, "`\(entry.kind)` of \(key.transfer) is not stated")
        }
        require(
            change.posted.contains { $0.to == key.from && $0.document == .receipt(statement) },
            .recorded, "`\(entry.kind)` of \(key.transfer) is stated, and owed to nobody")
        stated.append((statement, VirtualExecutor.shared.now))
    }

    private func opened(
        _ key: InboundKey, _ entry: Entry, _ before: LedgerState, _ change: Transaction
    ) {
        if before.inbound[key]?.state == .delivered { states(entry, key, change) }
        let isKept = before.recalls[key].map { $0.decision == .refuse } ?? true
        require(
            before.inbound[key]?.state != .recalled && isKept, .lawful,
            "\(key.transfer) is opened after its recall")
    }

    private func destroyed(_ key: InboundKey, _ entry: Entry, _ before: LedgerState) {
        require(
            entry.statement?.openings == before.openings(of: key), .recorded,
            "\(key.transfer) is destroyed, and not every opening is told of")
        switch entry.statement?.reason {
        case "retention":
            let by = before.inbound[key]?.destroyBy
            require(
                by.map { $0 <= entry.time } ?? false, .lawful,
                "\(key.transfer) is destroyed by a duty that it does not have yet")
        case "recall":
            require(
                before.recalls[key]?.isDue(at: entry.time) ?? false, .people,
                "\(key.transfer) is destroyed for its recall, before its time or by nobody's order")
        default: break
        }
    }

    /// Somebody hears what a recipient has stated: that must be true, and new.
    private func told(_ node: Node, _ entry: Entry) {
        guard let receipt = entry.statement else { return }
        let log = world.nodes[receipt.signer].ledger.log
        require(
            receipt.signer == courses[receipt.transfer]?.request.to && receipt.entry < log.count
                && log[receipt.entry].statement == receipt, .once,
            "\(receipt.transfer): `\(receipt.kind)` is kept, and its recipient never said so")
        if entry.kind == "receipt.taken" {
            require(
                told.insert(ReceiptName(receipt)).inserted, .once,
                "\(receipt.transfer): `\(receipt.kind)` is kept twice")
        }
    }

    /// Only the word of an officer of the sender's counts, and at each node once.
    private func recalled(
        _ node: Node, _ key: InboundKey, _ entry: Entry, _ change: Transaction
    ) {
        guard let word = entry.recall, entry.kind != "recall.agreed" else { return }
        let name = "\(key.transfer)"
        require(
            word.officer.node == key.from
                && world.nodes[key.from].ledger.recalls[key]?.word == word,
            .people, "\(name) is recalled by none of its sender's officers")
        require(
            recalled[word, default: []].insert(node.index).inserted, .once,
            "the recall of \(name) is entered twice")
        guard entry.kind == "recall.taken", word.to != node.index else { return }
        require(
            change.state.relayed[key]?.state.isOutcome ?? true, .once,
            "\(name) is recalled, and a relay keeps it")
        require(
            change.posted.contains { $0.to == word.to && $0.document == .recall(word) }, .once,
            "the recall of \(name) ends at a relay")
    }

    /// A letter is owed no more: its addressee has it, or its time is over.
    func forgotten(_ letter: Letter, _ node: Node) {
        guard !letter.isWord, letter.until > node.now else { return }
        let (ledger, transfer) = (world.nodes[letter.to].ledger, letter.key.transfer)
        let has: Bool =
            switch letter.document {
            case .recall(let word): ledger.recalls[letter.key]?.word == word
            case .receipt(let receipt) where receipt.isOutcome:
                ledger.outbound[transfer].map { $0.state.isOutcome && $0.state != .unconfirmed }
                    ?? false
            case .receipt(let receipt): ledger.receipts.contains(ReceiptName(receipt))
            }
        require(
            has, .once,
            "the letter `\(letter.document.kind)` of \(transfer) is forgotten, and nobody has it")
    }

    // MARK: At the end

    /// Whether no member was ever cut off: then links lead every letter to its addressee.
    private var isWhole: Bool {
        world.lists.allSatisfy { $0.members.count == world.nodes.count }
    }

    /// Whether a letter that is owed can come to its addressee.
    private func canCome(_ letter: Letter) -> Bool {
        if letter.isWord { return false }
        guard case .recall = letter.document else { return true }
        // A recall of what never arrived waits for it in vain.
        return world.nodes[letter.to].ledger.inbound[letter.key] != nil
    }

    /// Whether every letter has come that can, and what was recalled is destroyed where it must be.
    var isAnswered: Bool {
        world.nodes.allSatisfy { node in
            (!isWhole || !node.ledger.letters.contains { canCome($0) })
                && node.ledger.recalls.allSatisfy { key, recall in
                    node.ledger.inbound[key]?.state != .recalled
                        || !(recall.isOrdered || recall.decision == .destroy)
                }
        }
    }

    func finishStory() {
        for node in world.nodes {
            for (key, recall) in node.ledger.recalls.sorted(by: { $0.key < $1.key }) {
                finish(recall, key, node)
            }
        }
        guard isWhole else { return }
        for (receipt, time) in stated where time < closed {
            let ledger = world.nodes[receipt.from].ledger
            let has =
                receipt.kind == .refused
                ? ledger.outbound[receipt.transfer]?.state == .refused
                : ledger.receipts.contains(ReceiptName(receipt))
            require(
                has, .once,
                "\(receipt.transfer): its recipient states `\(receipt.kind)`, and its sender never hears"
            )
        }
    }

    private func finish(_ recall: RecallRow, _ key: InboundKey, _ node: Node) {
        let recipient = world.nodes[recall.word.to]
        if node.index == recipient.index {
            let isOver = recall.isDue(at: node.now + -300)
            require(
                !isOver || node.ledger.inbound[key]?.state != .recalled, .once,
                "\(key.transfer) is recalled, its hold is over, and it lies there still")
        } else if node.index == key.from, isWhole, recipient.ledger.inbound[key] != nil,
            node.ledger.outbound[key.transfer]?.state != .cancelled
        {
            require(
                recipient.ledger.recalls[key] != nil, .once,
                "the recall of \(key.transfer) never reaches its recipient")
        }
    }
}
