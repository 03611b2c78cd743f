import Logging
import SelatAudit
import SelatCore
import SelatCrypto
import SelatPolicy
import SelatStore
import ServiceLifecycle

/// Erases the details that retention rules let go, once an hour.
struct Retention {
    private let rules: [EntryKind: Int64]
    private let store: Store
    private let logger: Logger

    /// - Parameter rules: kinds, as the configuration was read, to seconds.
    init(rules: [String: Int64], store: Store, logger: Logger) {
        self.rules = Dictionary(
            uniqueKeysWithValues: rules.compactMap { kind, seconds in
                (try? EntryKind(kind)).map { ($0, seconds) }
            })
        self.store = store
        self.logger = logger
    }

    static func isKind(_ text: String) -> Bool { (try? EntryKind(text)) != nil }

    /// Runs until the daemon stops.
    func run() async {
        guard !rules.isEmpty else {
            try? await gracefulShutdown()
            return
        }
        await cancelWhenGracefulShutdown {
            while !Task.isCancelled {
                do {
                    try await store.eraseDue(rules, at: SystemClock().now())
                } catch {
                    logger.error("housekeeping failed", metadata: ["error": "\(error)"])
                }
                try? await Task.sleep(for: .seconds(3_600))
            }
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
