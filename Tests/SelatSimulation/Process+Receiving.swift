import SelatCore
import SelatDelivery

// The recipient's road: verify the head, judge, record; take the payload in; record, answer.

extension Process {
    func offer(_ head: Head, _ payload: [UInt64]?, from peer: Int) async throws -> Answer {
        try await greet(peer)
        guard head.isAuthentic else { throw await refused(.envelopeInvalid, head) }
        if head.to != node.index, let hop = head.hop(node.index) {
            return try await offer(head, payload, through: hop, from: peer)
        }
        let key = head.key
        let known = world.hasPlanted(.duplicateNotRecognised) ? nil : node.ledger.inbound[key]
        let isBlind = world.hasPlanted(.expiredAccepted)
        let answer = Recipient.answer(
            to: described(head), peer: world.nodes[peer].id, at: place, known: known?.recipient,
            now: isBlind ? min(now, head.expires + -1) : now)
        switch answer {
        case .refuse(let refusal) where refusal.isFinal:
            return try await refuseFinally(head, refusal)
        case .refuse(let refusal): throw await refused(refusal, head)
        case .repeated(let state):
            return Answer(
                state: state.rawValue, offset: known?.durable ?? 0, receipt: known?.statement)
        case .resume(let offset):
            let isAdmitted = newestAttempts.admits(
                head.attempt, of: key, first: known?.attempt ?? head.attempt,
                isSenders: peer == head.from)
            guard isAdmitted || world.hasPlanted(.olderAttemptTaken) else {
                throw Mishap.notReady("a newer attempt took over")
            }
            world.judge.carries(head, by: peer, to: self)
            try await carry(key, by: peer)
            return try await taken(key, offset: offset, payload)
        case .consider:
            let answer = try await uploads.alone(key) {
                try await self.consider(head, key, self.whole(payload, of: head), by: peer)
            }
            if let answer { return answer }
            return try await taken(key, offset: 0, payload)
        }
    }

    /// From now on letters about it go to another peer: a later attempt came by another way.
    private func carry(_ key: InboundKey, by peer: Int) async throws {
        guard node.ledger.inbound[key]?.peer != peer else { return }
        try await commit { transaction in
            guard var row = transaction.inbound(key) else { return }
            row.peer = peer
            transaction.save(row)
        }
    }

    /// A head as the machines see it.
    func described(_ head: Head) -> Recipient.Offer {
        let place = head.route.firstIndex(of: node.index) ?? 0
        return Recipient.Offer(
            from: world.nodes[head.from].id, to: world.nodes[head.to].id,
            previous: place > 0 ? world.nodes[head.route[place - 1]].id : nil,
            federation: World.federation, suite: .p256, created: head.created,
            expires: head.expires, fixedParts: head.fixedParts)
    }

    var place: Recipient.Place {
        Recipient.Place(
            node: node.id, federation: World.federation, suites: [.p256],
            membershipExpires: World.start + 86_400 * 30)
    }

    /// The payload of a small envelope that came whole and is the one that the head means; nil for any other,
    /// which goes the way of an upload.
    func whole(_ payload: [UInt64]?, of head: Head) -> [UInt64]? {
        guard let payload, head.isSmall,
            payload == head.leaves || world.hasPlanted(.wholeNotChecked)
        else { return nil }
        return payload
    }

    /// - Parameter payload: what came with a small envelope, checked.
    /// - Returns: the answer, where this node said no for good, or where all has come; nil where the payload
    ///   may come.
    private func consider(
        _ head: Head, _ key: InboundKey, _ payload: [UInt64]?, by peer: Int
    ) async throws -> Answer? {
        guard isNew(node.ledger.inbound[key]) else { return nil }
        try await pause()
        let state = node.ledger
        guard head.listSerial == state.list.serial else {
            throw await refused(.staleMembership, head)
        }
        if head.verdict.decided - now > Limits.clockSkewSecondsMax {
            throw await refused(.datedAhead, head)
        }
        guard try await !isStale(head.verdict.source, of: head.from, head),
            try await !isStale(head.verdict.destination, of: node.index, head)
        else { throw await refused(.staleEdition, head) }
        guard head.verdict.permits else { return try await refuseFinally(head, .verdictDiffers) }
        guard head.approvals.allSatisfy({ $0.counts(in: state.list, at: head.signed) }) else {
            throw await refused(.approvalInvalid, head)
        }
        if head.verdict.owesApproval, head.approvals.isEmpty {
            return try await refuseFinally(head, .verdictDiffers)
        }
        if !world.hasPlanted(.importNotJudged) {
            let own = newest(node.index, node.ledger, at: now)
            guard own.imports(head.verdict.label) else {
                return try await refuseFinally(head, .importRefused)
            }
            if own.asks(head.verdict.label), head.approvals.isEmpty {
                throw await refused(.approvalOwed, head)
            }
        }
        if let payload { return answer(try await record(head, key, payload, by: peer)) }
        try await record(head, key, by: peer)
        return nil
    }

