/// How many rows a list asks the daemon for, so that whoever reads it knows whether it is whole.
enum RowLimit {
    /// One answer has no more.
    static let most = 10_000

    /// - Throws: `ValidationError` for a `--limit` that no list takes.
    static func require(_ limit: Int?) throws { try (1...most).require(limit, of: "--limit") }

    /// One more than are shown, where the daemon gives so many.
    static func asked(for shown: Int) -> Int { (1..<most).contains(shown) ? shown + 1 : shown }

    /// Says that a list is not whole.
    /// - Parameter found: how many rows came when `asked(for:)` were asked for.
    static func warn(found: Int, shown: Int, _ rows: String) {
        guard found > shown || found >= most else { return }
        Terminal.warning("these are the newest \(min(found, shown)) \(rows), and there may be more")
    }
}
