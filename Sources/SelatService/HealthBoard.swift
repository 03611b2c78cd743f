import Synchronization

/// How the daemon answers what watches it.
package struct HealthSource: Sendable {
    /// What stands still; empty while the daemon makes progress.
    package let stalls: @Sendable () async -> [String]
    /// Why a new transfer would not get on its way now; empty where it would.
    package let hindrances: @Sendable () async -> [String]
    package let metrics: @Sendable () async throws -> [MetricFamily]

    package init(
        stalls: @escaping @Sendable () async -> [String],
        hindrances: @escaping @Sendable () async -> [String],
        metrics: @escaping @Sendable () async throws -> [MetricFamily]
    ) {
        self.stalls = stalls
        self.hindrances = hindrances
        self.metrics = metrics
    }

    /// A daemon that does not serve yet: alive, and not ready.
    package static func waiting(_ reason: String) -> HealthSource {
        HealthSource(stalls: { [] }, hindrances: { [reason] }, metrics: { [] })
    }
}

/// Holds the source that answers now: it changes as the daemon starts, joins, serves and stops.
package final class HealthBoard: Sendable {
    private let held: Mutex<HealthSource>

    package init(_ source: HealthSource = .waiting("starting")) { held = Mutex(source) }

    package var source: HealthSource { held.withLock { $0 } }

    package func show(_ source: HealthSource) { held.withLock { $0 = source } }
}
