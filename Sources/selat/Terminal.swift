import Foundation
import Glibc
import SelatCore

/// Where words go: stdout for results, stderr for people.
enum Terminal {
    static func result(_ text: String) { write(text + "\n", to: STDOUT_FILENO) }
    static func result(_ json: JSON) { result(json.pretty) }
    /// Lines that may have words from elsewhere in them.
    static func result(lines: [String]) { result(lines.map(plain).joined(separator: "\n")) }
    static func note(_ text: String) { write(text + "\n", to: STDERR_FILENO) }
    /// The same of lines that may have words from elsewhere in them.
    static func note(lines: [String]) { note(lines.map(plain).joined(separator: "\n")) }
    static func error(_ text: String) { note("selat: error: \(plainLines(text))") }
    static func warning(_ text: String) { note("selat: warning: \(plainLines(text))") }
    static func hint(_ text: String) { note("selat: hint: \(plainLines(text))") }

    static let stdinIsTerminal = isatty(STDIN_FILENO) == 1
    static let stderrIsTerminal = isatty(STDERR_FILENO) == 1
    static let stdoutIsTerminal = isatty(STDOUT_FILENO) == 1

    /// Text from elsewhere without the characters that a terminal would obey or that hide others.
    static func plain(_ text: String) -> String {
        var plain = String.UnicodeScalarView()
        for scalar in text.unicodeScalars { plain.append(isObeyed(scalar) ? "\u{FFFD}" : scalar) }
        return String(plain)
    }

    private static func isObeyed(_ scalar: Unicode.Scalar) -> Bool {
        // Some languages cannot be written without the two joiners.
        if scalar == "\u{200C}" || scalar == "\u{200D}" { return false }
        return switch scalar.properties.generalCategory {
        case .control, .lineSeparator, .paragraphSeparator, .format: true
        // Also variation selectors and fillers, which can hide any bytes behind one letter.
        default: scalar.properties.isDefaultIgnorableCodePoint
        }
    }

    /// The same line by line: what a problem says may be another node's words.
    private static func plainLines(_ text: String) -> String {
        text.split(separator: "\n", omittingEmptySubsequences: false).map { plain(String($0)) }
            .joined(separator: "\n")
    }

    /// Columns of the terminal at stderr, 80 where nobody says.
    static var columns: Int { size(of: STDERR_FILENO)?.columns ?? 80 }

    /// What a result may take: nil where stdout is no terminal, and lines are as long as they are.
    static var resultColumns: Int? { stdoutIsTerminal ? size(of: STDOUT_FILENO)?.columns : nil }

    /// Columns and rows of a terminal; nil where it is none, or does not say.
    static func size(of descriptor: Int32) -> (columns: Int, rows: Int)? {
        var size = winsize()
        guard ioctl(descriptor, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0, size.ws_row > 0
        else { return nil }
        return (Int(size.ws_col), Int(size.ws_row))
    }

    /// Whether results may have colours (https://no-color.org).
    static let hasColours: Bool = {
        let environment = ProcessInfo.processInfo.environment
        return stdoutIsTerminal && environment["NO_COLOR", default: ""].isEmpty
            && environment["TERM"] != "dumb"
    }()

    /// Writes everything, also where the kernel takes only a part, or nothing for now. A result that cannot be
    /// written ends the command: nobody shall take a part for the whole. What is for people is let go.
    static func write(_ text: String, to descriptor: Int32) {
        var bytes = Array(text.utf8)[...]
        while !bytes.isEmpty {
            let written = bytes.withUnsafeBytes {
                Glibc.write(descriptor, $0.baseAddress, $0.count)
            }
            let fault = written < 0 ? errno : EIO
            if written > 0 {
                bytes = bytes.dropFirst(written)
            } else if fault == EAGAIN {
                awaitRoom(at: descriptor)
            } else if fault != EINTR {
                if descriptor == STDOUT_FILENO { leave(unwritten: fault) }
                return
            }
        }
    }

    /// Ends the command where nobody reads its results any more: what follows something may have nothing to
    /// write for long, and would not notice.
    static func requireReader() {
        var asked = pollfd(fd: STDOUT_FILENO, events: 0, revents: 0)
        guard poll(&asked, 1, 0) == 1, Int32(asked.revents) & POLLERR != 0 else { return }
        leave(unwritten: EPIPE)
    }

    private static func awaitRoom(at descriptor: Int32) {
        var waiting = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
        _ = poll(&waiting, 1, -1)
    }

    /// A reader that went away has what it wanted, and is told nothing; the exit status says that it was not all.
    private static func leave(unwritten fault: Int32) -> Never {
        Unfinished.removeAll()
        if fault != EPIPE { error("writing stdout: \(String(cString: strerror(fault)))") }
        Program.end(ExitStatus.failed.rawValue)
    }
}
