import Logging
import SelatAudit
import SelatCore
import SelatCrypto
import SelatDelivery
import SelatEnvelope
import SelatEvidence
import SelatFederation
import SelatHTTP
import SelatStore
import SelatTransport

// Letters are brought to their addressees: straight, or to the neighbour on the transfer's route, else over
// another relay, and again until the addressee has them (`Exchange.md`, *Letters*).

extension Exchange {
    /// Brings the letters for a node, those that go one way in their order, until none is left.
    func bringLetters(to addressee: NodeID) async throws {
        var failures = 0
        var last = Pass()
        while true {
            let pass = try await bringOnce(to: addressee, after: last)
            last = pass
            let left = try await store.read { try $0.letters(to: addressee, after: 0, limit: 1) }
            guard !left.isEmpty else { return }
            try Task.checkCancellation()
            failures = pass.taken > 0 ? 1 : failures + 1
            let over = ContinuousClock.now
            var end = over + max(backoff(failures), pass.rest)
            var seen = pass.last
            while try await pause(
                .letters(to: addressee), end - .now, for: pass.away, .routine)
            {
                // What is new and goes to nodes alone that are down waits with the rest: of many endings each would cost
                // a pass over all letters.
                let down = Set(pass.down.keys)
                guard !down.isEmpty, try await isForNobodyBut(down, to: addressee, after: &seen)
                else {
                    failures = 0
                    break
                }
                // Who is in reach and was down for a moment wakes nobody: for what is new it is tried again soon.
                if !down.isSubset(of: pass.away) {
                    end = min(end, over + max(.seconds(5), pass.rest))
                }
            }
        }
    }

    /// Whether the letters behind one go to these nodes alone.
    private func isForNobodyBut(
        _ down: Set<NodeID>, to addressee: NodeID, after seen: inout Int64
    ) async throws -> Bool {
        while let page = try await addressedLetters(to: addressee, after: seen) {
            guard page.allSatisfy({ !$0.hops.isEmpty && down.isSuperset(of: $0.hops) }) else {
                return false
            }
            seen = page.last?.letter.number ?? seen
        }
        return true
    }

    /// A letter, and whom it is brought to, one after the other.
    private struct AddressedLetter: Sendable {
        let letter: LetterRow
        let hops: [NodeID]
        /// The node that it is brought to first; nil where only other relays than the route's may lead on.
        var way: NodeID? { hops.first }
    }

    /// Where the dataset went that letters are about, and its label.
    private struct Journey: Hashable, Sendable {
        let from: NodeID
        let to: NodeID
        let label: Label
    }

    /// What once through the letters for a node has come to.
    private struct Pass: Sendable {
        /// How many were taken.
        var taken = 0
        /// The last letter that there was when it began.
        var last: Int64 = 0
        /// Nodes to which nothing more is brought in it, and why.
        var down: [NodeID: String] = [:]
        /// Of them, those that could not be reached.
        var away: Set<NodeID> = []
        /// For how long each way's first node wants to be left alone when it ends.
        var rest = Duration.zero
        /// Nodes that take no more letters in this minute about transfers that they do not know.
        var full: Set<NodeID> = []
        /// Letters that they took for such, in this pass or those before it that it goes on with.
        var strays: [NodeID: Set<Int64>] = [:]
        /// Relays that pass nothing more on to the addressee in it.
        var closed: Set<NodeID> = []
        /// Relays between this node and the addressee; nil until they are asked for.
        var between: [NodeID]?
        /// Of them, those that let a dataset pass.
        var lawful: [Journey: [NodeID]] = [:]
        /// The letter that each way ended with which was not brought to its end: the next pass goes on behind it.
        var cutOff: [NodeID?: Int64] = [:]

        /// Whether a node is worth asking whether it takes a letter.
        func isOpen(_ hop: NodeID, for letter: LetterRow) -> Bool {
            guard down[hop] == nil else { return false }
            return !full.contains(hop) || strays[hop]?.contains(letter.number) != true
        }
    }

