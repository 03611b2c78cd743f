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
        while true {
            let pass = try await bringOnce(to: addressee)
            let left = try await store.read { try $0.letters(to: addressee, after: 0, limit: 1) }
            guard !left.isEmpty else { return }
            try Task.checkCancellation()
            failures = pass.taken > 0 ? 1 : failures + 1
            let isNews = try await pause(
                .letters(to: addressee), backoff(failures), for: pass.away)
            if isNews { failures = 0 }
        }
    }

    /// A letter, and whom it is brought to, one after the other.
    private struct AddressedLetter: Sendable {
        let letter: LetterRow
        let hops: [NodeID]
    }

    /// What once through the letters for a node has come to.
    private struct Pass: Sendable {
        /// How many were taken.
        var taken = 0
        /// Nodes to which nothing more is brought in it, and why.
        var down: [NodeID: String] = [:]
        /// Of them, those that could not be reached.
        var away: Set<NodeID> = []
    }

    private func bringOnce(to addressee: NodeID) async throws -> Pass {
        guard witnesses.standing == .proven else { return Pass() }
        var (ways, last) = (Set<NodeID>(), Int64(0))
        while let page = try await addressedLetters(to: addressee, after: last) {
            ways.formUnion(page.compactMap(\.hops.first))
            last = page.last?.letter.number ?? last
        }
        // Letters for one addressee go different ways: who is away, or slow, holds up those alone that go by it.
        return try await withThrowingTaskGroup(of: Pass.self) { group in
            for way in ways {
                group.addTask { try await self.bringLetters(to: addressee, by: way) }
            }
            return try await group.reduce(into: Pass()) { all, pass in
                all.taken += pass.taken
                all.away.formUnion(pass.away)
            }
        }
    }

    /// Brings the letters that go one way, for a minute; the next time goes on, and takes up what was written meanwhile.
    ///
    /// Each way reads for itself: all that wait for one who is away may be more than memory should hold.
    /// - Parameter way: the node that they are brought to first.
    private func bringLetters(to addressee: NodeID, by way: NodeID) async throws -> Pass {
        let end = ContinuousClock.now + .seconds(60)
        var (pass, last) = (Pass(), Int64(0))
        while ContinuousClock.now < end,
            let page = try await addressedLetters(to: addressee, after: last)
        {
            last = page.last?.letter.number ?? last
            for addressed in page where addressed.hops.first == way && ContinuousClock.now < end {
                try Task.checkCancellation()
                guard try await bring(addressed, &pass) else { continue }
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
            let hops = try await hops(letter)
            page.append(
                AddressedLetter(
                    letter: letter, hops: hops.isEmpty ? try otherRelays(for: letter) : hops))
        }
        return page
    }

    private static let lettersRead = 64

    /// What came of bringing a letter to a node; of several the greatest counts.
    private enum Outcome: Int, Comparable, Sendable {
        case unreachable
        /// It is no node of the transfer's, as far as it knows.
        case unknown
        case refused
        /// A relay has it, and brings it further.
        case held
        case taken

        static func < (a: Outcome, b: Outcome) -> Bool { a.rawValue < b.rawValue }
    }

    /// - Returns: whether its addressee has it.
    private func bring(
        _ addressed: AddressedLetter, _ pass: inout Pass
    ) async throws -> Bool {
        let (letter, hops) = (addressed.letter, addressed.hops)
        if letter.kind == Self.recallLetter, try await isRecallAnswered(letter) { return true }
        let isStuck = isStuck(letter)
        let last = isStuck ? try otherRelays(for: letter, besides: hops) : []
        guard (hops + last).contains(where: { pass.down[$0] == nil }) else {
            if let cause = hops.first.flatMap({ pass.down[$0] }) {
                noteHindrance(of: letter, cause)
            }
            return false
        }
        guard let document = try await document(letter) else { return false }
        // Whoever may hold a part of what is recalled lets go of it, and one may know a way on where
        // another does not.
        let isForAll = letter.kind == Self.recallLetter
        var outcome = try await bring(letter, document, to: hops, isForAll: isForAll, &pass)
        if outcome == .unknown || outcome == .unreachable && isStuck {
            let others = isStuck ? last : try otherRelays(for: letter, besides: hops)
            outcome = max(
                outcome, try await bring(letter, document, to: others, isForAll: false, &pass))
        }
        if outcome == .held { noteHeld(letter) }
        return outcome == .taken
    }

    /// Brings a letter to one node after the other, until one of the transfer's has answered.
    /// - Parameter isForAll: whether it goes to each, until the addressee has it.
    private func bring(
        _ letter: LetterRow, _ document: [UInt8], to hops: [NodeID], isForAll: Bool,
        _ pass: inout Pass
    ) async throws -> Outcome {
        var outcome = Outcome.unreachable
        for hop in hops where pass.down[hop] == nil {
            outcome = max(outcome, try await bringOnce(letter, document, to: hop, &pass))
            if outcome == .taken || outcome > .unknown && !isForAll { break }
        }
        return outcome
    }

    private func bringOnce(
        _ letter: LetterRow, _ document: [UInt8], to hop: NodeID, _ pass: inout Pass
    ) async throws -> Outcome {
        do {
            let isRecall = letter.kind == Self.recallLetter
            let answer = try await bring(document, isRecall: isRecall, to: hop)
            // Only a relay brings it further; the addressee itself has it or says why not.
            guard hop == letter.addressee || answer == .taken, try await isBelieved(hop, about: letter) else { return .held }
            return .taken
        } catch let problem as Problem {
            logger.warning(
                "letter not taken",
                metadata: [
                    "id": "\(letter.id)", "kind": "\(letter.kind)", "to": "\(hop)",
                    "cause": "\(problem)",
                ])
            noteHindrance(of: letter, "\(hop): \(problem)")
            let isUnknown =
                problem.type == ServiceProblem.unknownTransferType && hop != letter.addressee
            return isUnknown ? .unknown : .refused
        } catch {
            try Task.checkCancellation()
            let cause = "\(hop): \(error)"
            noteHindrance(of: letter, cause)
            pass.down[hop] = cause
            if error is OutOfReach { pass.away.insert(hop) }
            return .unreachable
        }
    }

    /// Whether a letter ends by this node's word that its addressee has it. A recall must not end by a relay's
    /// alone, which may have kept it to itself: the recipient's own receipt tells.
    private func isBelieved(_ hop: NodeID, about letter: LetterRow) async throws -> Bool {
        guard hop != letter.addressee, letter.kind == Self.recallLetter else { return true }
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
            let answer =
                isRecall
                ? try await client.bring(recall: document)
                : try await client.bring(receipt: document)
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

    /// Relays that bring a letter to its addressee although they need not know the transfer: linked with this node
    /// and with the addressee, and of a country that would let the dataset itself pass.
    func otherRelays(
        for letter: LetterRow, besides known: [NodeID] = []
    ) throws -> [NodeID] {
        // What was taken back goes to the one node that holds a part of it.
        guard letter.kind != ReceiptKind.cancelled.rawValue,
            let (recipient, label) = try passage(of: letter)
        else { return [] }
        let (federation, node) = (federation, identity.node)
        let ends = [node, letter.from, recipient, letter.addressee]
        let relays = federation.nodes.keys.filter { relay in
            isRelay(relay) && !ends.contains(relay) && !known.contains(relay)
                && federation.areLinked(node, relay)
                && federation.areLinked(relay, letter.addressee)
        }
        return relays.sorted().filter { relay in
            (try? isTransitPermitted([letter.from, relay, recipient], label)) ?? false
        }
    }

    /// Where the dataset goes that a letter is about, and its label; nil where this node knows it from letters alone.
    private func passage(of letter: LetterRow) throws -> (recipient: NodeID, label: Label)? {
        let (id, from) = (letter.id, letter.from)
        let isOwn = from == identity.node
        let (inbound, relayed, outbound) = try store.lookUp {
            (
                try $0.inbound(id, from: from), try $0.relayed(id, from: from),
                isOwn ? try $0.outbound(id) : nil
            )
        }
        if let row = inbound {
            return (identity.node, try Header(parsing: row.header).core.label)
        }
        if let row = relayed { return (row.to, try Header(parsing: row.header).core.label) }
        guard let row = outbound else { return nil }
        return (row.to, try request(of: row).request.label)
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
