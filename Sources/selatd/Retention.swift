import Logging
import SelatAudit
import SelatCore
import SelatCrypto
import SelatExchange
import SelatPolicy
import SelatStore
import ServiceLifecycle
import Synchronization

/// Erases the details that retention rules let go, once an hour, where the clock can be believed.
final class Retention: Sendable {
    private let rules: Mutex<[EntryKind: Int64]>
    private let exchange: Exchange
    private let logger: Logger

    /// - Parameter rules: kinds, as the configuration was read, to seconds.
    init(rules: [String: Int64], exchange: Exchange, logger: Logger) {
        self.rules = Mutex(Self.kinds(rules))
        self.exchange = exchange
        self.logger = logger
    }

    /// What is over by other rules is erased at the next hour.
    func replace(_ rules: [String: Int64]) {
        let kinds = Self.kinds(rules)
        self.rules.withLock { $0 = kinds }
    }

    private static func kinds(_ rules: [String: Int64]) -> [EntryKind: Int64] {
        Dictionary(
            uniqueKeysWithValues: rules.compactMap { kind, seconds in
                (try? EntryKind(kind)).map { ($0, seconds) }
            })
    }

    static func isKind(_ text: String) -> Bool { (try? EntryKind(text)) != nil }

    /// Runs until the daemon stops.
    func run() async {
        await cancelWhenGracefulShutdown {
            while !Task.isCancelled {
                await self.exchange.lookAtClock()
                let mayEnd = self.exchange.witnesses.mayEnd
                if mayEnd { await self.erase() }
                try? await Task.sleep(for: .seconds(mayEnd ? 3_600 : 60))
            }
        }
    }

    private func erase() async {
        let rules = rules.withLock { $0 }
        guard !rules.isEmpty else { return }
        do {
            try await exchange.store.eraseDue(rules, at: SystemClock().now())
        } catch {
            logger.error("housekeeping failed", metadata: ["error": "\(error)"])
        }
    }
}

// How long details of audit entries are kept.

extension Configuration {
    /// Kind, or the kinds below it, to seconds.
    static func retention(
        _ top: Section, _ reader: inout DocumentReader
    ) -> [String: Int64]? {
        guard let node = top["retention"] else { return [:] }
        guard case .map(let entries) = node.content else {
            reader.report(.wrongType, node.place, "`retention` must name kinds of entries")
            return nil
        }
        var rules: [String: Int64] = [:]
        for entry in entries {
            guard Retention.isKind(entry.key) else {
                reader.report(.wrongType, entry.place, "`\(entry.key)` is no kind of an entry")
                return nil
            }
            // The one kind below `details`.
            guard !["details", Erasure.kind.text].contains(entry.key) else {
                reader.report(
                    .wrongType, entry.place,
                    "`\(entry.key)` is kept for good: it says what was erased")
                return nil
            }
            guard let text = reader.word(entry.value, "`\(entry.key)`") else { return nil }
            guard let seconds = try? Span.seconds(text), seconds > 0 else {
                reader.report(
                    .wrongType, entry.value.place,
                    "`\(entry.key)` must be kept for a span such as `90d`, not `\(text)`")
                return nil
            }
            rules[entry.key] = seconds
        }
        return rules
    }
}
