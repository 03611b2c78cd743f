package import SelatAudit
package import SelatCore
package import SelatCrypto

/// What a node signs about an envelope that it was given (Exchange.docc, *Receipts*).
package struct ReceiptStatement: Hashable, Sendable {
    package let federation: Digest
    package let kind: ReceiptKind
    package let from: NodeID
    package let id: TransferID
    /// The envelope's identity: the digest of its header.
    package let envelope: Digest
    package let attempt: UInt64
    package let signer: NodeID
    package let time: Timestamp
    /// Why; with a kind that has a reason.
    package let reason: String?
    /// The copies that a destruction does not reach; with a kind that says so.
    package let unreached: [UnreachedCopy]
    /// The recall that is answered: SHA-256 of its message; with a kind that answers one.
    package let recall: Digest?
    /// When it may be destroyed at the earliest; with `recalled`.
    package let until: Timestamp?

    package init(
        federation: Digest, kind: ReceiptKind, from: NodeID, id: TransferID, envelope: Digest,
        attempt: UInt64, signer: NodeID, time: Timestamp, reason: String? = nil,
        unreached: [UnreachedCopy] = [], recall: Digest? = nil, until: Timestamp? = nil
    ) {
        self.recall = recall
        self.until = until
        self.unreached = unreached
        self.federation = federation
        self.kind = kind
        self.from = from
        self.id = id
        self.envelope = envelope
        self.attempt = attempt
        self.signer = signer
        self.time = time
        self.reason = reason
    }

    /// - Parameter expires: when the envelope that it is about expires.
    /// - Throws: `ReceiptError.tooLate` where that was taken in then, or later: a recipient drops it instead.
    package func requireInTime(_ expires: Timestamp) throws(ReceiptError) {
        if kind == .delivered, time >= expires { throw .tooLate(expires) }
    }

    package var json: JSON {
        var members: JSON.Object = [
            "type": "receipt", "federation": .string(federation.text),
            "kind": .string(kind.rawValue), "from": .string(from.text), "id": .string(id.text),
            "envelope": .string(envelope.text), "attempt": .integer(attempt),
            "signer": .string(signer.text), "time": .string(time.text),
        ]
        if let reason { members["reason"] = .string(reason) }
        if kind.saysUnreached { members["unreached"] = .array(unreached.map(\.json)) }
        members["recall"] = recall.map { .string($0.text) }
        members["until"] = until.map { .string($0.text) }
        return .object(members)
    }

    /// - Throws: `CoreError` for anything but the canonical bytes of a statement.
    package init(canonical bytes: [UInt8]) throws(CoreError) {
        var reader = try ObjectReader(try JSON(parsing: bytes), "receipt")
        guard try reader.string("type") == "receipt" else {
            throw .wrongType("type", in: "receipt", expected: "`receipt`")
        }
        federation = try reader.digest("federation")
        kind = try reader.choice("kind")
        from = try reader.node("from")
        id = try TransferID(try reader.string("id"))
        envelope = try reader.digest("envelope")
        attempt = try reader.unsigned("attempt")
        guard attempt >= 1 else {
            throw .wrongType("attempt", in: "receipt", expected: "a number from 1")
        }
        signer = try reader.node("signer")
        time = try reader.timestamp("time")
        reason = kind.hasReason ? try reader.string("reason") : nil
        unreached = kind.saysUnreached ? try UnreachedCopy.list(&reader) : []
        recall = kind.answersRecall ? try reader.digest("recall") : nil
        until = kind == .recalled ? try reader.timestamp("until") : nil
        try reader.end()
        guard json.canonical == bytes else {
            throw .wrongType("(top)", in: "receipt", expected: "in canonical form")
        }
    }
}

extension ReceiptKind {
    /// Whether a statement of this kind says why.
    package var hasReason: Bool {
        switch self {
        case .refused, .destroyed, .retained, .cancelled: true
        case .relayed, .delivered, .opened, .recalled: false
        }
    }

    /// Whether a statement of this kind lists the copies that are not reached.
    package var saysUnreached: Bool { self == .destroyed || self == .recalled }

    /// Whether it tells what became of a dataset that was taken in.
    package var isAfterDelivery: Bool {
        switch self {
        case .opened, .recalled, .retained, .destroyed: true
        case .relayed, .delivered, .refused, .cancelled: false
        }
    }

    /// The kinds of entries that record a statement of this kind.
    fileprivate var entryKinds: Set<EntryKind> {
        switch self {
        case .relayed: ["relay.held"]
        case .delivered: ["transfer.arrived"]
        // A recall ends what is still arriving as a refusal.
        case .refused: ["offer.refused", "transfer.recalled"]
        case .opened: ["transfer.opened"]
        case .recalled: ["transfer.recalled"]
        case .retained: ["transfer.retained"]
        case .cancelled: ["transfer.cancelled", "transfer.refused"]
        case .destroyed: ["transfer.destroyed"]
        }
    }

    /// Whether a statement of this kind answers a recall.
    package var answersRecall: Bool { self == .recalled || self == .retained }
}

