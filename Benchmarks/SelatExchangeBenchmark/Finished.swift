import Foundation
import SelatAudit
import SelatCore
import SelatCrypto
import SelatStore

// Fills the database of a node that does not run with finished transfers: copies of one that was delivered, each
// with an id of its own, the row, the kept header and the entries of the log, written by the store itself. The log
// goes on as it was, signed by the node's key; nothing else of a transfer is kept once it has ended.
//
//   SelatExchangeBenchmark finished DATABASE LOG-NAME LOG-KEY COUNT

struct Finished {
    private let database: String
    private let log: LogIdentity
    private let count: Int

    /// Transfers in one commit.
    private static let perCommit = 500

    init(_ words: ArraySlice<String>) throws {
        let words = Array(words)
        guard words.count == 4, let count = Int(words[3]), count > 0 else { throw Usage() }
        (database, self.count) = (words[0], count)
        let pem = Array(try Data(contentsOf: URL(filePath: words[2])))
        log = try LogIdentity(origin: words[1], key: try PrivateKey(pem: pem))
    }

    /// Adds what is missing up to `count`.
    func run() async throws -> String {
        let store = try Store.open(
            path: database, log: log, clock: SystemClock(), entropy: SystemEntropy(),
            fatal: { error in
                FileHandle.standardError.write(Data("\(error)\n".utf8))
                exit(70)
            })
        let held = try await store.read { try $0.transferCounts().outbound["delivered"] ?? 0 }
        let model = try await Model(store)
        let start = ContinuousClock.now
        for first in stride(from: held, to: count, by: Self.perCommit) {
            let numbers = first..<min(first + Self.perCommit, count)
            _ = try await store.commit { transaction in
                for number in numbers { try model.copy(number, in: transaction) }
            }
        }
        await store.close()
        let seconds = (ContinuousClock.now - start) / .seconds(1)
        return "made=\(max(0, count - held)) seconds=\(Int(seconds))"
    }

    /// A transfer that was delivered, with what is kept of it.
    private struct Model: Sendable {
        let row: OutboundRow
        let documents: [(kind: OutboundDocument, bytes: [UInt8])]
        let header: [UInt8]?
        let entries: [(kind: EntryKind, actor: EntryActor, details: JSON)]

        init(_ store: Store) async throws {
            (row, documents, header, entries) = try await store.read { snapshot in
                let filter = TransferFilter(states: ["delivered"], limit: 1)
                guard let row = try snapshot.outbound(filter).first else { throw Usage() }
                let documents = try OutboundDocument.allCases.compactMap { kind in
                    try snapshot.document(kind, of: row.id).map { (kind: kind, bytes: $0) }
                }
                let entries = try snapshot.entries(EntryFilter(transfer: row.id))
                let told = try entries.map { entry in
                    (
                        kind: entry.entry.kind, actor: entry.entry.actor,
                        details: try entry.details.map { try JSON(parsing: $0) } ?? [:]
                    )
                }
                let envelopes = told.compactMap { $0.details["envelope"]?.stringValue }
                let header = try envelopes.compactMap { try? Digest($0) }.lazy.compactMap {
                    try snapshot.header(of: $0)
                }.first
                return (row, documents, header, told)
            }
        }

        func copy(_ number: Int, in transaction: Transaction) throws {
            var row = row
            // A second apart, from long ago on.
            row.id = TransferID(
                milliseconds: UInt64(1_700_000_000 + number) * 1_000,
                entropy: SystemEntropy().bytes(10))
            try transaction.save(row)
            for (kind, bytes) in documents { try transaction.keep(bytes, as: kind, of: row.id) }
            if let header {
                try transaction.keep(
                    header: header, of: try Digest(bytes: SystemEntropy().bytes(32)))
            }
            for entry in entries {
                try transaction.append(
                    EntryDraft(
                        kind: entry.kind, transfer: row.id, actor: entry.actor,
                        details: entry.details))
            }
        }
    }
}
