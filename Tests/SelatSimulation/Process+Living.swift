import SelatCore
import SelatDelivery

// Start and housekeeping.

extension Process {
    /// Comes back from the database: removes what no row names, ends what was cut short, takes up what
    /// was on its way.
    func start() async throws {
        removeFilesOfNoTransfer()
        let rows = node.ledger.outbound.values.sorted { $0.transfer < $1.transfer }
        for row in rows where row.state.atStart == .endSealing {
            if world.hasPlanted(.recoveryForgetsSealing) { break }
            try await endSealing(row.transfer)
        }
        isReady = true
        for row in rows where row.state.atStart == .pursue {
            if world.hasPlanted(.recoveryForgetsSending), row.state == .sending { continue }
            pursue(row.transfer)
        }
        for row in node.ledger.relayed.values.sorted(by: { $0.key < $1.key })
        where [.holding, .forwarded].contains(row.state) { forward(row.key) }
        bringLetters()
        world.spawn { await self.keepHouse() }
    }

    private func removeFilesOfNoTransfer() {
        for name in node.disk.names {
            let isNamed: Bool
            switch name.role {
            case .inbound: isNamed = node.ledger.inbound[name.key]?.state.keepsFiles ?? false
            case .relayed:
                isNamed = node.ledger.relayed[name.key].map { !$0.state.isOutcome } ?? false
            case .outbound:
                let state = node.ledger.outbound[name.transfer]?.state
                let isForgotten = world.hasPlanted(.recoveryRemovesTooMuch) && state == .sending
                isNamed = state?.atStart == .pursue && !isForgotten
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
            guard moment.mayEnd else { continue }
            for key in node.ledger.inbound.keys.sorted() where isOverdue(key) {
                try? await end(key, .tick)
            }
            try? await endRecalled()
            try? await endLetters()
            for row in node.ledger.relayed.values.sorted(by: { $0.key < $1.key })
            where !row.state.isOutcome && now >= row.expires { try? await endRelayed(row.key) }
            for row in node.ledger.outbound.values.sorted(by: { $0.transfer < $1.transfer })
            where row.state == .waiting && now >= row.expires { pursue(row.transfer) }
        }
    }

    private func isOverdue(_ key: InboundKey) -> Bool {
        guard let row = node.ledger.inbound[key] else { return false }
        switch row.state {
        case .receiving: return now >= row.expires
        case .delivered, .opened, .recalled: return row.destroyBy.map { now >= $0 } ?? false
        case .refused, .lapsed, .withdrawn, .destroyed: return false
        }
    }
}
