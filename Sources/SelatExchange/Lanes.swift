import SelatCore

/// Who may use a link now: a few transfers at a time to each peer, the most urgent first.
actor Lanes {
    private struct Waiting {
        let precedence: Precedence
        let id: TransferID
        let turn: CheckedContinuation<Void, Never>
    }

    static let perPeer = 4
    private var busy: [NodeID: Int] = [:]
    private var waiting: [NodeID: [Waiting]] = [:]

    /// Waits for a turn; each is given back with `leave`.
    func enter(_ peer: NodeID, _ precedence: Precedence, _ id: TransferID) async {
        if busy[peer, default: 0] < Self.perPeer {
            busy[peer, default: 0] += 1
            return
        }
        await withCheckedContinuation { turn in
            waiting[peer, default: []].append(Waiting(precedence: precedence, id: id, turn: turn))
        }
    }

    func leave(_ peer: NodeID) {
        var queue = waiting[peer] ?? []
        let next = queue.indices.min { a, b in
            (queue[a].precedence, queue[a].id) < (queue[b].precedence, queue[b].id)
        }
        guard let next else {
            busy[peer, default: 1] -= 1
            return
        }
        let chosen = queue.remove(at: next)
        waiting[peer] = queue
        chosen.turn.resume()
    }
}