    /// Whether what may be known of a transfer hinders nobody from offering it.
    private func isNew(_ known: InboundRow?) -> Bool {
        known?.recipient.isOpenAnew(at: now) ?? true || world.hasPlanted(.duplicateNotRecognised)
    }

    private func isStale(_ pinned: Edition, of country: Int, _ head: Head) async throws -> Bool {
        if pinned.number > node.ledger.editions[country].number {
            world.spawn { try? await self.catchUp(with: head.from) }
            return true
        }
        return newest(country, node.ledger, at: head.verdict.decided) != pinned
    }

    /// Records that the payload may come.
    private func record(_ head: Head, _ key: InboundKey, by peer: Int) async throws {
        let payload = SpoolName(.inbound, head.key, .payload)
        let name = SpoolName(.inbound, head.key, .head)
        remove(.inbound, head.key)
        do {
            try await write(
                .segments([UInt64?](repeating: nil, count: head.leaves.count)), to: payload)
            try await sync(payload)
            try await writeHead(head, to: name, unless: .folderNotSynced)
            let new = new(head, key, by: peer)
            try await commit { transaction in
                try self.enter(new, head, in: &transaction)
                transaction.save(new)
            }
        } catch {
            remove(.inbound, head.key)
            throw error
        }
        // It may have lapsed before.
        withdrawn.remove(key)
    }

    /// Records in one commit that a small package was taken, and that it is here.
    private func record(
        _ head: Head, _ key: InboundKey, _ payload: [UInt64], by peer: Int
    ) async throws -> InboundRow {
        let new = new(head, key, by: peer)
        let statement = arrived(head)
        let isLate = world.hasPlanted(.partsInLaterCommit)
        let row = try await commit { transaction -> InboundRow in
            try self.enter(new, head, in: &transaction)
            var row = new
            try self.complete(&row, statement, in: &transaction)
            if row.hasKey, !isLate { self.keep(payload, head, as: .inbound, in: &transaction) }
            transaction.save(row)
            return row
        }
        if row.hasKey, isLate {
            try await commit { self.keep(payload, head, as: .inbound, in: &$0) }
        }
        withdrawn.remove(key)
        return row
    }

    /// Keeps both parts of a small transfer.
    func keep(
        _ payload: [UInt64], _ head: Head, as role: SpoolName.Role,
        in transaction: inout Transaction
    ) {
        transaction.keep(.head(head), as: SpoolName(role, head.key, .head))
        transaction.keep(.segments(payload), as: SpoolName(role, head.key, .payload))
    }

    /// A transfer that was taken, before it is recorded.
    private func new(_ head: Head, _ key: InboundKey, by peer: Int) -> InboundRow {
        let keeps = world.chosenRetention(of: head.transfer)
        return InboundRow(
            key: key, expires: head.expires, size: head.size, fixedParts: head.fixedParts,
            destroyBy: keeps.map { now + $0 }, attempt: head.attempt, peer: peer,
            state: .receiving, hasKey: true)
    }

    /// Enters a transfer that was taken, where nobody was faster.
    private func enter(
        _ new: InboundRow, _ head: Head, in transaction: inout Transaction
    ) throws {
        guard isNew(transaction.inbound(new.key)) else { throw Mishap.changedMeanwhile }
        var entry = entry(
            "transfer.received", head.transfer, sender: head.from, verdict: head.verdict)
        entry.approvals = head.approvals
        transaction.append(entry)
    }

