import SelatCore
import SelatDelivery

// What befalls the nodes: transfers, officers, couriers, readers, law, membership, links and clocks.

extension World {
    /// From the first transfer to the last check.
    func run() async {
        for node in nodes {
            node.clockOffset = draw(-weather.clockOffsetMax...weather.clockOffsetMax)
            boot(node)
        }
        let chaos = draw(300...2_400) * 1_000
        befall(chaos)
        await sleep(chaos)
        heal()
        await afterwards()
        // What is under way comes to its next rest; nothing new is begun.
        isOver = true
        await sleep(10_000)
        // What couriers brought back meanwhile.
        for receipt in carried { try? await nodes[receipt.from].process?.take(receipt) }
        if judge.violation == nil { judge.finish() }
        finish()
    }

    private func befall(_ span: Int64) {
        let transfers = Int(weather.isCrowded ? draw(8...12) : draw(2...7))
        for transfer in 1...transfers { spawn { try await self.operate(transfer, within: span) } }
        for _ in 0..<weather.partitions { spawn { await self.partition(within: span) } }
        for _ in 0..<weather.flips { spawn { await self.flip(within: span) } }
        for _ in 0..<weather.clockSteps { spawn { await self.stepClock(within: span) } }
        for _ in 0..<weather.editions { spawn { await self.publish(within: span) } }
        for _ in 0..<weather.lists { spawn { await self.changeMembers(within: span) } }
    }

    private func anyNode() -> Node { nodes[Int(draw(0...Int64(nodes.count - 1)))] }

    // MARK: Operators

    private func operate(_ transfer: Int, within span: Int64) async throws {
        // Half of all come close together, so that they meet.
        await sleep(
            weather.isCrowded || happens(500) ? draw(0...2_000) : draw(0...span * 3 / 4))
        let from = weather.isCrowded ? nodes[0] : anyNode()
        let to = nodes[
            (from.index + Int(weather.isCrowded ? 1 : draw(1...Int64(nodes.count - 1))))
                % nodes.count]
        let leaves = (0..<draw(1...6)).map { _ in token() }
        let life = happens(300) ? draw(120...1_800) : 10_800
        let request = Process.Request(
            transfer: transfer, to: to.index, label: Int(draw(0...2)), lifeSeconds: life,
            leaves: leaves)
        requests[transfer] = request
        judge.asked(request, at: from)
        while !isOver {
            guard let process = from.process, process.isReady else {
                await sleep(1_000)
                continue
            }
            trace(from, "send \(transfer) to \(to.id.country.code), \(leaves.count) segments")
            try? await process.send(request)
            break
        }
        if happens(weather.exportedByHand * 10) {
            spawn { await self.courier(transfer, from: from, to: to, within: span) }
        }
        if happens(weather.cancelledByOperators * 10) {
            spawn { await self.takeBack(transfer, at: from, within: span) }
        }
        if happens(weather.forged) {
            spawn { await self.forge(transfer, from: from, within: span) }
        }
        let key = InboundKey(from: from.index, transfer: transfer)
        if happens(weather.destroyedByOperators * 10) {
            spawn { await self.destroyer(key, at: to) }
        }
        if happens(weather.recalledByOfficers * 10) {
            spawn { await self.recaller(key, at: from, to: to, within: span) }
            spawn { await self.answerer(key, at: to) }
        }
        if happens(weather.forged) {
            spawn { await self.forgeLetters(key, to: to, within: span) }
        }
        spawn { await self.officer(transfer, at: from, within: span) }
        spawn { await self.reader(key, at: to) }
    }

    /// Carries the package to its recipient, and what is answered back, both by hand.
    private func courier(_ transfer: Int, from: Node, to: Node, within span: Int64) async {
        var package: (head: Head, payload: [UInt64])?
        let deadline = VirtualExecutor.shared.now + span
        while package == nil, !isOver, VirtualExecutor.shared.now < deadline {
            await sleep(draw(50...20_000))
            package = try? await from.process?.export(transfer)
        }
        guard let package else { return }
        trace(from, "exported \(transfer) by hand")
        for _ in 0..<60 {
            await sleep(draw(1_000...300_000))
            guard !isOver, let process = to.process, process.isReady else { continue }
            guard
                let answer = try? await process.offer(
                    package.head, package.payload, from: from.index)
            else { continue }
            guard let receipt = answer.receipt else { continue }
            judge.states(receipt)
            carried.append(receipt)
            return
        }
    }

    /// Most come while the transfer is on its way.
    private func takeBack(_ transfer: Int, at node: Node, within span: Int64) async {
        await sleep(happens(700) ? draw(0...20_000) : draw(0...span))
        for _ in 0..<3 where !isHealed {
            guard let process = node.process, process.isReady else {
                await sleep(2_000)
                continue
            }
            trace(node, "cancel \(transfer)")
            if (try? await process.cancel(transfer)) != nil { return }
        }
    }

