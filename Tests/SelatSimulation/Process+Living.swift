import SelatCore
import SelatDelivery

// Start and housekeeping.

extension Process {
    /// Comes back from the database: ends what was cut short, takes up what was on its way, removes
    /// what no row names.
    func start() async throws {
        let rows = node.ledger.outbound.values.sorted { $0.transfer < $1.transfer }
        for row in rows where row.state.atStart == .endSealing {
            if world.hasPlanted(.recoveryForgetsSealing) { break }
            try await endSealing(row.transfer)
        }
        removeFilesOfNoTransfer()
        isReady = true
        for row in rows where row.state.atStart == .pursue {
            if world.hasPlanted(.recoveryForgetsSending), row.state == .sending { continue }
            pursue(row.transfer)
        }
        world.spawn { await self.keepHouse() }
    }

    private func removeFilesOfNoTransfer() {
        for name in node.disk.names {
            let isNamed: Bool
            if let sender = name.sender {
                let key = InboundKey(from: sender, transfer: name.transfer)
                isNamed = node.ledger.inbound[key]?.state.keepsFiles ?? false
            } else {
                let state = node.ledger.outbound[name.transfer]?.state
                isNamed =
                    state?.atStart == .pursue
                    && !(world.hasPlanted(.recoveryRemovesTooMuch) && state == .sending)
            }
            if !isNamed { node.disk.remove(name) }
        }
    }

    private func keepHouse() async {
        while !isDead {
            await world.sleep(60_000)
            if isDead || world.isOver { return }
            for transfer in cutShort.sorted() {
                if (try? await endSealing(transfer)) != nil { cutShort.remove(transfer) }
            }
            for key in node.ledger.inbound.keys.sorted() where isOverdue(key) {
                try? await end(key, .tick)
            }
            for row in node.ledger.outbound.values.sorted(by: { $0.transfer < $1.transfer })
            where row.state == .waiting && now >= row.expires { pursue(row.transfer) }
        }
    }

    private func isOverdue(_ key: InboundKey) -> Bool {
        guard let row = node.ledger.inbound[key] else { return false }
        switch row.state {
        case .receiving: return now >= row.expires
        case .delivered, .opened: return row.destroyBy.map { now >= $0 } ?? false
        case .refused, .lapsed, .destroyed: return false
        }
    }
}
