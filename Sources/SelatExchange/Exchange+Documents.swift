package import SelatCore
import SelatEnvelope
package import SelatPolicy
package import SelatStore

// The documents of the own transfers, as they are stored beside the row and as they are read.

extension Exchange {
    /// A request, and the verdict that was made on it.
    package struct JudgedRequest: Sendable {
        package let request: OutboundRequest
        package let verdict: Verdict
    }

    /// The request behind an outbound row, with the verdict that was made on it.
    /// - Throws: `ServiceProblem.unknownTransfer` where there is none, `CoreError` and `QuestionError`
    ///   where it is not what `OutboundRequest` stored, `StoreError`.
    package func request(of row: OutboundRow) throws -> JudgedRequest {
        if let known = requests[row.id] { return known }
        guard let stored = try document(.request, of: row) else {
            throw ServiceProblem.unknownTransfer(row.id)
        }
        let (request, verdict) = try OutboundRequest.read(stored)
        let read = JudgedRequest(request: request, verdict: verdict)
        requests.keep(read, of: row.id, storedBytes: stored.count)
        return read
    }

    /// What sealing gave; nil for a transfer that is not sealed, or was not when it ended.
    /// - Throws: `CoreError` where it is not what `SealedRecord` stored, `StoreError`.
    func sealed(of row: OutboundRow) throws -> SealedRecord? {
        if let known = sealedRecords[row.id] { return known }
        guard let stored = try document(.sealed, of: row) else { return nil }
        let record = try SealedRecord(stored: stored)
        sealedRecords.keep(record, of: row.id, storedBytes: stored.count)
        return record
    }

    /// The recipient's receipt; nil before there is one.
    package func receipt(of row: OutboundRow) throws -> [UInt8]? {
        try document(.receipt, of: row)
    }

    /// The suite of an outbound transfer; nil until its payload is sealed.
    package func suite(of row: OutboundRow) throws -> Suite? { try sealed(of: row)?.core.suite }

    private func document(_ kind: OutboundDocument, of row: OutboundRow) throws -> [UInt8]? {
        try store.lookUp { try $0.document(kind, of: row.id) }
    }
}
