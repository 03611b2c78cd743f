/// A table for people: lower-case headers, two spaces between columns. What a terminal would obey in
/// a cell is not shown.
struct Table {
    let headers: [String]
    private(set) var rows: [[String]] = []

    init(_ headers: [String]) { self.headers = headers }

    mutating func add(_ row: [String]) {
        precondition(row.count == headers.count, "a row has a cell for each header")
        rows.append(row.map(Terminal.plain))
    }

    /// One line a row; on a terminal that is too narrow for that, a row goes on in further lines.
    var text: String { lines(fitting: Terminal.resultColumns).joined(separator: "\n") }

    /// - Parameter columns: of the terminal; nil for lines of any length.
    func lines(fitting columns: Int?) -> [String] {
        let widths = headers.indices.map { column in
            ([headers] + rows).map { $0[column].columns }.max() ?? 0
        }
        let groups = Self.groups(widths, columns.map { max(20, $0) } ?? .max)
        return ([headers] + rows).enumerated().flatMap { number, row in
            groups.enumerated().flatMap { place, group -> [String] in
                let cells = group.columns.map { row[$0] }
                // A row says no more than it has to; headers say all.
                guard place == 0 || number == 0 || cells.contains(where: { !$0.isEmpty }) else {
                    return []
                }
                return group.lines(cells, widths)
            }
        }
    }

    /// Columns that share a line.
    private struct Group {
        var columns: [Int]
        let indent: Int
        let room: Int

        func lines(_ cells: [String], _ widths: [Int]) -> [String] {
            let blank = String(repeating: " ", count: indent)
            let padded = zip(cells, columns).dropLast().map { $0.padded(to: widths[$1]) }
            let line = (padded + [cells.last ?? ""]).joined(separator: "  ")
            guard line.columns > room else { return [blank + line] }
            // Only a column alone is wider than its line.
            return line.wrapped(to: room).map { blank + $0 }
        }
    }

    /// As many columns in each line as fit; all but the first line are set in.
    private static func groups(_ widths: [Int], _ columns: Int) -> [Group] {
        var groups: [Group] = []
        var taken = 0
        for (column, width) in widths.enumerated() {
            if let last = groups.last, taken + 2 + width <= last.room {
                groups[groups.count - 1].columns.append(column)
                taken += 2 + width
            } else {
                let indent = groups.isEmpty ? 0 : 4
                groups.append(Group(columns: [column], indent: indent, room: columns - indent))
                taken = width
            }
        }
        return groups
    }
}