    /// - Parameter before: the last pass; ways that it cut off go on there.
    private func bringOnce(to addressee: NodeID, after before: Pass) async throws -> Pass {
        guard witnesses.standing == .proven else { return Pass() }
        var (ways, last) = (Set<NodeID?>(), Int64(0))
        while let page = try await addressedLetters(to: addressee, after: last) {
            ways.formUnion(page.map(\.way))
            last = page.last?.letter.number ?? last
        }
        // Letters for one addressee go different ways: who is away, or slow, holds up those alone that go by it.
        var all: Pass = try await withThrowingTaskGroup(of: Pass.self) { group in
            for way in ways {
                let first = before.cutOff[way] ?? 0
                // Without an end that goes on they would be kept for ever.
                let strays = before.cutOff.isEmpty ? [:] : before.strays
                group.addTask {
                    try await self.bringLetters(
                        to: addressee, by: way, after: first, strays: strays)
                }
            }
            return try await group.reduce(into: Pass(last: last)) { all, pass in
                all.taken += pass.taken
                all.down.merge(pass.down) { cause, _ in cause }
                all.away.formUnion(pass.away)
                all.cutOff.merge(pass.cutOff) { _, new in new }
                all.strays.merge(pass.strays) { $0.union($1) }
            }
        }
        all.rest = await rest(of: ways)
        return all
    }

    /// For how long each of these wants to be left alone; none where one does not.
    private func rest(of ways: Set<NodeID?>) async -> Duration {
        var least: Duration?
        for way in ways {
            guard let way else { return .zero }
            let rest = await peers.rest(of: way)
            least = min(least ?? rest, rest)
        }
        return least ?? .zero
    }

    /// Brings the letters that go one way, for a minute; the next time goes on, and takes up what was written meanwhile.
    ///
    /// Each way reads for itself: all that wait for one who is away may be more than memory should hold.
    /// - Parameters:
    ///   - way: the node that they are brought to first.
    ///   - first: the letter behind which to begin.
    ///   - strays: those that nodes had no room for in the passes before.
    private func bringLetters(
        to addressee: NodeID, by way: NodeID?, after first: Int64, strays: [NodeID: Set<Int64>]
    ) async throws -> Pass {
        var end = ContinuousClock.now + patience
        var (pass, last, brought) = (Pass(strays: strays), Int64(0), first)
        while let page = try await addressedLetters(to: addressee, after: last) {
            last = page.last?.letter.number ?? last
            for addressed in page where addressed.way == way {
                try Task.checkCancellation()
                // A recall is brought in every pass, wherever the others go on.
                let isBehind = addressed.letter.number > first
                guard isBehind || addressed.letter.kind == Self.recallLetter else { continue }
                // The recalls in front have had a minute of their own: else those behind might have none, ever.
                if isBehind, brought == first { end = .now + patience }
                guard ContinuousClock.now < end else {
                    guard isBehind else { continue }
                    // Strays go on where they were cut off, as long as that moves: what could not be brought for a minute
                    // must not keep what is behind it for ever.
                    if let full = pass.cutOff[way], full > first { return pass }
                    pass.cutOff[way] = brought
                    return pass
                }
                let previous = brought
                brought = max(brought, addressed.letter.number)
                guard try await bring(addressed, &pass) else {
                    // The next pass goes on with it; what the node knows, behind it, is brought in this one.
                    if let way, isBehind, pass.full.contains(way), pass.cutOff[way] == nil {
                        pass.cutOff[way] = previous
                    }
                    continue
                }
                _ = try await store.commit { try $0.letterWasTaken(addressed.letter) }
                forgetHindrance(of: addressed.letter)
                pass.taken += 1
            }
        }
        return pass
    }