    /// Somebody else says in the sender's place that a transfer was taken back.
    private func forge(_ transfer: Int, from: Node, within span: Int64) async {
        let others = nodes.filter { $0.index != from.index }
        for _ in 0..<4 {
            await sleep(happens(700) ? draw(0...5_000) : draw(0...span))
            let forger = others[Int(draw(0...Int64(others.count - 1)))]
            let word = Receipt(
                kind: .cancelled, from: from.index, transfer: transfer, attempt: 1,
                signer: forger.index, reason: nil, entry: 0)
            for node in others where !isOver {
                _ = try? await node.process?.take(word, from: forger.index)
            }
        }
    }

    private func officer(_ transfer: Int, at node: Node, within span: Int64) async {
        let refuses = happens(weather.refusedByOfficers * 10)
        var number = 0
        while !isOver {
            await sleep(isHealed ? 5_000 : draw(1_000...90_000))
            guard let process = node.process, process.isReady,
                let row = node.ledger.outbound[transfer]
            else { continue }
            if row.state.isOutcome { return }
            if refuses, !isHealed {
                try? await process.refuse(transfer)
            } else if row.state == .waiting {
                number += 1
                let officer = Officer(node: node.index, number: transfer * 1_000 + number)
                let life = happens(300) ? draw(30...600) : 86_400
                try? await process.approve(
                    transfer, Approval(officer: officer, notAfter: process.now + life))
            }
        }
    }

    /// Opens what has arrived, once or more often.
    private func reader(_ key: InboundKey, at node: Node) async {
        for _ in 0..<draw(0...3) {
            await sleep(draw(10_000...1_200_000))
            guard !isClosing, let process = node.process, process.isReady else { continue }
            try? await process.open(key)
        }
    }

    // MARK: Law and membership

    private func publish(within span: Int64) async {
        await sleep(draw(0...span))
        let country = anyNode()
        let number = (editions[country.index].last?.number ?? 0) + 1
        var edition = Edition(
            number: number, inForce: Self.start + VirtualExecutor.shared.now / 1_000)
        edition.isValid = !happens(200)
        if happens(400) { edition.exports = UInt8(draw(0...7)) }
        if happens(400) { edition.imports = UInt8(draw(0...7)) }
        if happens(400) { edition.transits = UInt8(draw(0...7)) }
        if happens(400) { edition.asks = UInt8(draw(0...7)) }
        editions[country.index].append(edition)
        trace(country, "publishes edition \(number)")
        let order = [country] + nodes.filter { $0.index != country.index }
        for node in order { spawn { await self.hand(edition, of: country.index, to: node) } }
    }

    private func hand(_ edition: Edition, of country: Int, to node: Node) async {
        if node.index != country { await sleep(draw(0...240_000)) }
        while !isOver {
            if let process = node.process, process.isReady,
                (try? await process.take(edition, of: country)) != nil
            {
                return
            }
            await sleep(2_000)
        }
    }

    private func changeMembers(within span: Int64) async {
        await sleep(draw(0...span))
        guard let last = lists.last else { return }
        var list = MemberList(serial: last.serial + 1, members: last.members, revoked: last.revoked)
        if happens(300), list.members.count > 2 {
            list.members.remove(Int(draw(0...Int64(nodes.count - 1))))
        }
        if happens(600) {
            for node in nodes {
                let given = node.ledger.approvals.values.flatMap { $0 }.map(\.officer)
                if let officer = given.min(by: { $0.number < $1.number }) {
                    list.revoked.insert(officer)
                }
            }
        }
        lists.append(list)
        trace(nil, "list \(list.serial): \(list.members.sorted())")
        for node in nodes { spawn { await self.hand(list, to: node) } }
    }

    private func hand(_ list: MemberList, to node: Node) async {
        await sleep(draw(0...120_000))
        while !isOver {
            if let process = node.process, process.isReady, (try? await process.take(list)) != nil {
                judge.took(list, node)
                return
            }
            await sleep(2_000)
        }
    }

    // MARK: Links, disks, clocks

    private func partition(within span: Int64) async {
        await sleep(happens(500) ? draw(0...5_000) : draw(0...span))
        guard !isHealed else { return }
        let (a, b) = (anyNode().index, anyNode().index)
        guard a != b else { return }
        let pair = [min(a, b), max(a, b)]
        trace(nil, "no link between \(pair)")
        cuts.insert(pair)
        await sleep(draw(100...900_000))
        cuts.remove(pair)
    }

    private func flip(within span: Int64) async {
        await sleep(happens(500) ? draw(0...5_000) : draw(0...span))
        if !isHealed { flip(anyNode()) }
    }

    private func stepClock(within span: Int64) async {
        await sleep(happens(500) ? draw(0...5_000) : draw(0...span))
        guard !isHealed else { return }
        let node = anyNode()
        let offset = happens(200) ? draw(-4_000...4_000) : draw(-140...140)
        node.setClock(to: offset, doubted: doubtMilliseconds(of: node))
        trace(node, "clock is off by \(node.clockOffset) s")
    }

    // MARK: The end

    /// Until all is at rest, or what had a time to end in must have ended. Then nobody begins anything.
    private func afterwards() async {
        await sleep(400_000)
        judge.healed()
        for _ in 0..<300 {
            await sleep(60_000)
            for receipt in carried { try? await nodes[receipt.from].process?.take(receipt) }
            if judge.violation != nil || judge.isQuiet { break }
        }
        judge.closed = VirtualExecutor.shared.now
        isClosing = true
        await sleep(90_000)
    }
}
