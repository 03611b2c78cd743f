import SelatCore
import SelatDelivery

// The links: what is sent may be lost, late, sent twice, disturbed, or answered with a forgery.

extension World {
    /// Where an answer is awaited.
    @Simulated
    private final class Reply {
        var result: Result<Answer, any Error>?
        private var waiting: CheckedContinuation<Void, Never>?

        func set(_ result: Result<Answer, any Error>) {
            self.result = result
            waiting?.resume()
            waiting = nil
        }

        func get() async throws -> Answer {
            if result == nil { await withCheckedContinuation { waiting = $0 } }
            guard let result else { throw Mishap.linkBroken }
            return try result.get()
        }
    }

    /// A request and its answer.
    func call(
        from caller: Process, to peer: Int,
        _ work: @escaping @Simulated (Process) async throws -> Answer
    ) async throws -> Answer {
        let server = try await reach(peer, from: caller)
        if happens(weather.repeated) {
            spawn {
                await self.sleep(self.draw(0...9_000))
                guard let again = self.nodes[peer].process else { return }
                _ = try await work(again)
            }
        }
        let reply = answering(server) { try await work(server) }
        return try await comeBack(try await result(reply, caller), to: caller, server)
    }

    /// An upload: its pieces are on their way while the peer takes them in.
    func upload(
        from caller: Process, to peer: Int, _ key: InboundKey, at offset: UInt64,
        _ produce: (PieceStream) async throws -> Void
    ) async throws -> Answer {
        let server = try await reach(peer, from: caller)
        let stream = PieceStream()
        caller.streams.append(stream)
        defer { caller.streams.removeAll { $0 === stream } }
        let reply = answering(server) {
            defer { stream.breakOff() }
            try await server.greet(caller.node.index)
            return try await server.append(key, at: offset, stream)
        }
        do {
            try await produce(stream)
            stream.push(.end)
        } catch Mishap.linkBroken {
            // The peer may have said why.
            stream.breakOff()
        } catch {
            stream.breakOff()
            throw error
        }
        return try await comeBack(try await result(reply, caller), to: caller, server)
    }

    /// One piece, on its way in order behind those before it.
    func carry(
        _ piece: UInt64, on stream: PieceStream, by caller: Process, to peer: Int
    ) async throws {
        try await caller.pause(0...max(1, weather.delayMax / 8))
        guard !stream.isBroken, isOpen(caller.node.index, peer), !happens(weather.lost / 4) else {
            throw Mishap.linkBroken
        }
        stream.push(.piece(happens(weather.corrupted) ? piece ^ 1 : piece))
    }

    func disturbed(_ head: Head) -> Head {
        var head = head
        if happens(weather.corrupted) { head.isAuthentic = false }
        return head
    }

    /// A payload that comes with its offer; its head may be right.
    func disturbed(_ payload: [UInt64]?) -> [UInt64]? {
        guard var payload, happens(weather.corrupted) else { return payload }
        payload[Int(draw(0...Int64(payload.count - 1)))] ^= 1
        return payload
    }

    private func reach(_ peer: Int, from caller: Process) async throws -> Process {
        try await caller.pause(1...max(2, weather.delayMax))
        guard isOpen(caller.node.index, peer), !happens(weather.lost),
            let server = nodes[peer].process, server.isReady,
            caller.node.ledger.list.members.contains(peer)
        else {
            try await caller.pause(1...10_000)
            throw Mishap.linkBroken
        }
        return server
    }

    private func answering(
        _ server: Process, _ work: @escaping @Simulated () async throws -> Answer
    ) -> Reply {
        let reply = Reply()
        spawn {
            do { reply.set(.success(try await work())) } catch {
                reply.set(.failure(server.isDead ? Mishap.linkBroken : error))
            }
        }
        return reply
    }

    private func result(_ reply: Reply, _ caller: Process) async throws -> Answer {
        do { return try await reply.get() } catch {
            try caller.requireLife()
            switch error {
            // What befell the peer is nothing but a failed request here.
            case Mishap.crashed, Mishap.diskFull, Mishap.changedMeanwhile: throw Mishap.linkBroken
            // Nor is what its disk does to it a fault of this node.
            case Mishap.unreadable, Mishap.missingFile: throw Mishap.notReady("disk")
            default: throw error
            }
        }
    }

    private func comeBack(
        _ answer: Answer, to caller: Process, _ server: Process
    ) async throws -> Answer {
        if let receipt = answer.receipt { judge.states(receipt) }
        try await caller.pause(1...max(2, weather.delayMax))
        guard isOpen(caller.node.index, server.node.index), !happens(weather.lost) else {
            throw Mishap.linkBroken
        }
        var answer = answer
        if happens(weather.forged) { answer.receipt = forged(by: server, for: caller) }
        return answer
    }

    /// A receipt that proves nothing about what it is shown for.
    private func forged(by server: Process, for caller: Process) -> Receipt {
        let transfers = requests.keys.sorted()
        let transfer = transfers[Int(draw(0...Int64(transfers.count - 1)))]
        let others = nodes.indices.filter {
            $0 != server.node.index && $0 != requests[transfer]?.to
        }
        let isForeign = happens(500)
        return Receipt(
            kind: .delivered, from: caller.node.index, transfer: isForeign ? transfer : -1,
            attempt: 1,
            signer: isForeign ? others[Int(draw(0...Int64(others.count - 1)))] : server.node.index,
            reason: nil, entry: 0)
    }
}
