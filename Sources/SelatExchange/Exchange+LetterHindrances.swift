package import SelatCore
package import SelatStore
import Synchronization

// What keeps letters from their addressees, as far as this process has seen: a start learns it anew.

/// Why a letter has not come to its addressee.
package struct LetterHindrance: Hashable, Sendable {
    /// When it was first seen.
    package let since: Timestamp
    /// The node that was asked last, and what came of it.
    package let cause: String
    /// When that was.
    let tried: Timestamp
    /// Whether a relay has it, and brings it further.
    package let isHeld: Bool
}

extension Exchange {
    /// Nil where nothing has kept it yet.
    package func hindrance(of letter: LetterRow) -> LetterHindrance? {
        hindered.withLock { $0[letter.number] }
    }

    func noteHindrance(of letter: LetterRow, _ cause: String) {
        let now = clock.now()
        hindered.withLock { hindered in
            let before = hindered[letter.number]
            guard before != nil || hindered.count < Self.hinderedMax else { return }
            hindered[letter.number] = LetterHindrance(
                since: before?.since ?? now, cause: String(cause.prefix(500)), tried: now,
                isHeld: before?.isHeld ?? false)
        }
    }

    /// A relay has taken the letter up: the usual ways stay closed, and it is no more than late.
    func noteHeld(_ letter: LetterRow) {
        hindered.withLock { hindered in
            guard let before = hindered[letter.number] else { return }
            hindered[letter.number] = LetterHindrance(
                since: before.since, cause: before.cause, tried: before.tried, isHeld: true)
        }
    }

    func forgetHindrance(of letter: LetterRow) {
        _ = hindered.withLock { $0.removeValue(forKey: letter.number) }
    }

    /// Forgets those of letters that nobody has brought for a day: they are owed no more.
    func forgetOldHindrances() {
        let old = clock.now() + -86_400
        hindered.withLock { $0 = $0.filter { $0.value.tried > old } }
    }

    /// Whether the usual ways have failed for so long that others are tried.
    func isStuck(_ letter: LetterRow) -> Bool {
        hindrance(of: letter).map { $0.since + Self.stuckSeconds <= clock.now() } ?? false
    }

    static let stuckSeconds: Int64 = 600

    /// Own letters that no node has taken for so long, a line for each addressee: somebody may have to carry them.
    package func letterWarnings() async throws -> [String] {
        let old = clock.now() + -Self.stuckSeconds
        let stuck = hindered.withLock { hindered in
            hindered.filter { !$0.value.isHeld && $0.value.since <= old }
        }
        guard !stuck.isEmpty else { return [] }
        let node = identity.node
        let letters = try await store.read { snapshot -> [[LetterRow]] in
            try snapshot.addressees().map { addressee in
                try snapshot.letters(to: addressee, after: 0, limit: 1_000).filter { letter in
                    // Relays carry nothing, and what was taken back lapses by itself.
                    let isOwn = letter.entry != nil || letter.from == node
                    return isOwn && stuck[letter.number] != nil
                        && letter.kind != ReceiptKind.cancelled.rawValue
                }
            }
        }
        return letters.compactMap { letters -> String? in
            guard let first = letters.first, let hindrance = stuck[first.number] else { return nil }
            let isRecall = first.kind == Self.recallLetter
            let what = isRecall ? "recall" : "receipt `\(first.kind)`"
            let more = letters.count > 1 ? " (and \(letters.count - 1) more)" : ""
            let command =
                isRecall ? "recall export \(first.id) FILE" : "receipt export \(first.id) FOLDER"
            let kept = "has been kept from `\(first.addressee)` since \(hindrance.since)"
            return "the \(what) of `\(first.id)`\(more) \(kept): \(hindrance.cause); it is brought"
                + " again; to carry it by hand: `selat \(command)`"
        }
    }

    /// Letters of which this is kept; of more only the addressee is out of reach, mostly.
    private static let hinderedMax = 10_000
}
