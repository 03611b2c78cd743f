/// The variables to branch on, most active first: a binary heap with positions (VSIDS).
///
/// Of equally active variables the one made first wins, so that a run repeats itself.
struct VariableOrder: Sendable {
    private var heap: [Int32] = []
    /// Where a variable stands in the heap; -1 where it does not.
    private var positions: [Int32] = []
    private var activities: [Double] = []
    private var increment = 1.0

    private static let decay = 0.95
    private static let ceiling = 1e100

    mutating func addVariable() {
        positions.append(-1)
        activities.append(0)
        insert(positions.count - 1)
    }

    mutating func insert(_ variable: Int) {
        guard positions[variable] < 0 else { return }
        positions[variable] = Int32(heap.count)
        heap.append(Int32(variable))
        rise(from: heap.count - 1)
    }

    mutating func popFirst() -> Int? {
        guard let first = heap.first, let last = heap.popLast() else { return nil }
        positions[Int(first)] = -1
        if !heap.isEmpty {
            heap[0] = last
            positions[Int(last)] = 0
            sink(from: 0)
        }
        return Int(first)
    }

    mutating func bump(_ variable: Int) {
        activities[variable] += increment
        if activities[variable] > Self.ceiling { rescale() }
        let position = Int(positions[variable])
        if position >= 0 { rise(from: position) }
    }

    mutating func age() { increment /= Self.decay }

    private mutating func rescale() {
        for variable in activities.indices { activities[variable] /= Self.ceiling }
        increment /= Self.ceiling
    }

    private func precedes(_ a: Int32, _ b: Int32) -> Bool {
        let (left, right) = (activities[Int(a)], activities[Int(b)])
        return left == right ? a < b : left > right
    }

    private mutating func rise(from start: Int) {
        var position = start
        let moving = heap[position]
        while position > 0 {
            let parent = (position - 1) >> 1
            guard precedes(moving, heap[parent]) else { break }
            place(heap[parent], at: position)
            position = parent
        }
        place(moving, at: position)
    }

    private mutating func sink(from start: Int) {
        var position = start
        let moving = heap[position]
        while 2 * position + 1 < heap.count {
            var child = 2 * position + 1
            if child + 1 < heap.count, precedes(heap[child + 1], heap[child]) { child += 1 }
            guard precedes(heap[child], moving) else { break }
            place(heap[child], at: position)
            position = child
        }
        place(moving, at: position)
    }

    private mutating func place(_ variable: Int32, at position: Int) {
        heap[position] = variable
        positions[Int(variable)] = Int32(position)
    }
}
