import SelatCore

/// What becomes of one mistake.
package enum MutationOutcome: Hashable, Sendable {
    /// The checker refuses the set.
    case refused
    /// A case gets another answer.
    case failed(_ name: String)
    /// No verdict can change: the changed set means the same.
    case equal
    /// Nobody notices, and a verdict may change.
    case silent
}

/// Makes small mistakes in the files of a set that loads, and asks who notices.
///
/// A changed file is read alone where no other file can depend on the change, and only the cases
/// that ask it are run: a set of fifteen files takes a hundred thousand mistakes.
package struct MutationRun: Sendable {
    let reload: PolicyReload
    private let cases: [PolicyCase]
    private let words: KnownWords
    private let meaning: Meaning

    /// - Throws: `PolicyErrors` where the set does not load unchanged.
    package init(files: [PolicySource], cases: [PolicyCase]) throws(PolicyErrors) {
        reload = try PolicyReload(files)
        self.cases = cases
        words = KnownWords(reload.documents.compactMap(\.root))
        meaning = Meaning(reload.base)
    }

    /// The names of the cases that the unchanged set does not answer as expected.
    package var failing: [String] { cases.filter { !$0.holds(in: reload.base) }.map(\.name) }

    /// What becomes of every mistake in one file, counted.
    package func report(file name: String) -> MutationReport {
        var report = MutationReport(file: name)
        for (mutation, outcome) in outcomes(file: name) { report.count(mutation, outcome) }
        return report
    }

    /// Every mistake in one file with what becomes of it.
    package func outcomes(file name: String) -> [(Mutation, MutationOutcome)] {
        guard let document = reload.documents.first(where: { $0.name == name }),
            let root = document.root
        else { return [] }
        let cases = cases(asking: document)
        return Mutation.all(of: root, words: words).map { mutation in
            (mutation, outcome(document.with(root: root.applying(mutation)), cases))
        }
    }

    private func cases(asking document: PolicyDocument) -> [PolicyCase] {
        guard let stem = document.stem, let country = try? Country(stem) else { return cases }
        return cases.filter { $0.countries.contains(country) }
    }

    private func outcome(_ document: PolicyDocument, _ cases: [PolicyCase]) -> MutationOutcome {
        switch reload.load(document) {
        case .refused: return .refused
        case .same: return .equal
        case .changed(let set):
            if let name = cases.first(where: { !$0.holds(in: set) })?.name { return .failed(name) }
            let isEqual = Meaning(set) == meaning || PolicyDiff.isEquivalent(reload.base, set)
            return isEqual ? .equal : .silent
        }
    }
}

/// What became of the mistakes in one file.
package struct MutationReport: Sendable {
    package let file: String
    package private(set) var refused = 0
    package private(set) var failed = 0
    package private(set) var equal = 0
    /// Those that nobody notices, in the file's order.
    package private(set) var silent: [Mutation] = []

    init(file: String) { self.file = file }

    mutating func count(_ mutation: Mutation, _ outcome: MutationOutcome) {
        switch outcome {
        case .refused: refused += 1
        case .failed: failed += 1
        case .equal: equal += 1
        case .silent: silent.append(mutation)
        }
    }

    /// One line for each place with silent mistakes: `file:line:column: what was changed`.
    package var silentLines: [String] {
        var lines: [(place: Place, line: String)] = []
        for mutation in silent {
            if lines.last?.place == mutation.place {
                lines[lines.count - 1].line += "; \(mutation.description)"
            } else {
                let place = mutation.place
                let line = "\(file):\(place.line):\(place.column): \(mutation.description)"
                lines.append((place, line))
            }
        }
        return lines.map(\.line)
    }

    package var summary: String {
        let count = refused + failed + equal + silent.count
        return "\(file): \(count) mistakes: \(refused) refused, \(failed) fail a case, "
            + "\(equal) change no verdict, \(silent.count) silent"
    }
}
