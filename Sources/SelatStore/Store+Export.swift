// What an export needs besides its entries (Audit.docc/Format.md, "Export").

package import SelatAudit
import SelatCore

/// The frame of an export: the lines before and behind its entries.
package struct ExportFrame: Sendable {
    package let head: ExportHead
    /// Entries behind the range that erased details within.
    package let erasures: [ExportedEntry]
    package let tail: ExportTail
}

extension Store {
    /// The frame of an export of `range`, all of which the newest checkpoint must cover.
    /// - Throws: `StoreError.noSuchEntry` for a range that it does not cover.
    package func exportFrame(
        of range: Range<UInt64>, isRedacted: Bool, key: VerifierKey
    ) async throws -> ExportFrame {
        let signed = latestCheckpoint
        let size = signed.checkpoint.size
        guard range.upperBound <= size else { throw StoreError.noSuchEntry(range.upperBound - 1) }
        return try await read { snapshot in
            let node = try StoredTree.reader(of: snapshot.database)
            let edge = try LogTree(size: range.lowerBound, node: node).edge
            let erasures =
                isRedacted ? [] : try snapshot.laterErasures(of: range, size: size, node: node)
            let path = try TreeProof.consistency(from: range.upperBound, to: size, node: node)
            return ExportFrame(
                head: ExportHead(
                    key: key, first: range.lowerBound, isRedacted: isRedacted, edge: edge),
                erasures: erasures,
                tail: ExportTail(
                    entries: UInt64(range.count), consistency: path, checkpoint: signed.note))
        }
    }
}

extension Snapshot {
    fileprivate func laterErasures(
        of range: Range<UInt64>, size: UInt64, node: TreeProof.NodeReader
    ) throws -> [ExportedEntry] {
        guard let last = range.last else { return [] }
        return try erasures(of: range.lowerBound...last).filter { $0 > last && $0 < size }.map {
            guard let row = try entry($0) else {
                throw StoreError.damagedEntry(Int64($0), reason: "it is missing")
            }
            return ExportedEntry(
                entry: row.entry, salt: row.salt, details: row.details,
                path: try TreeProof.inclusion(of: $0, in: size, node: node))
        }
    }
}
