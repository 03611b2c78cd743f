/// The known word that a misspelt one was probably meant to be.
enum Nearest {
    /// - Returns: the closest of `words` within a third of its length, the first of equals in order.
    static func word(to text: String, in words: some Sequence<String>) -> String? {
        let letters = Array(text.lowercased().unicodeScalars.prefix(80))
        var best: (word: String, distance: Int)?
        for word in words.sorted() {
            let candidate = Array(word.lowercased().unicodeScalars)
            let limit = max(1, max(letters.count, candidate.count) / 3)
            guard abs(letters.count - candidate.count) <= limit else { continue }
            let distance = distance(letters, candidate)
            if distance <= limit, distance < best?.distance ?? .max { best = (word, distance) }
        }
        return best?.word
    }

    /// `; did you mean …?`, or nothing.
    static func hint(_ word: String?) -> String {
        word.map { "; did you mean `\($0)`?" } ?? ""
    }

    /// Insertions, deletions, replacements and swaps of neighbours between two words.
    private static func distance(_ a: [Unicode.Scalar], _ b: [Unicode.Scalar]) -> Int {
        var before: [Int] = []
        var last = Array(0...b.count)
        for (row, letter) in a.enumerated() {
            var current = [row + 1]
            for (column, other) in b.enumerated() {
                var cost = min(
                    last[column + 1] + 1, current[column] + 1,
                    last[column] + (letter == other ? 0 : 1))
                if row > 0, column > 0, letter == b[column - 1], a[row - 1] == other {
                    cost = min(cost, before[column - 1] + 1)
                }
                current.append(cost)
            }
            before = last
            last = current
        }
        return last[b.count]
    }
}
