/// What a verdict rests on, as a node has it in one moment.
@Simulated
struct Basis {
    let source: Int
    let destination: Int
    let list: Int

    init(_ process: Process, to peer: Int) {
        let (node, now) = (process.node, process.now)
        source = process.newest(node.index, node.ledger, at: now).number
        destination = process.newest(peer, node.ledger, at: now).number
        list = node.ledger.list.serial
    }

    func covers(_ head: Head) -> Bool {
        head.verdict.source.number >= source && head.verdict.destination.number >= destination
            && head.listSerial >= list
    }
}
