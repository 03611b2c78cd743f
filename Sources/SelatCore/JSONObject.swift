extension JSON {
    /// The members of an object, in canonical order (RFC 8785, 3.2.3): what is read in that order needs no sorting, and
    /// what is written none either.
    ///
    /// Two keys are one where their UTF-8 is the same.
    package struct Object: Sendable {
        package typealias Element = (key: String, value: JSON)

        private var members: [Element]

        package init() { members = [] }

        /// - Parameter members: in any order; precondition: no key stands twice.
        package init(_ members: some Sequence<Element>) {
            do {
                let members = Array(members)
                let isInOrder = zip(members, members.dropFirst()).allSatisfy {
                    Self.order($0.key, $1.key) < 0
                }
                try self.init(parsed: members, isInOrder: isInOrder)
            } catch {
                preconditionFailure("the key `\(error.key)` stands twice")
            }
        }

        /// - Parameter isInOrder: whether it is known that each key comes after the one before.
        init(parsed members: [Element], isInOrder: Bool) throws(Repeated) {
            self.members = members
            guard !isInOrder else { return }
            self.members.sort { Self.order($0.key, $1.key) < 0 }
            for (a, b) in zip(self.members, self.members.dropFirst()) {
                guard Self.order(a.key, b.key) < 0 else { throw Repeated(key: a.key) }
            }
        }

        /// A key that stands twice.
        struct Repeated: Error {
            let key: String
        }

        /// The value of a key; nil takes the member away.
        package subscript(key: String) -> JSON? {
            get {
                let place = place(of: key)
                return place.isTaken ? members[place.index].value : nil
            }
            set {
                let place = place(of: key)
                switch (newValue, place.isTaken) {
                case (let value?, true): members[place.index].value = value
                case (let value?, false): members.insert((key, value), at: place.index)
                case (nil, true): members.remove(at: place.index)
                case (nil, false): break
                }
            }
        }

        /// Where a key stands, or would.
        func place(of key: String) -> (index: Int, isTaken: Bool) {
            // Most are written in order.
            guard let last = members.last else { return (0, false) }
            if Self.order(last.key, key) < 0 { return (members.count, false) }
            var (low, high) = (0, members.count)
            while low < high {
                let middle = (low + high) / 2
                let order = Self.order(members[middle].key, key)
                if order == 0 { return (middle, true) }
                if order < 0 { low = middle + 1 } else { high = middle }
            }
            return (low, false)
        }

        /// Takes a member away.
        /// - Returns: its value; nil where there is none.
        @discardableResult
        package mutating func removeValue(forKey key: String) -> JSON? {
            let place = place(of: key)
            return place.isTaken ? members.remove(at: place.index).value : nil
        }

        package var keys: [String] { members.map(\.key) }
        package var values: [JSON] { members.map(\.value) }

        package func filter(_ isKept: (Element) throws -> Bool) rethrows -> Object {
            var result = self
            result.members = try members.filter(isKept)
            return result
        }

        /// - Parameter combine: what stands for a key that both have.
        package mutating func merge(
            _ others: Object, uniquingKeysWith combine: (JSON, JSON) throws -> JSON
        ) rethrows {
            for (key, value) in others {
                self[key] = try self[key].map { try combine($0, value) } ?? value
            }
        }

        /// The same, with a copy.
        package func merging(
            _ others: Object, uniquingKeysWith combine: (JSON, JSON) throws -> JSON
        ) rethrows -> Object {
            var result = self
            try result.merge(others, uniquingKeysWith: combine)
            return result
        }

        /// Negative where `a` comes before `b` by UTF-16 code units, zero where they are the same. In UTF-8 that is the
        /// order of the bytes, but for what lies beyond the first plane, which UTF-16 writes with surrogates: before
        /// U+E000.
        static func order(_ a: String, _ b: String) -> Int {
            var (a, b) = (a, b)
            return a.withUTF8 { a in
                b.withUTF8 { b in
                    for index in 0..<Swift.min(a.count, b.count) where a[index] != b[index] {
                        let (x, y) = (a[index], b[index])
                        let isSwapped = Swift.min(x, y) >= 0xEE && (x >= 0xF0) != (y >= 0xF0)
                        return (x < y) != isSwapped ? -1 : 1
                    }
                    return a.count - b.count
                }
            }
        }
    }
}

extension JSON.Object: RandomAccessCollection {
    package var startIndex: Int { 0 }
    package var endIndex: Int { members.count }
    package subscript(index: Int) -> Element { members[index] }
}

extension JSON.Object: Hashable {
    package static func == (a: Self, b: Self) -> Bool {
        a.members.elementsEqual(b.members) { order($0.key, $1.key) == 0 && $0.value == $1.value }
    }

    package func hash(into hasher: inout Hasher) {
        hasher.combine(members.count)
        for (key, value) in members {
            hasher.combine(key)
            hasher.combine(value)
        }
    }
}

extension JSON.Object: ExpressibleByDictionaryLiteral {
    package init(dictionaryLiteral elements: (String, JSON)...) {
        self.init(elements.lazy.map { (key: $0, value: $1) })
    }
}
