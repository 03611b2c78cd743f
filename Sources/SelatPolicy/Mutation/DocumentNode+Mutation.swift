extension DocumentNode {
    /// The document with one mistake in it.
    func applying(_ mutation: Mutation) -> DocumentNode {
        applying(mutation, mutation.path[...])
    }

    private func applying(_ mutation: Mutation, _ path: ArraySlice<Int>) -> DocumentNode {
        guard let index = path.first else { return self }
        switch content {
        case .word: return self
        case .list(var elements):
            if path.count > 1 {
                elements[index] = elements[index].applying(mutation, path.dropFirst())
            } else {
                let changed = elements[index].changed(mutation.change)
                elements.replaceSubrange(index...index, with: changed)
            }
            return DocumentNode(place: place, content: .list(elements))
        case .map(var entries):
            if path.count > 1 {
                let value = entries[index].value.applying(mutation, path.dropFirst())
                entries[index] = entries[index].with(value: value)
            } else {
                entries.replaceSubrange(index...index, with: entries[index].changed(mutation))
            }
            return DocumentNode(place: place, content: .map(entries))
        }
    }

    /// Nothing, itself twice, or another word.
    fileprivate func changed(_ change: Mutation.Change) -> [DocumentNode] {
        switch (change, content) {
        case (.dropped, _): []
        case (.doubled, _): [self, self]
        case (.changed(let text), .word(_, let isQuoted)):
            [DocumentNode(place: place, content: .word(text, isQuoted: isQuoted))]
        case (.changed, _): [self]
        }
    }
}

extension DocumentNode.Entry {
    fileprivate func with(value: DocumentNode) -> DocumentNode.Entry {
        DocumentNode.Entry(key: key, place: place, value: value)
    }

    fileprivate func changed(_ mutation: Mutation) -> [DocumentNode.Entry] {
        switch (mutation.part, mutation.change) {
        case (.key, .changed(let text)):
            return [DocumentNode.Entry(key: text, place: place, value: value)]
        case (.value, let change):
            let values = value.changed(change)
            // A word left out leaves its key with nothing, a word twice makes a list.
            let content: DocumentNode.Content =
                values.isEmpty
                ? .word("", isQuoted: false)
                : values.count == 1 ? values[0].content : .list(values)
            return [with(value: DocumentNode(place: value.place, content: content))]
        case (_, .dropped): return []
        case (_, .doubled): return [self, self]
        default: return [self]
        }
    }
}
