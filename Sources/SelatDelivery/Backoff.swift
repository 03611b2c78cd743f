/// How long to wait after failures in a row: doubling from a quarter of a second to five minutes,
/// with a jitter that keeps many nodes from coming back at once.
package enum Backoff {
    /// - Parameter jitter: one random byte, for 75 to 125 percent of the wait.
    package static func milliseconds(failures: Int, jitter: UInt8) -> Int64 {
        let base = min(Int64(250) << Int64(min(max(failures - 1, 0), 20)), 300_000)
        return base * 3 / 4 + base / 2 * Int64(jitter) / 255
    }
}
