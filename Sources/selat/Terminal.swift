import Glibc
import SelatCore

/// Where words go: stdout for results, stderr for people.
enum Terminal {
    static func result(_ text: String) { write(text + "\n", to: STDOUT_FILENO) }
    static func result(_ json: JSON) { result(json.pretty) }
    static func note(_ text: String) { write(text + "\n", to: STDERR_FILENO) }
    static func error(_ text: String) { note("selat: error: \(text)") }
    static func warning(_ text: String) { note("selat: warning: \(text)") }
    static func hint(_ text: String) { note("selat: hint: \(text)") }

    static let stdinIsTerminal = isatty(STDIN_FILENO) == 1
    static let stderrIsTerminal = isatty(STDERR_FILENO) == 1
    static let stdoutIsTerminal = isatty(STDOUT_FILENO) == 1

    /// Text from elsewhere without the characters that a terminal would obey or that hide others.
    static func plain(_ text: String) -> String {
        var plain = String.UnicodeScalarView()
        for scalar in text.unicodeScalars {
            let isObeyed =
                scalar.value < 0x20 || (0x7F...0x9F).contains(scalar.value)
                || (0x200B...0x200F).contains(scalar.value)
                || (0x2028...0x202E).contains(scalar.value)
                || (0x2066...0x2069).contains(scalar.value)
            plain.append(isObeyed ? "\u{FFFD}" : scalar)
        }
        return String(plain)
    }

    /// Columns of the terminal at stderr, 80 where nobody says.
    static var columns: Int {
        var size = winsize()
        let known = ioctl(STDERR_FILENO, UInt(TIOCGWINSZ), &size) == 0 && size.ws_col > 0
        return known ? Int(size.ws_col) : 80
    }

    /// Writes everything, also where the kernel takes only a part; a reader that has gone away ends
    /// the writing quietly.
    static func write(_ text: String, to descriptor: Int32) {
        var bytes = Array(text.utf8)[...]
        while !bytes.isEmpty {
            let written = bytes.withUnsafeBytes {
                Glibc.write(descriptor, $0.baseAddress, $0.count)
            }
            if written < 0, errno == EINTR { continue }
            guard written > 0 else { return }
            bytes = bytes.dropFirst(written)
        }
    }
}

/// A table for people: lower-case headers, two spaces between columns.
struct Table {
    let headers: [String]
    private(set) var rows: [[String]] = []

    init(_ headers: [String]) { self.headers = headers }

    mutating func add(_ row: [String]) {
        precondition(row.count == headers.count, "a row has a cell for each header")
        rows.append(row)
    }

    var text: String {
        let widths = headers.indices.map { column in
            ([headers] + rows).map { $0[column].count }.max() ?? 0
        }
        return ([headers] + rows).map { row in
            let cells = row.enumerated().map { column, cell in
                column == row.count - 1
                    ? cell : cell + String(repeating: " ", count: widths[column] - cell.count)
            }
            return cells.joined(separator: "  ")
        }.joined(separator: "\n")
    }
}

/// How sizes and counts read.
enum Quantity {
    /// `1.5 GiB`, three digits at most before the unit.
    static func bytes(_ count: UInt64) -> String {
        let units = ["B", "KiB", "MiB", "GiB", "TiB"]
        var value = count
        var rest: UInt64 = 0
        var unit = 0
        while value >= 1_024, unit < units.count - 1 {
            rest = value % 1_024 * 10 / 1_024
            value /= 1_024
            unit += 1
        }
        return unit == 0 || value >= 100
            ? "\(value) \(units[unit])" : "\(value).\(rest) \(units[unit])"
    }

    /// `4s`, `2m05s`, `3h10m`.
    static func seconds(_ count: Int) -> String {
        func padded(_ number: Int) -> String { (number < 10 ? "0" : "") + "\(number)" }
        return switch count {
        case ..<60: "\(count)s"
        case ..<3_600: "\(count / 60)m\(padded(count % 60))s"
        default: "\(count / 3_600)h\(padded(count / 60 % 60))m"
        }
    }
}

/// Progress of long work: a line that renews itself on a terminal, nothing elsewhere.
struct Progress {
    private let verb: String
    private let total: UInt64
    private let started = ContinuousClock.now
    private var shown = ContinuousClock.now
    private var count: UInt64 = 0
    private var isShown = false

    /// - Parameter total: bytes; 0 where it is not known beforehand.
    init(_ verb: String, total: UInt64) {
        self.verb = verb
        self.total = total
    }

    mutating func advance(by bytes: Int) {
        count += UInt64(bytes)
        let now = ContinuousClock.now
        guard Terminal.stderrIsTerminal, now - shown > .milliseconds(100) else { return }
        shown = now
        isShown = true
        Terminal.write("\r" + line(at: now) + "\u{1B}[K", to: STDERR_FILENO)
    }

    /// Removes the line.
    mutating func finish() {
        if isShown { Terminal.write("\r\u{1B}[K", to: STDERR_FILENO) }
        isShown = false
    }

    private func line(at now: ContinuousClock.Instant) -> String {
        let milliseconds = max(1, UInt64((now - started) / .milliseconds(1)))
        let rate = count * 1_000 / milliseconds
        let speed = "\(Quantity.bytes(rate))/s"
        guard total > 0 else { return fitted("\(verb) \(Quantity.bytes(count))  \(speed)") }
        let left = rate > 0 ? Int((total - min(count, total)) / rate) : 0
        return fitted(
            "\(verb) \(count * 100 / total)%  \(Quantity.bytes(count)) of "
                + "\(Quantity.bytes(total))  \(speed)  \(Quantity.seconds(left)) left")
    }

    /// One line of the terminal: a longer one would wrap, and not be renewed in place.
    private func fitted(_ words: String) -> String {
        return String(words.prefix(max(20, Terminal.columns - 1)))
    }
}