    /// The next letters for a node, at most `lettersRead`; nil where there are none.
    private func addressedLetters(
        to addressee: NodeID, after number: Int64
    ) async throws -> [AddressedLetter]? {
        let letters = try await store.read {
            try $0.letters(to: addressee, after: number, limit: Self.lettersRead)
        }
        guard !letters.isEmpty else { return nil }
        var page: [AddressedLetter] = []
        for letter in letters {
            try Task.checkCancellation()
            page.append(AddressedLetter(letter: letter, hops: try await hops(letter)))
        }
        return page
    }

    private static let lettersRead = 64

    /// What came of bringing a letter to nodes.
    private struct Trial: Sendable {
        /// Of several the greatest.
        var outcome = LetterOutcome.unreachable
        /// What the node that was asked last answered; nil where none was, or its addressee has it.
        var cause: String?
    }

    /// - Returns: whether its addressee has it.
    private func bring(
        _ addressed: AddressedLetter, _ pass: inout Pass
    ) async throws -> Bool {
        let (letter, hops) = (addressed.letter, addressed.hops)
        let isRecall = letter.kind == Self.recallLetter
        if isRecall, try await isRecallAnswered(letter) { return true }
        // Whoever may hold a part of what is recalled lets go of it, and one may know a way on where
        // another does not.
        let usual = try await bring(letter, to: hops, isForAll: isRecall, &pass)
        if usual.outcome == .taken { return true }
        var other: Trial?
        // What the addressee itself will not have it will not have from another either.
        if usual.outcome < .answered, isDueElsewhere(letter, hasWay: !hops.isEmpty) {
            let relays = try otherRelays(for: letter, besides: hops, &pass)
            other = try await bring(letter, to: relays, isElsewhere: true, &pass)
        }
        if other?.outcome == .taken { return true }
        // What keeps the usual way closed is of more use than that it was passed on.
        let cause =
            other?.outcome == .held ? usual.cause ?? other?.cause : other?.cause ?? usual.cause
        if let cause {
            noteHindrance(of: letter, cause, usual: usual.outcome, elsewhere: other?.outcome)
        }
        return false
    }

    /// Brings a letter to one node after the other, until one has it.
    /// - Parameters:
    ///   - isForAll: whether it goes to each, until the addressee has it.
    ///   - isElsewhere: whether the nodes are other relays than the route's.
    private func bring(
        _ letter: LetterRow, to hops: [NodeID], isForAll: Bool = false, isElsewhere: Bool = false,
        _ pass: inout Pass
    ) async throws -> Trial {
        var trial = Trial(cause: hops.first.flatMap { pass.down[$0] })
        guard hops.contains(where: { pass.isOpen($0, for: letter) }),
            let document = try await document(letter)
        else { return trial }
        for hop in hops where pass.isOpen(hop, for: letter) {
            let next = try await bringOnce(
                letter, document, to: hop, isElsewhere: isElsewhere, &pass)
            trial.outcome = max(trial.outcome, next.outcome)
            trial.cause = next.cause ?? trial.cause
            if next.outcome == .taken || next.outcome > .refused && !isForAll { break }
        }
        return trial
    }

