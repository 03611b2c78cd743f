import Glibc

/// One line of a page.
struct PageLine {
    enum Kind { case plain, heading, warning, alarm }

    let text: String
    let kind: Kind

    init(_ text: String = "", _ kind: Kind = .plain) {
        self.text = text
        self.kind = kind
    }
}

/// The terminal's other screen: what stood there before comes back when it is left, also by a signal.
final class FullScreen {
    private var isLeft = false

    init() {
        Self.enter()
        for number in [SIGINT, SIGTERM, SIGHUP] { signal(number) { _ in FullScreen.end() } }
        signal(SIGTSTP) { _ in FullScreen.pause() }
        signal(SIGCONT) { _ in FullScreen.resume() }
    }

    /// Draws a page over the one before, as much of it as fits.
    func show(_ page: (_ columns: Int, _ rows: Int) -> [PageLine]) {
        let (columns, rows) = Terminal.size(of: STDOUT_FILENO) ?? (80, 24)
        let lines = page(columns, rows).prefix(rows).map { line in
            Self.coloured(line.text.fitted(to: columns), line.kind) + "\u{1B}[K"
        }
        Terminal.write(
            "\u{1B}[H" + lines.joined(separator: "\n") + "\u{1B}[J", to: STDOUT_FILENO)
    }

    func leave() {
        guard !isLeft else { return }
        isLeft = true
        for number in [SIGINT, SIGTERM, SIGHUP, SIGTSTP, SIGCONT] { signal(number, SIG_DFL) }
        Self.put(Self.leaving)
    }

    private static func coloured(_ text: String, _ kind: PageLine.Kind) -> String {
        guard Terminal.hasColours, !text.isEmpty else { return text }
        return switch kind {
        case .plain: text
        case .heading: "\u{1B}[1m\(text)\u{1B}[0m"
        case .warning: "\u{1B}[33m\(text)\u{1B}[0m"
        case .alarm: "\u{1B}[1;31m\(text)\u{1B}[0m"
        }
    }

    // MARK: Signals

    // In a handler nothing but system calls on bytes that lie ready (signal-safety(7)): no String.
    private static let entering: StaticString = "\u{1B}[?1049h\u{1B}[?25l\u{1B}[H\u{1B}[2J"
    private static let leaving: StaticString = "\u{1B}[?25h\u{1B}[?1049l"

    private static func put(_ text: StaticString) {
        _ = Glibc.write(STDOUT_FILENO, text.utf8Start, text.utf8CodeUnitCount)
    }

    private static func enter() { put(entering) }

    /// Ctrl-C is how a watch ends: nothing has failed.
    private static func end() -> Never {
        put(leaving)
        _exit(ExitStatus.done.rawValue)
    }

    /// Ctrl-Z: the shell gets its screen back, then the process stops as it would have.
    private static func pause() {
        put(leaving)
        signal(SIGTSTP, SIG_DFL)
        raise(SIGTSTP)
    }

    private static func resume() {
        put(entering)
        signal(SIGTSTP) { _ in FullScreen.pause() }
    }
}
