import Glibc

/// Progress of long work: a line that renews itself on a terminal, nothing elsewhere.
struct Progress {
    private let verb: String
    /// Bytes; 0 while it is not known.
    private(set) var total: UInt64
    /// From when on the rate is counted, and how much had gone before.
    private var started = ContinuousClock.now
    private var before: UInt64 = 0
    private var latest = ContinuousClock.now
    private var shown = ContinuousClock.now
    private var count: UInt64 = 0
    private var isShown = false

    /// - Parameter total: bytes; 0 where it is not known beforehand.
    init(_ verb: String, total: UInt64) {
        self.verb = verb
        self.total = total
    }

    /// Takes the size of the whole, once somebody says it.
    mutating func expect(_ total: UInt64?) { self.total = total ?? 0 }

    mutating func advance(by bytes: Int) {
        let now = ContinuousClock.now
        // While others had their turn nothing moved; that says nothing of how fast it goes now.
        if now - latest > .seconds(2) { (started, before) = (now, count) }
        latest = now
        count += UInt64(bytes)
        guard Terminal.stderrIsTerminal, now - shown > .milliseconds(100) else { return }
        shown = now
        isShown = true
        let milliseconds = max(1, UInt64((now - started) / .milliseconds(1)))
        let line = Self.line(
            verb, count, of: total, rate: (count - before) * 1_000 / milliseconds,
            columns: Terminal.columns - 1)
        Terminal.write("\r" + line + "\u{1B}[K", to: STDERR_FILENO)
    }

    /// Removes the line.
    mutating func finish() {
        if isShown { Terminal.write("\r\u{1B}[K", to: STDERR_FILENO) }
        isShown = false
    }

    /// One line of the terminal, with as much as fits: a longer one would wrap, and not be renewed
    /// in place.
    /// - Parameter rate: bytes a second.
    static func line(
        _ verb: String, _ count: UInt64, of total: UInt64, rate: UInt64, columns: Int
    ) -> String {
        let speed = "\(Quantity.bytes(rate))/s"
        guard total > 0 else {
            return "\(verb)  \(Quantity.bytes(count))  \(speed)".fitted(to: columns)
        }
        let done = min(count, total)
        let share = "\(done * 100 / total)%".padded(to: 4, atLeft: true)
        let left = rate > 0 ? "\(Quantity.seconds(Int((total - done) / rate))) left" : "waiting"
        let amount = "\(Quantity.bytes(done)) of \(Quantity.bytes(total))"
        let words = "\(share)  \(amount)  \(speed)  \(left)"
        let room = columns - verb.columns - words.columns - 6
        if room >= 8 { return "\(verb)  \(bar(done, total, min(room, 40)))  \(words)" }
        let shorter = [
            "\(verb)  \(words)", "\(verb) \(share)  \(speed)  \(left)", "\(verb) \(share)  \(left)",
        ]
        return shorter.first { $0.columns <= columns } ?? "\(verb) \(share)".fitted(to: columns)
    }

    /// `[=====>    ]`, with `width` columns inside.
    private static func bar(_ done: UInt64, _ total: UInt64, _ width: Int) -> String {
        let full = Int(Double(done) / Double(total) * Double(width))
        let filled = String(repeating: "=", count: max(0, full - 1)) + (full > 0 ? ">" : "")
        return
            "[\(full == width ? String(repeating: "=", count: width) : filled.padded(to: width))]"
    }
}
