// A range of a log as a file of lines (Format.md, "Export"): written line by line, verified line by
// line.

package import SelatCore

/// What an export's first line says.
package struct ExportHead: Sendable, Hashable {
    /// The log's key, as the exporter states it: a reader believes one from elsewhere.
    package let key: VerifierKey
    /// The first entry's sequence.
    package let first: UInt64
    /// Whether all salts and details are left out.
    package let isRedacted: Bool
    /// The roots of the full subtrees of the entries before the first, largest first.
    package let edge: [Digest]

    package init(key: VerifierKey, first: UInt64, isRedacted: Bool, edge: [Digest]) {
        self.key = key
        self.first = first
        self.isRedacted = isRedacted
        self.edge = edge
    }

    package var json: JSON {
        [
            "format": .string(Self.format), "key": .string(key.text), "first": .integer(first),
            "redacted": .bool(isRedacted), "edge": .hashes(edge),
        ]
    }

    package static let format = "selat-audit-export/1"

    init(_ json: JSON) throws(AuditError) {
        do {
            var reader = try ObjectReader(json, "export")
            let format = try reader.string("format")
            guard format == Self.format else {
                throw AuditError.malformed("export format", format.quotable)
            }
            key = try VerifierKey(reader.string("key"))
            first = try reader.unsigned("first")
            isRedacted = try reader.bool("redacted")
            edge = try Digest.list(reader.strings("edge"))
            try reader.end()
        } catch let error as AuditError {
            throw error
        } catch {
            throw .malformed("export", "\(error)".quotable)
        }
        guard edge.count == first.nonzeroBitCount else {
            throw .malformed("export", "an edge of \(edge.count) hashes before entry \(first)")
        }
    }
}

/// What an export's last line says.
package struct ExportTail: Sendable, Hashable {
    /// How many entries stand above, those that only prove an erasure not counted.
    package let entries: UInt64
    /// Proves the tree that ends with the last entry a prefix of the checkpoint's.
    package let consistency: [Digest]
    /// The signed note, with what cosignatures there are.
    package let checkpoint: [UInt8]

    package init(entries: UInt64, consistency: [Digest], checkpoint: [UInt8]) {
        self.entries = entries
        self.consistency = consistency
        self.checkpoint = checkpoint
    }

    package var json: JSON {
        [
            "entries": .integer(entries), "consistency": .hashes(consistency),
            "checkpoint": .string(String(decoding: checkpoint, as: UTF8.self)),
        ]
    }

    init(_ json: JSON) throws(AuditError) {
        do {
            var reader = try ObjectReader(json, "export's end")
            entries = try reader.unsigned("entries")
            consistency = try Digest.list(reader.strings("consistency"))
            checkpoint = Array(try reader.string("checkpoint").utf8)
            try reader.end()
        } catch {
            throw .malformed("export's end", "\(error)".quotable)
        }
    }
}

/// An entry's line.
package struct ExportedEntry: Sendable, Hashable {
    package let entry: Entry
    /// As the exporter has it, so that a change shows at its entry; the checkpoint proves it.
    package let leaf: Digest
    package let salt: [UInt8]?
    /// Canonical JSON.
    package let details: [UInt8]?
    /// From its leaf to the checkpoint's root: only where the entry lies behind the range, and is here
    /// because it erased details within.
    package let path: [Digest]?

    package init(entry: Entry, salt: [UInt8]?, details: [UInt8]?, path: [Digest]? = nil) {
        self.entry = entry
        leaf = entry.leaf
        self.salt = salt
        self.details = details
        self.path = path
    }

    /// - Throws: `CoreError` for details that are no JSON, which the log never takes.
    package func json() throws(CoreError) -> JSON {
        var members: JSON.Object = [
            "entry": try JSON(parsing: entry.canonical), "leaf": .string(leaf.hex),
        ]
        members["salt"] = salt.map { .string(Base64.encode($0)) }
        if let details { members["details"] = try JSON(parsing: details) }
        members["path"] = path.map { .hashes($0) }
        return .object(members)
    }

    init(_ json: JSON) throws(AuditError) {
        do {
            var reader = try ObjectReader(json, "entry")
            entry = try Entry(canonical: reader.json("entry").canonical)
            leaf = try Digest("sha256:" + reader.string("leaf"))
            let hasSalt = reader.optional("salt") != nil
            salt = try hasSalt ? reader.base64("salt") : nil
            details = reader.optional("details").map(\.canonical)
            let hasPath = reader.optional("path") != nil
            path = try hasPath ? Digest.list(reader.strings("path")) : nil
            try reader.end()
        } catch let error as AuditError {
            throw error
        } catch {
            throw .malformed("entry", "\(error)".quotable)
        }
    }
}

extension JSON {
    static func hashes(_ hashes: [Digest]) -> JSON {
        .strings(hashes.map { Base64.encode($0.bytes) })
    }
}

extension Digest {
    static func list(_ texts: [String]) throws(AuditError) -> [Digest] {
        guard texts.count <= Limits.proofHashesMax else {
            throw .malformed("proof", "\(texts.count) hashes")
        }
        var hashes: [Digest] = []
        for text in texts {
            guard let bytes = Base64.decode(text), let hash = try? Digest(bytes: bytes) else {
                throw .malformed("proof hash", text.quotable)
            }
            hashes.append(hash)
        }
        return hashes
    }
}
