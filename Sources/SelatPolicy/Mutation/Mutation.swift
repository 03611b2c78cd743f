/// One small mistake in a file, as a hand makes it: a key or a word left out, written twice, or
/// with one letter changed.
package struct Mutation: Hashable, Sendable {
    package enum Change: Hashable, Sendable {
        case dropped, doubled
        case changed(to: String)
    }

    /// What of a node is changed.
    enum Part: Hashable, Sendable {
        /// An entry of a map, key and value.
        case entry
        case key
        /// The word that is the value of an entry.
        case value
        /// An element of a list.
        case element
    }

    package let place: Place
    /// The key or the word as it stood; a list's element that is no word has none.
    package let text: String
    package let change: Change
    let part: Part
    /// The positions that lead from the root to the entry or element.
    let path: [Int]

    /// `` `when` dropped ``, `` `SG` changed to `SD` ``.
    package var description: String {
        let what = text.isEmpty ? "the element" : "`\(text)`"
        return switch change {
        case .dropped: "\(what) dropped"
        case .doubled: "\(what) doubled"
        case .changed(let other): "\(what) changed to `\(other)`"
        }
    }
}

extension Mutation {
    /// Every mutation of a file.
    /// - Parameter words: the words that a changed letter may turn another word into.
    static func all(of root: DocumentNode, words: KnownWords) -> [Mutation] {
        var walk = Walk(words: words)
        walk.visit(root, [])
        return walk.found
    }

    private struct Walk {
        let words: KnownWords
        var found: [Mutation] = []

        mutating func visit(_ node: DocumentNode, _ path: [Int]) {
            switch node.content {
            case .word: break
            case .list(let elements):
                for (index, element) in elements.enumerated() {
                    add(element, .element, path + [index])
                    visit(element, path + [index])
                }
            case .map(let entries):
                for (index, entry) in entries.enumerated() {
                    add(entry.key, at: entry.place, .entry, path + [index])
                    if case .word = entry.value.content {
                        add(entry.value, .value, path + [index])
                    }
                    visit(entry.value, path + [index])
                }
            }
        }

        private mutating func add(_ node: DocumentNode, _ part: Part, _ path: [Int]) {
            guard case .word(let text, _) = node.content else {
                return add([.dropped, .doubled], "", node.place, part, path)
            }
            add([.dropped, .doubled], text, node.place, part, path)
            add(changes(of: text), text, node.place, part, path)
        }

        private mutating func add(_ key: String, at place: Place, _ part: Part, _ path: [Int]) {
            add([.dropped, .doubled], key, place, part, path)
            add(changes(of: key), key, place, .key, path)
        }

        private func changes(of text: String) -> [Change] {
            words.neighbours(of: text).map { .changed(to: $0) }
        }

        private mutating func add(
            _ changes: [Change], _ text: String, _ place: Place, _ part: Part, _ path: [Int]
        ) {
            found += changes.map {
                Mutation(place: place, text: text, change: $0, part: part, path: path)
            }
        }
    }
}

/// The words of a set of files and of the language, by length, to find those one letter apart.
///
/// To a reader that knows a closed set of words, an unknown word is as good as any other, so that a
/// few changed letters stand for all those that make no known word.
struct KnownWords: Sendable {
    private var byLength: [Int: Set<[Character]>] = [:]

    init(_ roots: [DocumentNode]) {
        for word in Countries.codes { insert(word) }
        for root in roots { insert(root) }
    }

    private mutating func insert(_ word: String) {
        byLength[word.count, default: []].insert(Array(word))
    }

    private mutating func insert(_ node: DocumentNode) {
        switch node.content {
        case .word(let text, _): insert(text)
        case .list(let elements): for element in elements { insert(element) }
        case .map(let entries):
            for entry in entries {
                insert(entry.key)
                insert(entry.value)
            }
        }
    }

    /// All known words one letter apart, and of the unknown ones: the first, the middle and the
    /// last letter replaced, the first letter in the other case, each digit one up and one down.
    func neighbours(of text: String) -> [String] {
        let letters = Array(text)
        var found = (byLength[letters.count] ?? []).filter { isOneApart($0, letters) }
        for index in Set([0, letters.count / 2, letters.count - 1]) where index >= 0 {
            found.insert(letters.replacing(index, with: letters[index] == "x" ? "y" : "x"))
        }
        if let index = letters.firstIndex(where: \.isCased) {
            let letter = letters[index]
            let other = letter.isUppercase ? letter.lowercased() : letter.uppercased()
            found.insert(letters.replacing(index, with: Character(String(other.prefix(1)))))
        }
        for (index, letter) in letters.enumerated() {
            guard letter.isASCII, let digit = letter.wholeNumberValue else { continue }
            found.insert(letters.replacing(index, with: Character("\((digit + 1) % 10)")))
            found.insert(letters.replacing(index, with: Character("\((digit + 9) % 10)")))
        }
        found.remove(letters)
        return found.map { String($0) }.sorted()
    }

    private func isOneApart(_ a: [Character], _ b: [Character]) -> Bool {
        var apart = 0
        for (one, other) in zip(a, b) where one != other {
            apart += 1
            if apart > 1 { return false }
        }
        return apart == 1
    }
}

extension Array where Element == Character {
    fileprivate func replacing(_ index: Int, with letter: Character) -> [Character] {
        var letters = self
        letters[index] = letter
        return letters
    }
}
