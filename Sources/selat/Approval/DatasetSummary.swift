import SelatCore
import SelatCrypto
import SelatEnvelope

/// What leaves, as the officer's own program found it in the plaintext: each file with its size,
/// digest and kind.
final class DatasetSummary {
    struct File {
        let path: String
        let bytes: UInt64
        let digest: Digest
        let table: TabularSummary?
        /// `object` or `array` for JSON.
        let jsonKind: String?
    }

    private let resources: [Resource]
    private let samples: Int
    private(set) var files: [File] = []
    private var hasher = SHA256()
    private var table: TabularSummary?
    private var firstByte: UInt8?
    private var taken: UInt64 = 0

    /// - Parameter samples: how many rows of each table are kept to be shown.
    init(of dataset: DatasetDescription, samples: Int) {
        resources = dataset.resources
        self.samples = samples
        begin()
    }

    /// Takes the next bytes of the plaintext, in order.
    /// - Throws: `Ending` for more bytes than the description names.
    func update(_ bytes: [UInt8]) throws {
        var rest = bytes[...]
        while !rest.isEmpty {
            endFull()
            guard files.count < resources.count else {
                throw Ending(.verificationFailed, "the dataset is larger than its description")
            }
            let piece = rest.prefix(Int(min(UInt64(rest.count), open.bytes - taken)))
            take(piece)
            rest = rest.dropFirst(piece.count)
        }
    }

    /// - Throws: `Ending` where bytes are missing.
    func finish() throws {
        endFull()
        guard files.count == resources.count else {
            throw Ending(.verificationFailed, "the dataset is smaller than its description")
        }
    }

    private var open: Resource { resources[files.count] }

    private func begin() {
        hasher = SHA256()
        (taken, firstByte, table) = (0, nil, nil)
        guard files.count < resources.count else { return }
        let isTable =
            open.mediaType == "text/csv" || open.path.text.lowercased().hasSuffix(".csv")
        if isTable { table = TabularSummary(samples: samples) }
    }

    private func take(_ piece: ArraySlice<UInt8>) {
        piece.withUnsafeBytes { hasher.update(RawSpan(_unsafeBytes: $0)) }
        table?.update(piece)
        if firstByte == nil { firstByte = piece.first { ![0x20, 0x09, 0x0A, 0x0D].contains($0) } }
        taken += UInt64(piece.count)
    }

    private func endFull() {
        while files.count < resources.count, taken == open.bytes {
            table?.finish()
            files.append(
                File(
                    path: open.path.text, bytes: taken, digest: hasher.finish(), table: table,
                    jsonKind: jsonKind))
            begin()
        }
    }

    private var jsonKind: String? {
        let path = open.path.text.lowercased()
        guard open.mediaType == "application/json" || path.hasSuffix(".json") else { return nil }
        switch firstByte {
        case UInt8(ascii: "{"): return "object"
        case UInt8(ascii: "["): return "array"
        default: return "value"
        }
    }
}

extension DatasetSummary.File {
    /// `roster.csv  1.2 KiB  12 rows, 3 columns: name, born, place  sha256:…`
    var lines: [String] {
        var lines = ["\(Terminal.plain(path))  \(Quantity.bytes(bytes))  \(digest.text)"]
        if let table {
            lines.append(
                "  \(table.rows) rows, \(table.columnCount) columns: "
                    + table.names.joined(separator: ", "))
            lines += table.remarks.map { "  \($0)" }
            for sample in table.samples {
                lines.append("  | " + sample.joined(separator: " | "))
            }
        }
        if let jsonKind { lines.append("  JSON, one \(jsonKind)") }
        return lines
    }

    var json: JSON {
        var members: JSON.Object = [
            "path": .string(path), "size_bytes": .integer(bytes), "digest": .string(digest.text),
        ]
        if let table {
            members["rows"] = .integer(table.rows)
            members["columns"] = .strings(table.columns)
            members["column_count"] = .integer(table.columnCount)
            if !table.remarks.isEmpty { members["remarks"] = .strings(table.remarks) }
        }
        members["json"] = jsonKind.map { .string($0) }
        return .object(members)
    }
}
