import SelatCore
import SelatDelivery

// Letters are brought to their addressees: straight, or to the neighbour on the transfer's route, and
// again until the addressee has them.

extension Process {
    static let letterSeconds: Int64 = 30 * 86_400

    func bringLetters() {
        for addressee in Set(node.ledger.letters.map(\.to)).sorted() { bringLetters(to: addressee) }
    }

    /// Brings the letters for a node, in their order, until none is left.
    func bringLetters(to addressee: Int) {
        guard !isDead else { return }
        guard bells[addressee] == nil else {
            bells[addressee]?.ring()
            return
        }
        guard owes(addressee) else { return }
        let bell = Bell()
        bells[addressee] = bell
        world.spawn {
            var failures = 0
            while !self.isDead, !self.world.isOver, self.owes(addressee) {
                bell.rest()
                guard await self.bringOnce(to: addressee) > 0 else { continue }
                failures += 1
                if await self.rest(self.backoff(failures), until: bell) { failures = 0 }
            }
            self.bells[addressee] = nil
        }
    }

    private func owes(_ addressee: Int) -> Bool {
        node.ledger.letters.contains { $0.to == addressee }
    }

    /// - Returns: whether it was rung for.
    private func rest(_ milliseconds: Int64, until bell: Bell) async -> Bool {
        if bell.isRung { return true }
        let turn = bell.turn
        world.spawn {
            await self.world.sleep(milliseconds)
            if bell.turn == turn { bell.end() }
        }
        await bell.wait()
        return bell.isRung
    }

    /// What became of bringing one letter.
    private enum Brought {
        case taken
        /// A relay holds it, or somebody will not have it now.
        case waits
        /// Nobody was there who could take it.
        case unreachable
    }

    /// - Returns: how many letters are left.
    private func bringOnce(to addressee: Int) async -> Int {
        var (left, down) = (0, Set<Int>())
        for letter in node.ledger.letters where letter.to == addressee {
            do {
                guard try await bring(letter, &down) == .taken else {
                    left += 1
                    continue
                }
                if letter.isWord { world.judge.wordTaken(letter) }
                try await commit { $0.forget(letter) }
            } catch {
                if isDead { return 0 }
                left += 1
            }
        }
        return left
    }

    private func bring(_ letter: Letter, _ down: inout Set<Int>) async throws -> Brought {
        let isForgotten = world.hasPlanted(
            letter.isWord ? .wordForgottenFirst : .letterForgottenFirst)
        if isForgotten {
            try await commit { $0.forget(letter) }
            if letter.isWord { world.judge.wordTaken(letter) }
        }
        var brought = Brought.unreachable
        for hop in hops(letter) where !down.contains(hop) {
            do {
                world.trace(node, "brings \(letter.key.transfer) \(letter.document.kind) to \(hop)")
                let answer = try await bring(letter.document, to: hop)
                // Only a relay brings it further; the addressee itself has it or says why not.
                if hop == letter.to || answer.state == "taken" { return .taken }
                brought = .waits
            } catch Mishap.linkBroken {
                try requireLife()
                down.insert(hop)
                continue
            } catch {
                try requireLife()
                brought = .waits
            }
            // Whoever may hold a part lets go of it, and one may know a way on where another does not.
            guard letter.isRecall else { break }
        }
        return brought
    }

    private func bring(_ document: Letter.Document, to hop: Int) async throws -> Answer {
        switch document {
        case .receipt(let receipt):
            world.judge.states(receipt)
            return try await world.call(from: self, to: hop) { peer in
                try await peer.take(receipt, from: self.node.index)
            }
        case .recall(let word):
            return try await world.call(from: self, to: hop) { peer in
                try await peer.take(word, from: self.node.index)
            }
        }
    }

    /// Whom to bring a letter: its addressee where the two are linked, else or then the neighbour on the
    /// transfer's route; the other way round with what is not known to have arrived. With a recall
    /// then those to whom earlier attempts went.
    private func hops(_ letter: Letter) -> [Int] {
        let (neighbour, isUnderWay) = way(letter)
        let straight = world.areLinked(node.index, letter.to) ? [letter.to] : []
        let through = [neighbour].compactMap(\.self).filter { !straight.contains($0) }
        let hops = isUnderWay ? through + straight : straight + through
        guard letter.isRecall, letter.key.from == node.index else { return hops }
        let firsts = node.ledger.outbound[letter.key.transfer]?.firstHops ?? []
        return hops + firsts.reversed().filter { !hops.contains($0) }
    }

    private func way(_ letter: Letter) -> (neighbour: Int?, isUnderWay: Bool) {
        if let row = node.ledger.inbound[letter.key] { return (row.peer, false) }
        if let row = node.ledger.relayed[letter.key] {
            return (letter.to == row.key.from ? row.previous : row.next, false)
        }
        guard letter.key.from == node.index, let row = node.ledger.outbound[letter.key.transfer]
        else { return (nil, false) }
        return (row.route.dropFirst().first, row.state != .delivered)
    }

    /// Letters whose time is over are owed no more, which is entered.
    func endLetters() async throws {
        for letter in node.ledger.letters where letter.until <= now {
            try await commit { transaction in
                transaction.forget(letter)
                transaction.append(
                    self.entry("letter.lapsed", letter.key.transfer, sender: letter.key.from))
            }
        }
    }
}

extension Letter {
    /// Whether it says that a transfer was taken back.
    var isWord: Bool { document.kind == ReceiptKind.cancelled.rawValue }
    var isRecall: Bool { document.kind == "recall" }
}

/// Ends a rest early where there is news.
@Simulated
final class Bell {
    private(set) var isRung = false
    /// How often a rest has ended.
    private(set) var turn = 0
    private var waiting: CheckedContinuation<Void, Never>?

    func rest() { isRung = false }

    func ring() {
        isRung = true
        end()
    }

    func end() {
        turn += 1
        waiting?.resume()
        waiting = nil
    }

    func wait() async {
        await withCheckedContinuation { waiting = $0 }
    }
}