    private func bringOnce(
        _ letter: LetterRow, _ document: [UInt8], to hop: NodeID, isElsewhere: Bool,
        _ pass: inout Pass
    ) async throws -> Trial {
        if isElsewhere, await peers.isResting(hop) {
            pass.closed.insert(hop)
            return Trial()
        }
        do {
            let isRecall = letter.kind == Self.recallLetter
            let answer = try await bring(document, isRecall: isRecall, to: hop)
            // Only a relay brings it further; the addressee itself has it or says why not.
            guard hop == letter.addressee || answer == .taken,
                try await isBelieved(hop, about: letter, isElsewhere: isElsewhere)
            else {
                let cause = isElsewhere ? "it has passed it on" : "it has it, and brings it further"
                return Trial(outcome: .held, cause: "\(hop): \(cause)")
            }
            return Trial(outcome: .taken)
        } catch let problem as Problem {
            logger.warning(
                "letter not taken",
                metadata: [
                    "id": "\(letter.id)", "kind": "\(letter.kind)", "to": "\(hop)",
                    "cause": "\(problem)",
                ])
            // Of one letter alone that is said without a time.
            if problem.type == ServiceProblem.tooManyLettersType, problem.retryAfterSeconds != nil {
                pass.full.insert(hop)
                pass.strays[hop, default: []].insert(letter.number)
            }
            let cause = "\(hop): \(problem)"
            guard isElsewhere, problem.status == 429 || problem.status >= 500 else {
                return Trial(
                    outcome: hop == letter.addressee ? .answered : .refused, cause: cause)
            }
            // It says nothing of this letter, and would say the same to the next.
            pass.closed.insert(hop)
            return Trial(outcome: .closed, cause: cause)
        } catch {
            try Task.checkCancellation()
            let cause = "\(hop): \(error)"
            // Too slow for one is not for all: a recall in front must not keep from it what is behind, each time anew. The
            // way's minute is over with it.
            if !(error is Overdue) { pass.down[hop] = cause }
            if error is OutOfReach { pass.away.insert(hop) }
            return Trial(cause: cause)
        }
    }

    /// Whether a letter ends by this node's word that its addressee has it. A recall must not end by a relay's
    /// alone, which may have kept it to itself: the recipient's own receipt tells. A receipt ends by the word of the
    /// route's relay, which the sender has chosen, and of no other's.
    private func isBelieved(
        _ hop: NodeID, about letter: LetterRow, isElsewhere: Bool
    ) async throws -> Bool {
        guard hop != letter.addressee else { return true }
        guard letter.kind == Self.recallLetter else { return !isElsewhere }
        return try await isRecallAnswered(letter)
    }

    private func isRecallAnswered(_ letter: LetterRow) async throws -> Bool {
        try await isRecallAnswered(letter.id, from: letter.from, by: letter.addressee)
    }

    /// Whether a recall's addressee has stated what became of the dataset since, or that it will not have it.
    func isRecallAnswered(
        _ id: TransferID, from: NodeID, by addressee: NodeID
    ) async throws -> Bool {
        let (receipts, own) = try await store.read {
            (try $0.receipts(of: id, from: from), try $0.outbound(id))
        }
        if from == identity.node, own?.state == Sender.State.refused.rawValue { return true }
        return receipts.contains { receipt in
            guard receipt.signer == addressee else { return false }
            let kind = ReceiptKind(rawValue: receipt.kind)
            return kind?.answersRecall == true || kind == .destroyed || kind == .refused
        }
    }

    /// Brings a letter to a node once.
    /// - Throws: a `Problem` where the node will not have it; `OutOfReach`, and whatever breaks a link.
    func bring(
        _ document: [UInt8], isRecall: Bool, to hop: NodeID
    ) async throws -> LetterAnswer {
        let client = try await peers.take(hop, for: .routine)
        do {
            let answer = try await within(answerTime(requestBytes: document.count)) {
                isRecall
                    ? try await client.bring(recall: document)
                    : try await client.bring(receipt: document)
            }
            await peers.keep(client)
            return answer
        } catch {
            if let problem = error as? Problem {
                await peers.keep(client, after: problem)
            } else {
                await peers.drop(client)
            }
            throw error
        }
    }

    /// Whom to bring a letter: its addressee where the two are linked, else or then the neighbour on
    /// the transfer's route; the other way round with a recall of what is still under way. With the recall
    /// of an own transfer then those to whom earlier attempts went.
    private func hops(_ letter: LetterRow) async throws -> [NodeID] {
        let node = identity.node
        let (neighbour, isUnderWay) = try await store.read { snapshot -> (NodeID?, Bool) in
            if let row = try snapshot.inbound(letter.id, from: letter.from) {
                return (row.peer, false)
            }
            if let row = try snapshot.relayed(letter.id, from: letter.from) {
                return (letter.addressee == row.from ? row.previous : row.next, false)
            }
            guard letter.from == node, let row = try snapshot.outbound(letter.id) else {
                return (nil, false)
            }
            return (
                row.route.dropFirst().first, row.state != Sender.State.delivered.rawValue
            )
        }
        let straight = federation.areLinked(node, letter.addressee) ? [letter.addressee] : []
        let through = [neighbour].compactMap(\.self).filter { !straight.contains($0) }
        // What has not arrived as far as is known lies with a relay, which must let go of it too.
        let hops = isUnderWay ? through + straight : straight + through
        guard letter.kind == Self.recallLetter, letter.from == node else { return hops }
        return hops + (try await firstHops(of: letter.id)).filter { !hops.contains($0) }
    }

