package import SelatAudit
package import SelatCore
package import SelatFederation

/// What proves one transfer, before anything in it is believed (Format.md).
package struct Evidence: Sendable {
    /// What the evidence is about.
    package struct Subject: Hashable, Sendable {
        /// The digest of the first membership list.
        package let federation: Digest
        /// The node whose log the entries are from.
        package let maker: NodeID
        package let from: NodeID
        package let to: NodeID
        package let id: TransferID
        package let made: Timestamp

        package init(
            federation: Digest, maker: NodeID, from: NodeID, to: NodeID, id: TransferID,
            made: Timestamp
        ) {
            self.federation = federation
            self.maker = maker
            self.from = from
            self.to = to
            self.id = id
            self.made = made
        }
    }

    package let subject: Subject
    package let membership: MembershipDocuments
    /// What of it was otherwise when the header was released or taken in.
    package let former: Former
    /// The lists after those by which the transfer was settled: they say who was cut off since.
    package let laterLists: [[UInt8]]
    /// CMS; nil where no header was signed.
    package let header: [UInt8]?
    /// In the order of their sequences.
    package let entries: [ProvenEntry]
    /// The receipt's document; nil where there is none.
    package let receipt: [UInt8]?
    /// What the recipient has stated since it took the dataset in, by the entry of its log: the receipts' documents.
    package let laterReceipts: [UInt64: [UInt8]]
    /// Policy files by name: `SG`, `vocabulary`.
    package let policies: [String: PolicyFile]
    /// What officers signed about the transfer, by the message's digest.
    package let approvals: [Digest: [UInt8]]

    /// A policy file with the signatures beside it.
    package struct PolicyFile: Hashable, Sendable {
        package let bytes: [UInt8]
        /// DER of the detached message; nil where there is none.
        package let signatures: [UInt8]?

        package init(bytes: [UInt8], signatures: [UInt8]?) {
            self.bytes = bytes
            self.signatures = signatures
        }
    }

    /// The records and revocation lists of an earlier moment that others have replaced by the time of
    /// `membership`.
    package struct Former: Sendable {
        package let records: [Country: [UInt8]]
        package let revocationLists: [Country: [UInt8]]

        package init(records: [Country: [UInt8]], revocationLists: [Country: [UInt8]]) {
            self.records = records
            self.revocationLists = revocationLists
        }

        /// - Parameters:
        ///   - documents: those of the earlier moment.
        ///   - membership: those that are shown beside them.
        package init(of documents: MembershipDocuments, beside membership: MembershipDocuments) {
            self.init(
                records: documents.records.filter { membership.records[$0.key] != $0.value },
                revocationLists: documents.revocationLists.filter {
                    membership.revocationLists[$0.key] != $0.value
                })
        }

        package static let nothing = Former(records: [:], revocationLists: [:])

        var isEmpty: Bool { records.isEmpty && revocationLists.isEmpty }
    }

    package init(
        subject: Subject, membership: MembershipDocuments, header: [UInt8]?,
        entries: [ProvenEntry], receipt: [UInt8]?, policies: [String: PolicyFile],
        approvals: [Digest: [UInt8]] = [:], former: Former = .nothing,
        laterLists: [[UInt8]] = [], laterReceipts: [UInt64: [UInt8]] = [:]
    ) {
        self.subject = subject
        self.membership = membership
        self.former = former
        self.laterLists = laterLists
        self.header = header
        self.entries = entries
        self.receipt = receipt
        self.laterReceipts = laterReceipts
        self.policies = policies
        self.approvals = approvals
    }

    package static let bytesMax = 64 << 20
    package static let filesMax = 16_384
}

/// An entry with what proves that it is in a log, and its details unless they were erased.
package struct ProvenEntry: Hashable, Sendable {
    package let entry: Entry
    /// Canonical JSON, and the salt that binds them to the entry.
    package let details: [UInt8]?
    package let salt: [UInt8]?
    package let proof: TLogProof

    package init(entry: Entry, details: [UInt8]?, salt: [UInt8]?, proof: TLogProof) {
        self.entry = entry
        self.details = details
        self.salt = salt
        self.proof = proof
    }

    /// - Returns: the checkpoint that covers the entry.
    /// - Throws: `ReceiptError` for details or an index that are not the entry's, `AuditError` for a
    ///   proof that does not hold under `log`.
    func verify(log: VerifierKey) throws -> Checkpoint {
        switch (details, salt) {
        case (let details?, let salt?):
            guard entry.binds(details: details, salt: salt) else {
                throw ReceiptError.detailsDiffer
            }
        case (nil, nil): break
        default: throw ReceiptError.detailsDiffer
        }
        guard proof.index == entry.sequence else { throw ReceiptError.notRecorded }
        return try proof.verify(leaf: entry.leaf, key: log)
    }
}

/// Why a folder is no evidence at all.
package enum EvidenceError: Error, Hashable, Sendable, CustomStringConvertible {
    case missing(file: String)
    case unknown(file: String)
    case malformed(file: String, reason: String)
    case tooLarge

    package var description: String {
        switch self {
        case .missing(let file): "evidence lacks `\(file)`"
        case .unknown(let file): "`\(file.prefix(100))` is no file of evidence; remove it"
        case .malformed(let file, let reason): "`\(file)` is malformed: \(reason)"
        case .tooLarge:
            "evidence has more than \(Evidence.filesMax) files, or \(Evidence.bytesMax >> 20) MiB"
        }
    }
}
