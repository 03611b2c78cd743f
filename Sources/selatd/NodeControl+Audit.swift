import SelatAudit
import SelatControl
import SelatCore
import SelatCrypto
import SelatExchange
import SelatStore

// The audit log.

extension NodeControl {
    func entries(_ query: EntryQuery) async throws -> JSON {
        let rows = try await exchange.store.entries(try filter(query))
        return ["entries": .array(try await documents(rows))]
    }

    func entry(_ sequence: UInt64) async throws -> JSON {
        guard let row = try await exchange.store.read({ try $0.entry(sequence) }) else {
            throw ServiceProblem.unknownEntry(sequence)
        }
        var document = try await documents([row])[0].objectValue ?? [:]
        if sequence < exchange.store.latestCheckpoint.checkpoint.size {
            let proof = try exchange.store.proof(of: sequence)
            document["proof"] = .string(String(decoding: proof.bytes, as: UTF8.self))
        }
        return .object(document)
    }

    func statistics(_ query: EntryQuery) async throws -> JSON {
        let filter = try filter(query)
        let found = try await exchange.store.read { try $0.statistics(filter) }
        func list(_ counts: [EntryCount]) -> JSON {
            .array(
                counts.map {
                    [
                        "name": .string($0.name), "entries": .integer($0.entries),
                        "details_bytes": .integer($0.detailsBytes),
                    ]
                })
        }
        return [
            "kinds": list(found.kinds), "days": list(found.days), "actors": list(found.actors),
            "entries": .integer(found.kinds.reduce(0) { $0 + $1.entries }),
            "details_bytes": .integer(found.kinds.reduce(0) { $0 + $1.detailsBytes }),
            "erased": .integer(found.erased), "database_bytes": .integer(found.databaseBytes),
        ]
    }

    func checkpoint() async throws -> [UInt8] { try await exchange.witnesses.newestCheckpoint() }

    func beginEpoch(reason: String, by caller: Caller) async throws -> JSON {
        let begun = try await exchange.witnesses.beginEpoch(reason: reason, by: caller.user)
        var members: JSON.Object = [
            "origin": .string(begun.origin), "before": .string(begun.before),
            "held": .integer(begun.held), "witnessed": .integer(begun.seen),
        ]
        members["last"] = begun.last.map { .string($0.text) }
        return .object(members)
    }

    func verifyLog() async throws -> JSON {
        let (path, key) = (exchange.store.path, exchange.witnesses.verifierKey)
        return try await exchange.spool.onDisk { () throws(FileFault) -> Result<JSON, any Error> in
            Result { try LogFile.verify(path: path, key: key).json }
        }.get()
    }
}

// What leaves the log: copies, and details for good.
extension NodeControl {
    /// An export with details is entered: who erases some later has to know of it.
    func export(_ range: EntryRange, by caller: Caller) async throws -> JSON {
        let size = exchange.store.latestCheckpoint.checkpoint.size
        let before = range.before ?? size
        guard range.first <= before, before <= size, range.first < before || size == 0 else {
            throw ServiceProblem.notReady(
                "entries \(range.first) to before \(before) cannot be exported",
                remedy: "the newest checkpoint covers \(size) entries; name a range below that")
        }
        let frame = try await exchange.store.exportFrame(
            of: range.first..<before, isRedacted: range.isRedacted,
            key: exchange.witnesses.verifierKey)
        if !range.isRedacted && range.first < before {
            try await exchange.store.enterExport(
                of: range.first...before - 1, by: .user(caller.user))
        }
        return [
            "first": .integer(range.first), "before": .integer(before), "head": frame.head.json,
            "erasures": .array(try frame.erasures.map { try $0.json() }), "tail": frame.tail.json,
        ]
    }

    func erase(_ request: ErasureRequest, by caller: Caller) async throws -> JSON {
        let now = SystemClock().now()
        let entries = SequenceSet(request.sequences.map { $0...$0 })
        do {
            let erasure = try Erasure(
                entries: entries, reason: request.reason,
                complete: now + Limits.backupLifeSecondsMax,
                holders: try await exchange.store.read { try $0.holders(of: entries) },
                statement: request.statement)
            let sequence = try await exchange.store.erase(erasure, by: .user(caller.user))
            var document = erasure.json.objectValue ?? [:]
            document["sequence"] = .integer(sequence)
            return .object(document)
        } catch let error as AuditError {
            throw ServiceProblem.badErasure(error.description)
        } catch let error as StoreError {
            guard case .notErasable = error else { throw error }
            throw ServiceProblem.badErasure(error.description)
        }
    }
}

// Documents.
extension NodeControl {
    private func filter(_ query: EntryQuery) throws -> EntryFilter {
        do {
            return EntryFilter(
                transfer: query.transfer, kind: try query.kind.map { try EntryKind($0) },
                actor: try query.actor.map { try EntryActor($0) }, country: query.country,
                since: query.since, until: query.until, after: query.after, newest: query.newest,
                limit: query.limit)
        } catch {
            throw ServiceProblem.badFilter("\(error)")
        }
    }

    /// Entries with what an export line needs, and with who erased what is not there.
    private func documents(_ rows: [EntryRow]) async throws -> [JSON] {
        let erased = rows.filter { $0.details == nil }.map(\.entry.sequence)
        let erasures = try await exchange.store.read { snapshot in
            try Dictionary(
                uniqueKeysWithValues: erased.map { ($0, try snapshot.erasure(of: $0)) })
        }
        return try rows.map { row in
            var members = try entry(row)
            members["commitment"] = .string(row.entry.commitment.text)
            members["leaf"] = .string(row.entry.leaf.hex)
            members["salt"] = row.salt.map { .string(Base64.encode($0)) }
            members["erased_by"] = (erasures[row.entry.sequence] ?? nil).map { .integer($0) }
            return .object(members)
        }
    }

    func entry(_ row: EntryRow) throws -> JSON.Object {
        var members: JSON.Object = [
            "sequence": .integer(row.entry.sequence), "time": .string(row.entry.time.text),
            "kind": .string(row.entry.kind.text), "actor": .string(row.entry.actor.text),
        ]
        members["witnessed"] = .bool(row.entry.sequence < exchange.witnesses.witnessedSize)
        members["transfer"] = row.entry.transfer.map { .string($0.text) }
        members["details"] = try row.details.map { try JSON(parsing: $0) }
        return members
    }
}
