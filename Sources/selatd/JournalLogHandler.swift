import Glibc
import Logging
import SelatCore
import SelatCrypto

/// One event a line on stderr: `message key=value …`. Under the journal with its priority prefix and
/// without a time, which the journal has; elsewhere with time and level.
struct JournalLogHandler: LogHandler {
    let label: String
    var metadata: Logger.Metadata = [:]
    var logLevel: Logger.Level = .info

    private static let isJournal = getenv("JOURNAL_STREAM") != nil

    init(label: String) { self.label = label }

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        let all = metadata.merging(event.metadata ?? [:]) { _, own in own }
        let pairs = all.sorted { $0.key < $1.key }.map {
            " \($0.key)=\(Self.quoted("\($0.value)"))"
        }
        let head =
            Self.isJournal
            ? "<\(Self.priority(event.level))>" : "\(SystemClock().now()) \(event.level.rawValue) "
        let line = Array("\(head)\(Self.flat("\(event.message)"))\(pairs.joined())\n".utf8)
        // One call for one line, so that lines of several threads do not mix.
        _ = line.withUnsafeBytes { write(STDERR_FILENO, $0.baseAddress, $0.count) }
    }

    private static func priority(_ level: Logger.Level) -> Int {
        switch level {
        case .trace, .debug: 7
        case .info: 6
        case .notice: 5
        case .warning: 4
        case .error: 3
        case .critical: 2
        }
    }

    /// A foreign word must not begin a line of its own.
    private static func flat(_ text: String) -> String {
        // Nearly all is plain, and to go by whole characters takes long.
        if text.utf8.allSatisfy({ (0x20..<0x7F).contains($0) }) { return text }
        return String(text.map { $0.isNewline ? " " : $0 })
    }

    /// And it must not look like another pair.
    private static func quoted(_ text: String) -> String {
        let flat = flat(text)
        // By bytes: with a mark behind it a space is another character, and a space to whoever reads the line.
        let isPlain = flat.utf8.allSatisfy { $0 > 0x20 && $0 != UInt8(ascii: "\"") }
        return isPlain && !flat.isEmpty ? flat : JSON.string(flat).pretty
    }
}
