// One upload's bytes on their way: in order, until the end or until something breaks.

@Simulated
final class PieceStream {
    enum Item: Hashable {
        case piece(UInt64)
        case end
        case broken
    }

    private var items: [Item] = []
    private var waiting: CheckedContinuation<Void, Never>?
    private(set) var isBroken = false

    func push(_ item: Item) {
        guard !isBroken else { return }
        items.append(item)
        wake()
    }

    /// What was not taken yet is lost.
    func breakOff() {
        isBroken = true
        items = [.broken]
        wake()
    }

    func next() async -> Item {
        while items.isEmpty { await withCheckedContinuation { waiting = $0 } }
        return isBroken ? .broken : items.removeFirst()
    }

    private func wake() {
        waiting?.resume()
        waiting = nil
    }
}

/// One at a time for each upload; what is newer cuts the older off and waits until it has ended.
@Simulated
final class Uploads {
    private struct Running {
        var stream: PieceStream?
        var waiting: [CheckedContinuation<Void, Never>] = []
    }

    private var running: [InboundKey: Running] = [:]

    func alone<Value>(
        _ key: InboundKey, cutting stream: PieceStream? = nil, _ work: () async throws -> Value
    ) async throws -> Value {
        while running[key] != nil {
            running[key]?.stream?.breakOff()
            await withCheckedContinuation { running[key]?.waiting.append($0) }
        }
        running[key] = Running(stream: stream)
        defer { leave(key) }
        return try await work()
    }

    private func leave(_ key: InboundKey) {
        guard let left = running.removeValue(forKey: key) else { return }
        for waiting in left.waiting { waiting.resume() }
    }
}
