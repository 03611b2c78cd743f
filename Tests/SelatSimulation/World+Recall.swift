import SelatCore
import SelatDelivery

// What befalls a dataset after its arrival: operators who destroy it, officers who recall it, others who
// say in their place that they did.

extension World {
    /// Destroys what has arrived.
    func destroyer(_ key: InboundKey, at node: Node) async {
        for _ in 0..<3 {
            await sleep(draw(1_000...900_000))
            guard !isClosing, let process = node.process, process.isReady else { continue }
            trace(node, "destroy \(key.transfer)")
            if (try? await process.destroy(key)) != nil { return }
        }
    }

    /// An officer of the sender's recalls it, at any moment of its way; some do so twice, by another message.
    func recaller(_ key: InboundKey, at node: Node, to: Node, within span: Int64) async {
        let officer = Officer(node: node.index, number: 100_000 + key.transfer)
        var number = 0
        for _ in 0..<draw(1...2) {
            await sleep(happens(500) ? draw(0...20_000) : draw(0...span))
            number += 1
            let word = RecallWord(key: key, to: to.index, officer: officer, number: number)
            for _ in 0..<4 where !isClosing {
                if let process = node.process, process.isReady {
                    trace(node, "recall \(key.transfer), message \(number)")
                    if (try? await process.give(word)) != nil { break }
                }
                await sleep(draw(1_000...60_000))
            }
        }
    }

    /// An officer of the recipient's says what is to become of what was recalled, or nothing.
    func answerer(_ key: InboundKey, at node: Node) async {
        guard happens(700) else { return }
        let decision: RecallRow.Decision = happens(500) ? .refuse : .destroy
        for _ in 0..<40 {
            await sleep(draw(1_000...400_000))
            guard !isClosing else { return }
            guard let process = node.process, process.isReady,
                node.ledger.inbound[key]?.state == .recalled
            else { continue }
            trace(node, "answers the recall of \(key.transfer): \(decision)")
            if (try? await process.answer(key, decision)) != nil { return }
        }
    }

    /// Somebody else says in the officer's place that it is recalled, and in the recipient's what became of it.
    func forgeLetters(_ key: InboundKey, to: Node, within span: Int64) async {
        let others = nodes.filter { $0.index != key.from && $0.index != to.index }
        for number in 1...3 {
            await sleep(happens(500) ? draw(0...5_000) : draw(0...span))
            let forger = others[Int(draw(0...Int64(others.count - 1)))]
            let word = RecallWord(
                key: key, to: to.index, officer: Officer(node: forger.index, number: 1),
                number: -number)
            let receipt = Receipt(
                kind: happens(500) ? .opened : .destroyed, from: key.from, transfer: key.transfer,
                attempt: 1, signer: forger.index, reason: nil, entry: 0)
            for node in nodes where node.index != forger.index && !isOver {
                _ = try? await node.process?.take(word, from: forger.index)
                _ = try? await node.process?.take(receipt, from: forger.index)
            }
        }
    }
}