    /// Relays that may pass an own letter on although they need not know the transfer, and are not known to be down:
    /// linked with this node and with the addressee, and of a country that would let the dataset itself pass.
    private func otherRelays(
        for letter: LetterRow, besides hops: [NodeID], _ pass: inout Pass
    ) throws -> [NodeID] {
        let between = pass.between ?? relays(to: letter.addressee)
        pass.between = between
        let (down, closed) = (pass.down, pass.closed)
        let open = between.filter {
            !hops.contains($0) && down[$0] == nil && !closed.contains($0)
        }
        // Before that is known no header is read, and no law.
        guard !open.isEmpty, let journey = try journey(of: letter) else { return [] }
        let lawful =
            pass.lawful[journey]
            ?? between.filter { relay in
                let path = [journey.from, relay, journey.to]
                return (try? isTransitPermitted(path, journey.label)) ?? false
            }
        pass.lawful[journey] = lawful
        return open.filter { lawful.contains($0) }
    }

    private func relays(to addressee: NodeID) -> [NodeID] {
        let (federation, node) = (federation, identity.node)
        return federation.nodes.keys.filter { relay in
            isRelay(relay) && relay != node && relay != addressee
                && federation.areLinked(node, relay) && federation.areLinked(relay, addressee)
        }.sorted()
    }

    /// Of an own letter.
    private func journey(of letter: LetterRow) throws -> Journey? {
        let (id, from, node) = (letter.id, letter.from, identity.node)
        if from == node {
            guard let row = try store.lookUp({ try $0.outbound(id) }) else { return nil }
            return Journey(from: from, to: row.to, label: try request(of: row).request.label)
        }
        guard let row = try store.lookUp({ try $0.inbound(id, from: from) }) else { return nil }
        return Journey(from: from, to: node, label: try Header(parsing: row.header).core.label)
    }

    /// The nodes to which attempts of an own transfer went first, the newest of them first.
    private func firstHops(of id: TransferID) async throws -> [NodeID] {
        let filter = EntryFilter(
            transfer: id, kind: try EntryKind(Sender.releasedKind), newest: true)
        var hops: [NodeID] = []
        for entry in try await store.entries(filter).reversed() {
            // Without relays there is no route, and details may be erased.
            guard let details = entry.details,
                let route = try JSON(parsing: details)["route"]?.arrayValue,
                let hop = try route.dropFirst().first?.stringValue.map({ try NodeID($0) })
            else { continue }
            if !hops.contains(hop) { hops.append(hop) }
        }
        return hops
    }

    /// The document as it leaves now: of an own statement with the best proof that there is.
    private func document(_ letter: LetterRow) async throws -> [UInt8]? {
        guard let entry = letter.entry else {
            return try await store.read { try $0.document(of: letter) }
        }
        let row = try await store.read { try $0.stated(letter) }
        return try await receipt(row?.statement, entry)
    }

    /// Letters whose time is over are owed no more, which is entered.
    func endLetters(at now: Timestamp) async throws {
        for letter in try await store.read({ try $0.lettersOver(at: now) }) {
            _ = try await store.commit { transaction in
                try transaction.end(letter)
                try transaction.append(
                    EntryDraft(
                        kind: "letter.lapsed", transfer: letter.id,
                        details: [
                            "kind": .string(letter.kind), "to": .string(letter.addressee.text),
                        ]))
            }
        }
    }
}
