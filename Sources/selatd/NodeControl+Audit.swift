import SelatAudit
import SelatControl
import SelatCore
import SelatCrypto
import SelatExchange
import SelatStore

// The audit log.

extension NodeControl {
    func entries(_ query: EntryQuery) async throws -> JSON {
        let kind: EntryKind?
        do {
            kind = try query.kind.map { try EntryKind($0) }
        } catch {
            throw ServiceProblem.badFacts("\(error)")
        }
        let filter = EntryFilter(
            transfer: query.transfer, kind: kind, after: query.after, limit: query.limit)
        let rows = try await exchange.store.entries(filter)
        return ["entries": .array(try rows.map { .object(try entry($0)) })]
    }

    func entry(_ row: EntryRow) throws -> [String: JSON] {
        var members: [String: JSON] = [
            "sequence": .integer(row.entry.sequence), "time": .string(row.entry.time.text),
            "kind": .string(row.entry.kind.text), "actor": .string(row.entry.actor.text),
        ]
        members["witnessed"] = .bool(row.entry.sequence < exchange.witnesses.witnessedSize)
        members["transfer"] = row.entry.transfer.map { .string($0.text) }
        members["details"] = try row.details.map { try JSON(parsing: $0) }
        return members
    }

    func checkpoint() async throws -> [UInt8] { try await exchange.witnesses.newestCheckpoint() }

    func beginEpoch(reason: String, by caller: Caller) async throws -> JSON {
        let origin = try await exchange.witnesses.beginEpoch(reason: reason, by: caller.user)
        return ["origin": .string(origin)]
    }

    func verifyLog() async throws -> JSON {
        let (path, key) = (exchange.store.path, exchange.witnesses.verifierKey)
        return try await exchange.spool.onDisk { () throws(FileFault) -> Result<JSON, any Error> in
            Result { try LogFile.verify(path: path, key: key).json }
        }.get()
    }
}
