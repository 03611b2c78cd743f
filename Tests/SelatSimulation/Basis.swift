/// What a verdict rests on, as a node has it in one moment.
@Simulated
struct Basis: Equatable {
    let editions: [Int]
    let list: Int

    init(_ process: Process) { self.init(process, process.node.ledger) }

    init(_ process: Process, _ ledger: LedgerState) {
        let now = process.now
        editions = process.world.nodes.indices.map { process.newest($0, ledger, at: now).number }
        list = ledger.list.serial
    }

    func covers(_ head: Head) -> Bool {
        head.verdict.source.number >= editions[head.from]
            && head.verdict.destination.number >= editions[head.to]
            && head.verdict.transit.allSatisfy { $0.value.number >= editions[$0.key] }
            && head.listSerial >= list
    }
}
