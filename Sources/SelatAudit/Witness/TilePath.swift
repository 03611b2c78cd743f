// C2SP tlog-tiles: where 256 hashes of a tree are fetched, `tile/<L>/<N>[.p/<W>]`.

/// One tile of hashes.
package struct TilePath: Hashable, Sendable, CustomStringConvertible {
    /// Of tiles: a hash of level L stands for 256^L entries.
    package let level: Int
    /// Of the tile within its level.
    package let index: UInt64
    /// Hashes: 256, or fewer in a partial tile.
    package let width: Int

    /// - Parameters:
    ///   - level: 0 to 63.
    ///   - width: 1 to 256.
    package init?(level: Int, index: UInt64, width: Int = fullWidth) {
        guard (0...63).contains(level), (1...Self.fullWidth).contains(width) else { return nil }
        self.level = level
        self.index = index
        self.width = width
    }

    /// Parses the elements behind `tile`.
    /// - Returns: nil for anything but what `elements` gives.
    package init?(elements: [Substring]) {
        guard elements.count >= 2, elements.count <= 12, let level = UInt64(decimal: elements[0])
        else { return nil }
        var rest = elements[1...]
        var width = Self.fullWidth
        if let marked = rest.dropLast().last, marked.hasSuffix(".p") {
            guard let partial = rest.last.flatMap({ UInt64(decimal: $0) }), partial < 256 else {
                return nil
            }
            width = Int(partial)
            rest = rest.dropLast(2) + [marked.dropLast(2)]
        }
        var index: UInt64 = 0
        for (place, element) in rest.enumerated() {
            let digits = place == rest.count - 1 ? element : element.dropFirst()
            guard element.hasPrefix("x") == (place < rest.count - 1), digits.utf8.count == 3,
                digits.utf8.allSatisfy({ (0x30...0x39).contains($0) }), let part = UInt64(digits)
            else { return nil }
            let (scaled, overflow) = index.multipliedReportingOverflow(by: 1_000)
            let (sum, carry) = scaled.addingReportingOverflow(part)
            guard !overflow, !carry else { return nil }
            index = sum
        }
        self.init(level: Int(clamping: level), index: index, width: width)
        guard self.elements == elements.map(String.init) else { return nil }
    }

    package var elements: [String] {
        var groups: [String] = []
        var rest = index
        repeat {
            let digits = String(rest % 1_000)
            let group = String(repeating: "0", count: 3 - digits.count) + digits
            groups.insert(groups.isEmpty ? group : "x\(group)", at: 0)
            rest /= 1_000
        } while rest > 0
        if width < Self.fullWidth {
            groups[groups.count - 1] += ".p"
            groups.append("\(width)")
        }
        return ["\(level)"] + groups
    }

    package var description: String { "tile/\(elements.joined(separator: "/"))" }

    /// The subtrees whose roots the tile holds; nil when a tree of `size` entries lacks one.
    package func places(in size: UInt64) -> [TreePlace]? {
        guard level < 8 else { return nil }
        let (first, overflow) = index.multipliedReportingOverflow(by: 256)
        let (end, carry) = first.addingReportingOverflow(UInt64(width))
        guard !overflow, !carry, end <= size >> UInt64(8 * level) else { return nil }
        return (first..<end).map { TreePlace(level: 8 * level, index: $0) }
    }

    package static let fullWidth = 256
}