    func taken(
        _ key: InboundKey, offset: UInt64, _ payload: [UInt64]?
    ) async throws -> Answer {
        guard let payload else {
            return Answer(
                state: Recipient.State.receiving.rawValue, offset: offset, receipt: nil)
        }
        let stream = PieceStream()
        for piece in payload.dropFirst(Int(offset)) { stream.push(.piece(piece)) }
        stream.push(.end)
        return try await append(key, at: offset, stream)
    }

    /// Enters a no that the sender can mend.
    func refused(_ refusal: Recipient.Refusal, _ head: Head) async -> Mishap {
        world.trace(node, "refuses \(head.transfer): \(refusal.rawValue)")
        let entry = Entry(kind: "offer.refused", transfer: nil, sender: nil, time: now)
        _ = try? await commit { $0.append(entry) }
        return isDead ? .crashed : .refused(refusal)
    }

    /// Signs and records a no that cannot change.
    private func refuseFinally(_ head: Head, _ refusal: Recipient.Refusal) async throws -> Answer {
        let key = head.key
        let statement = try await commit { transaction -> Receipt? in
            if let known = transaction.inbound(key), !known.recipient.isOpenAnew(at: self.now) {
                return known.statement
            }
            var row = InboundRow(
                key: key, expires: head.expires, size: head.size, fixedParts: head.fixedParts,
                destroyBy: nil, attempt: head.attempt, peer: head.from, state: .refused)
            let statement = Receipt(
                kind: .refused, from: head.from, transfer: head.transfer, attempt: head.attempt,
                signer: self.node.index, reason: refusal.rawValue,
                entry: transaction.state.log.count)
            row.statement = statement
            var entry = self.entry("offer.refused", head.transfer, sender: head.from)
            entry.statement = statement
            transaction.append(entry)
            transaction.save(row)
            return statement
        }
        return Answer(
            state: Recipient.State.refused.rawValue, offset: 0, receipt: statement)
    }

    // MARK: Law and membership

    /// Who is behind with the membership list catches up first; who is no member is not served.
    func greet(_ peer: Int) async throws {
        guard isReady else { throw Mishap.linkBroken }
        try requireHonestClock()
        if let process = world.nodes[peer].process, !process.isDead {
            let (mine, theirs) = (node.ledger.list, process.node.ledger.list)
            if mine.serial < theirs.serial { try await take(theirs) }
        }
        guard node.ledger.list.members.contains(peer) || world.hasPlanted(.cutNodeServed) else {
            throw Mishap.linkBroken
        }
    }

    /// Takes only what comes after what it has.
    func take(_ list: MemberList) async throws {
        try await commit { transaction in
            guard list.serial > transaction.state.list.serial else { return }
            transaction.take(list)
            transaction.append(
                Entry(kind: "membership.taken", transfer: nil, sender: nil, time: self.now))
        }
    }

    /// The last good edition stays: what is invalid or older is refused, and the refusal entered.
    func take(_ edition: Edition, of country: Int) async throws {
        try await commit { transaction in
            let held = transaction.state.editions[country].number
            guard edition.number > held else { return }
            let isTaken = edition.isValid || self.world.hasPlanted(.invalidEditionTaken)
            var entry = Entry(
                kind: isTaken ? "policy.activated" : "policy.refused", transfer: nil, sender: nil,
                time: self.now)
            if isTaken {
                transaction.take(edition, of: country)
                entry.edition = edition
                entry.country = country
            }
            transaction.append(entry)
        }
    }

    func catchUp(with peer: Int) async throws {
        try await pause(5...50)
        guard world.isOpen(node.index, peer), let other = world.nodes[peer].process, other.isReady
        else { return }
        for country in [peer, node.index] {
            let theirs = other.node.ledger.editions[country]
            if theirs.isValid { try await take(theirs, of: country) }
        }
    }

    /// A clock far before the last entry is wrong: nothing is sent or taken.
    func requireHonestClock() throws {
        try requireLife()
        if let last = node.ledger.log.last, last.time - now > Limits.clockSkewSecondsMax {
            throw Mishap.notReady("clock")
        }
    }
}
