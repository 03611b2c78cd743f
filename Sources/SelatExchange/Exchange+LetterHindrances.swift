package import SelatCore
package import SelatStore
import Synchronization

// What keeps letters from their addressees, as far as this process has seen: a start learns it anew.

/// What came of bringing a letter to a node.
enum LetterOutcome: Int, Comparable, Sendable {
    case unreachable
    /// A relay passes nothing on now.
    case closed
    case refused
    /// A relay has it and brings it further, or says that it has passed it on.
    case held
    /// Its addressee will not have it now.
    case answered
    case taken

    static func < (a: LetterOutcome, b: LetterOutcome) -> Bool { a.rawValue < b.rawValue }
}

/// Why an own letter has not come to its addressee.
package struct LetterHindrance: Hashable, Sendable {
    /// When it was first seen, for people: whoever sets the clock must neither close a way nor silence a warning.
    package let since: Timestamp
    /// The same, by a clock that nobody sets.
    let begun: ContinuousClock.Instant
    /// The node that was asked last, and what came of it.
    package let cause: String
    /// Whether a relay of its route's had it then, and brings it further.
    let isOnRoute: Bool
    /// Whether another relay said, when one was asked last, that it has passed it on.
    let isPassedOn: Bool
    /// Before then other relays are not asked again; nil where none has answered yet.
    let elsewhereFrom: ContinuousClock.Instant?

    /// Whether somebody says to have seen to it: it may be no more than late.
    package var isHeld: Bool { isOnRoute || isPassedOn }
}

extension Exchange {
    /// Nil where nothing has kept it yet, or it is another node's.
    package func hindrance(of letter: LetterRow) -> LetterHindrance? {
        hindered.withLock { $0[letter.addressee]?[letter.number] }
    }

    /// Whether this node has written a letter, and does not bring it for another.
    func isOwn(_ letter: LetterRow) -> Bool {
        letter.entry != nil || letter.from == identity.node
    }

    /// Others' letters are their writers' to watch, and must not take the own ones' places.
    /// - Parameters:
    ///   - usual: what came of the nodes that it is brought to first.
    ///   - elsewhere: the same of other relays; nil where none was asked.
    func noteHindrance(
        of letter: LetterRow, _ cause: String, usual: LetterOutcome, elsewhere: LetterOutcome?
    ) {
        guard isOwn(letter) else { return }
        let (time, now) = (clock.now(), ContinuousClock.now)
        hindered.withLock { hindered in
            let before = hindered[letter.addressee]?[letter.number]
            let count = hindered[letter.addressee]?.count ?? 0
            guard before != nil || count < Self.hinderedMax else { return }
            let begun = before?.begun ?? now
            var (isPassedOn, from) = (before?.isPassedOn ?? false, before?.elsewhereFrom)
            switch elsewhere {
            case nil, .unreachable: break
            case .closed: from = now + .seconds(Self.stuckSeconds)
            case .refused, .held, .answered, .taken:
                isPassedOn = elsewhere == .held
                // The longer it lasts the less often: relays pass few on, and the others wait for a turn.
                let stuck = max(Duration.seconds(Self.stuckSeconds), now - begun)
                from = now + min(stuck, Duration.seconds(86_400))
            }
            hindered[letter.addressee, default: [:]][letter.number] = LetterHindrance(
                since: before?.since ?? time, begun: begun, cause: String(cause.prefix(500)),
                isOnRoute: usual == .held, isPassedOn: isPassedOn, elsewhereFrom: from)
        }
    }

    func forgetHindrance(of letter: LetterRow) {
        _ = hindered.withLock { $0[letter.addressee]?.removeValue(forKey: letter.number) }
    }

    /// Forgets those of letters that are owed no more: they lapsed, or another took their place.
    func forgetEndedHindrances() async throws {
        let numbers = hindered.withLock { hindered in hindered.values.flatMap { $0.keys } }
        guard !numbers.isEmpty else { return }
        let ended = try await store.read { snapshot -> Set<Int64> in
            Set(try numbers.filter { try snapshot.letter($0) == nil })
        }
        hindered.withLock { hindered in
            hindered = hindered.mapValues { letters in letters.filter { !ended.contains($0.key) } }
                .filter { !$0.value.isEmpty }
        }
    }

    /// Whether the usual ways have failed for so long that others are tried.
    func isStuck(_ letter: LetterRow) -> Bool {
        hindrance(of: letter).map { $0.begun + .seconds(Self.stuckSeconds) <= .now } ?? false
    }

    /// Whether other relays than the route's are asked now to pass a letter on.
    /// - Parameter hasWay: whether there is a usual one.
    func isDueElsewhere(_ letter: LetterRow, hasWay: Bool) -> Bool {
        // What was taken back goes to the one node that holds a part of it.
        guard isOwn(letter), letter.kind != ReceiptKind.cancelled.rawValue,
            !hasWay || isStuck(letter)
        else { return false }
        return hindrance(of: letter)?.elsewhereFrom.map { $0 <= .now } ?? true
    }

    static let stuckSeconds: Int64 = 600
    /// Who holds a letter for longer may have lost it, or never had it.
    static let heldSeconds: Int64 = 3_600

    /// Own letters that no node has taken for so long, or that are held for longer, a line for each addressee: somebody
    /// may have to carry them.
    package func letterWarnings() async throws -> [String] {
        let now = ContinuousClock.now
        let stuck = hindered.withLock { hindered in
            hindered.mapValues { letters in
                letters.filter { _, hindrance in
                    let patience = hindrance.isHeld ? Self.heldSeconds : Self.stuckSeconds
                    return hindrance.begun + .seconds(patience) <= now
                }
            }
        }
        let numbers = stuck.values.flatMap { $0.keys }.sorted()
        guard !numbers.isEmpty else { return [] }
        let letters = try await store.read { snapshot -> [LetterRow] in
            // What was taken back lapses by itself.
            try numbers.compactMap { try snapshot.letter($0) }
                .filter { $0.kind != ReceiptKind.cancelled.rawValue }
        }
        let byAddressee = Dictionary(grouping: letters, by: \.addressee)
        return byAddressee.sorted { $0.key < $1.key }.compactMap { addressee, letters -> String? in
            guard let first = letters.first, let hindrance = stuck[addressee]?[first.number]
            else { return nil }
            return Self.words(first, hindrance, others: letters.count - 1)
        }
    }

    private static func words(
        _ letter: LetterRow, _ hindrance: LetterHindrance, others: Int
    ) -> String {
        let isRecall = letter.kind == recallLetter
        let what = isRecall ? "recall" : "receipt `\(letter.kind)`"
        let more = others > 0 ? " (and \(others) more)" : ""
        let command =
            isRecall ? "recall export \(letter.id) FILE" : "receipt export \(letter.id) FOLDER"
        let kept =
            hindrance.isHeld
            ? "is not known to have come to `\(letter.addressee)`, on its way since \(hindrance.since)"
            : "has been kept from `\(letter.addressee)` since \(hindrance.since)"
        return "the \(what) of `\(letter.id)`\(more) \(kept): \(hindrance.cause); it is brought"
            + " again; to carry it by hand: `selat \(command)`"
    }

    /// Letters to one node of which this is kept; of more only that is out of reach, mostly, and no node that takes
    /// none must use up what the others need.
    private static let hinderedMax = 1_000
}