/// A statement with the proof that it stands in its signer's log.
package struct Receipt: Sendable {
    /// CMS over the statement.
    package let statement: [UInt8]
    /// The log entry whose details hold the statement's digest.
    package let entry: Entry
    package let details: [UInt8]
    package let salt: [UInt8]
    package let proof: TLogProof

    package init(
        statement: [UInt8], entry: Entry, details: [UInt8], salt: [UInt8], proof: TLogProof
    ) {
        self.statement = statement
        self.entry = entry
        self.details = details
        self.salt = salt
        self.proof = proof
    }

    /// The document that travels.
    package var json: JSON {
        [
            "statement": .string(Base64.encode(statement)),
            "entry": .string(String(decoding: entry.canonical, as: UTF8.self)),
            "details": .string(String(decoding: details, as: UTF8.self)),
            "salt": .string(Base64.encode(salt)),
            "proof": .string(String(decoding: proof.bytes, as: UTF8.self)),
        ]
    }

    /// - Throws: `CoreError`, `AuditError`.
    package init(parsing bytes: [UInt8]) throws {
        try self.init(json: try JSON(parsing: bytes))
    }

    /// - Throws: `CoreError`, `AuditError`.
    package init(json: JSON) throws {
        var reader = try ObjectReader(json, "receipt document")
        statement = try reader.base64("statement")
        entry = try Entry(canonical: Array(try reader.string("entry").utf8))
        details = Array(try reader.string("details").utf8)
        salt = try reader.base64("salt")
        proof = try TLogProof(parsing: Array(try reader.string("proof").utf8))
        try reader.end()
    }

    /// The key under which an entry's details hold the digest of a statement.
    package static let statementKey = "statement"

    /// The key under which an entry's details hold the recipient's verdict on the import.
    package static let importKey = "import"

    /// What the statement says, before anything in it is believed.
    /// - Throws: `CryptoError`, `CoreError`.
    package var unverifiedStatement: ReceiptStatement {
        get throws { try claim.statement }
    }

    /// The statement, read once, to be looked at and then verified.
    /// - Throws: `CryptoError`, `CoreError`.
    package var claim: ReceiptClaim {
        get throws { try ReceiptClaim(of: self) }
    }

    /// Verifies signature, statement and proof: what `claim` gives, verified.
    /// - Parameters:
    ///   - signer: finds the certificate that the statement's CMS names, verified for signing.
    ///   - log: the log key of the node that is expected to have signed.
    /// - Throws: `ReceiptError`, and what verification throws.
    package func verify(
        signer: (IssuerAndSerial) throws -> VerifiedCertificate, log: VerifierKey
    ) throws -> ReceiptStatement {
        try claim.verify(signer: signer, log: log)
    }

    /// That the statement stands in the log of this key, in an entry that records such a one.
    fileprivate func verifyRecord(of claimed: ReceiptStatement, log: VerifierKey) throws {
        guard entry.binds(details: details, salt: salt) else { throw ReceiptError.detailsDiffer }
        guard entry.transfer == claimed.id, claimed.kind.entryKinds.contains(entry.kind) else {
            throw ReceiptError.notRecorded
        }
        // A node signs what it states just before it enters it: nobody else dates that back.
        guard abs(entry.time - claimed.time) <= Limits.clockSkewSecondsMax else {
            throw ReceiptError.misdated
        }
        let recorded = try JSON(parsing: details)[Self.statementKey]
        guard recorded == .string(SHA256.digest(statement).text) else {
            throw ReceiptError.notRecorded
        }
        _ = try proof.verify(leaf: entry.leaf, key: log)
        guard proof.index == entry.sequence else { throw ReceiptError.notRecorded }
    }
}

/// What a receipt says, before anything in it is believed.
package struct ReceiptClaim: Sendable {
    package let receipt: Receipt
    package let statement: ReceiptStatement
    private let message: CMS.Unverified

    fileprivate init(of receipt: Receipt) throws {
        self.receipt = receipt
        message = try CMS.Unverified(parsing: receipt.statement, type: .receipt)
        statement = try ReceiptStatement(canonical: message.content)
    }

    /// The certificate that the statement's CMS names.
    package var signer: IssuerAndSerial { message.signer }

    /// That the statement stands in the log of this key, whoever signed it: then the time of its entry is that
    /// log's word.
    /// - Throws: `ReceiptError`, `AuditError`, `CoreError`.
    package func verifyRecord(log: VerifierKey) throws {
        try receipt.verifyRecord(of: statement, log: log)
    }

    /// `Receipt.verify`, of a claim that was looked at.
    package func verify(
        signer: (IssuerAndSerial) throws -> VerifiedCertificate, log: VerifierKey
    ) throws -> ReceiptStatement {
        let signed = try message.verify(signer: signer)
        guard signed.signer.certificate.node == statement.signer else {
            throw ReceiptError.foreignSigner(statement.signer)
        }
        try verifyRecord(log: log)
        return statement
    }
}

/// Why a receipt proves nothing.
package enum ReceiptError: Error, Hashable, Sendable, CustomStringConvertible {
    case foreignSigner(NodeID)
    case detailsDiffer
    case notRecorded
    case misdated
    case tooLate(Timestamp)
    case aboutAnother(String)
    /// Its signer was cut off.
    case distrusted(String)

    package var description: String {
        switch self {
        case .foreignSigner(let node): "receipt of `\(node)` is signed with another node's key"
        case .detailsDiffer: "receipt's details are not those that its log entry is bound to"
        case .notRecorded: "receipt shows a log entry that does not record its statement"
        case .misdated: "receipt's statement and its log entry are more than five minutes apart"
        case .tooLate(let expires):
            "receipt is of no moment before the envelope expired, \(expires)"
        case .aboutAnother(let what): "receipt is about another \(what)"
        case .distrusted(let distrust): "receipt does not count: \(distrust)"
        }
    }
}
