import SelatCore
import SelatPolicy
import SelatStore

/// Which of the editions that are held counts when: pure, so that every node with the same editions
/// comes to the same answer.
struct EditionSchedule {
    private let held: [String: [EditionMark]]
    private let byDigest: [Digest: EditionMark]
    let active: [String: Digest]

    init(held: [EditionMark], active: [String: Digest]) {
        self.held = Dictionary(grouping: held, by: \.name)
        byDigest = Dictionary(held.map { ($0.digest, $0) }) { first, _ in first }
        self.active = active
    }

    /// The same with more editions held.
    func with(_ more: [EditionMark]) -> EditionSchedule {
        EditionSchedule(held: held.values.joined() + more, active: active)
    }

    /// The same with some of what is held active.
    func activating(_ marks: [EditionMark]) -> EditionSchedule {
        let digests = marks.map { ($0.name, $0.digest) }
        return EditionSchedule(
            held: Array(held.values.joined()), active: active.merging(digests) { $1 })
    }

    func activeMark(_ name: String) -> EditionMark? {
        active[name].flatMap { byDigest[$0] }
    }

    func mark(_ digest: Digest) -> EditionMark? { byDigest[digest] }

    /// Another edition of the same name and number.
    func rival(of head: EditionHead) -> EditionMark? {
        held[head.name]?.first { $0.number == head.number && $0.digest != head.digest }
    }

    /// For each name the edition that counts at a moment: the highest number in force then, but none
    /// below the active one.
    func counting(at time: Timestamp, without faulty: Set<Digest> = []) -> [String: EditionMark] {
        var counting: [String: EditionMark] = [:]
        for (name, marks) in held {
            let least = activeMark(name)?.number ?? 0
            counting[name] = marks.filter { mark in
                mark.digest == active[name]
                    || mark.inForce <= time && mark.number > least
                        && !faulty.contains(mark.digest)
            }.max { $0.number < $1.number }
        }
        return counting
    }

    /// What is to be activated, ordered by name.
    func due(at time: Timestamp) -> [EditionMark] {
        counting(at: time).values.filter { $0.digest != active[$0.name] }
            .sorted { $0.name < $1.name }
    }

    /// The moment at which something becomes due next.
    func next(after time: Timestamp) -> Timestamp? {
        held.values.joined().filter { mark in
            mark.inForce > time && mark.number > activeMark(mark.name)?.number ?? 0
        }.map(\.inForce).min()
    }

    /// Editions that are held for a later moment, ordered by number.
    func waiting(_ name: String, at time: Timestamp) -> [EditionMark] {
        (held[name] ?? []).filter { mark in
            mark.number > activeMark(name)?.number ?? 0 && mark.inForce > time
        }.sorted { $0.number < $1.number }
    }

    /// How many editions of a name have come within a day of a moment: after it where the clock was set
    /// back since.
    func cameWithinADay(_ name: String, of time: Timestamp) -> Int {
        (held[name] ?? []).count { abs(time - $0.received) < 86_400 }
    }

    /// Whether an edition was the newest in force at a moment, as far as this node went by then.
    func wasNewest(_ mark: EditionMark, at time: Timestamp) -> Bool {
        let most = activeMark(mark.name)?.number ?? 0
        return mark.inForce <= time
            && !(held[mark.name] ?? []).contains { other in
                other.number > mark.number && other.number <= most && other.inForce <= time
            }
    }

    /// Every name of which something is held.
    var names: [String] { held.keys.sorted() }
}
