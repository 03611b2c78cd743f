/// What a verdict rests on, as a node has it in one moment.
@Simulated
struct Basis {
    let editions: [Int]
    let list: Int

    init(_ process: Process) {
        let (node, now) = (process.node, process.now)
        editions = process.world.nodes.indices.map {
            process.newest($0, node.ledger, at: now).number
        }
        list = node.ledger.list.serial
    }

    func covers(_ head: Head) -> Bool {
        head.verdict.source.number >= editions[head.from]
            && head.verdict.destination.number >= editions[head.to]
            && head.verdict.transit.allSatisfy { $0.value.number >= editions[$0.key] }
            && head.listSerial >= list
    }
}
