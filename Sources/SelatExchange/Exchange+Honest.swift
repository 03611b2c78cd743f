import Logging
import SelatAudit
import SelatCore
import SelatStore
import Synchronization

// What an honest operator's node says about itself: refused calls, clock steps, uses of keys whose
// statements are no entries (Exchange.docc, *Audit entries*).

/// What is counted until the next minute.
struct Counted: Sendable {
    /// Calls at the control socket that were refused, all their words counting.
    var calls: [Call: Int] = [:]

    struct Call: Hashable, Comparable {
        let user: UInt32
        let cause: String
        /// Method and path as the control page lists them; empty for what stands for several.
        var route = ""
        /// The caller's roles, in order.
        var roles: [String] = []

        static func < (a: Call, b: Call) -> Bool {
            (a.user, a.cause, a.route) < (b.user, b.cause, b.route)
        }

        func details(count: Int) -> JSON {
            var members: JSON.Object = [
                "cause": .string(cause), "count": .integer(Int64(count)), "roles": .strings(roles),
            ]
            if !route.isEmpty { members["route"] = .string(route) }
            return .object(members)
        }
    }

    /// A caller chooses the words of some causes; how many are kept is ours to say.
    static let callsMax = 256

    mutating func count(_ call: Call) {
        let key =
            calls.count < Self.callsMax || calls[call] != nil
            ? call : Call(user: call.user, cause: "other causes")
        calls[key, default: 0] += 1
    }

    /// One entry for each user, cause and route, and nothing counted any more.
    mutating func takeDrafts() -> [EntryDraft] {
        defer { calls = [:] }
        return calls.sorted { $0.key < $1.key }.map { call, count in
            EntryDraft(
                kind: "calls.refused", actor: .user(call.user),
                details: call.details(count: count))
        }
    }
}

/// Sees when the wall clock was set: it and a clock that only goes on move apart.
struct ClockWatch: Sendable {
    private var offset: Int64?

    /// - Parameters:
    ///   - wall: the wall clock, in seconds.
    ///   - steady: a clock that nobody sets, in seconds from wherever.
    /// - Returns: by how many seconds the wall clock was set since the last look, if by more than
    ///   whole seconds and a slow look can explain.
    mutating func look(wall: Int64, steady: Int64) -> Int64? {
        let now = wall - steady
        defer { offset = now }
        guard let offset, abs(now - offset) >= Self.leastSeconds else {
            // Slewing in small steps stays unseen, and is meant to.
            return nil
        }
        return now - offset
    }

    static let leastSeconds: Int64 = 3
}

extension Exchange {
    /// Counts a call at the control socket that was refused.
    /// - Parameters:
    ///   - route: method and path, as the control page lists them.
    ///   - roles: what the caller may be here, sorted.
    package func refusedCall(
        by user: UInt32, cause: String, route: String = "", roles: [String] = []
    ) {
        let call = Counted.Call(
            user: user, cause: String(cause.prefix(200)), route: String(route.prefix(200)),
            roles: roles)
        counted.withLock { $0.count(call) }
    }

    /// Looks at the clock once a second until the task is cancelled: whether it was set, and whether an
    /// edition comes into force. One timer for both, because each wakes an idle node.
    func watchClock() async {
        while !Task.isCancelled {
            await lookAtClock()
            await editions.activateComing()
            guard (try? await Task.sleep(for: .seconds(1))) != nil else { return }
        }
    }

    /// Looks whether the clock was set since the last look. Whatever ends things by the clock looks
    /// first: they may all wake at once behind a step.
    package func lookAtClock() async {
        let step = clockWatch.withLock { watch in
            let steady = started.duration(to: .now).components.seconds
            return watch.look(wall: clock.now().seconds, steady: steady)
        }
        guard let step else { return }
        witnesses.noteStep(by: step)
        logger.warning("clock was set", metadata: ["seconds": "\(step)"])
        _ = try? await store.commit { transaction in
            try transaction.append(
                EntryDraft(kind: "clock.stepped", details: ["seconds": .integer(step)]))
        }
    }

    /// What was counted and not entered yet, for the last entries before a stop.
    package func enterLast() async throws {
        try await enterCounted()
        try await witnesses.enterKeyUse()
        _ = try await store.commit { transaction in
            try transaction.append(EntryDraft(kind: "node.stopped", details: [:]))
        }
    }
}
