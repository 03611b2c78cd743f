package import SelatCore
package import SelatCrypto

/// What an officer of the sender signs to have a dataset back (Format.md, *Recalls*).
package struct RecallStatement: Hashable, Sendable {
    package let federation: Digest
    package let from: NodeID
    package let to: NodeID
    package let id: TransferID
    /// For those who hold it, and for those who audit this later.
    package let reason: String
    package let issued: Timestamp

    package init(
        federation: Digest, from: NodeID, to: NodeID, id: TransferID, reason: String,
        issued: Timestamp
    ) {
        self.federation = federation
        self.from = from
        self.to = to
        self.id = id
        self.reason = reason
        self.issued = issued
    }

    package static let reasonBytesMax = 2_000
    package static let bytesMax = 64 << 10
    /// The longest time between its signature and the moment at which a node takes it: 30 days, as long
    /// as an envelope may live.
    package static let lifeSecondsMax = Limits.envelopeLifeSecondsMax

    /// Signs it with the officer's own key, at the moment that it names.
    /// - Throws: `FederationError.documentInvalid` for what no reader takes; `.notTrusted` when
    ///   signing fails.
    package func signed(by officer: CMS.Signer) throws(FederationError) -> [UInt8] {
        let content = json.canonical
        // What no reader takes is not signed.
        _ = try RecallStatement(content: content)
        try requirePlainText()
        return try Self.sign(content, .recall, officer, at: issued)
    }

    static let name = "recall"
}

/// What an officer of the recipient signs about a recall: that the dataset is to be destroyed, or on
/// which legal ground it is kept (Format.md, *Recalls*).
package struct RecallAnswer: Hashable, Sendable {
    package enum Decision: String, CaseIterable, Sendable {
        case destroy, refuse
    }

    package let federation: Digest
    /// SHA-256 of the recall's message.
    package let recall: Digest
    package let from: NodeID
    package let to: NodeID
    package let id: TransferID
    package let decision: Decision
    /// The legal ground on which it is kept; with `refuse` alone.
    package let ground: String?
    package let issued: Timestamp

    package init(
        federation: Digest, recall: Digest, from: NodeID, to: NodeID, id: TransferID,
        decision: Decision, ground: String?, issued: Timestamp
    ) {
        self.federation = federation
        self.recall = recall
        self.from = from
        self.to = to
        self.id = id
        self.decision = decision
        self.ground = ground
        self.issued = issued
    }

    /// Signs it with the officer's own key, at the moment that it names.
    /// - Throws: as `RecallStatement.signed(by:)`.
    package func signed(by officer: CMS.Signer) throws(FederationError) -> [UInt8] {
        let content = json.canonical
        _ = try RecallAnswer(content: content)
        try requirePlainText()
        return try RecallStatement.sign(content, .recallAnswer, officer, at: issued)
    }

    static let name = "answer to a recall"
}

extension RecallStatement {
    fileprivate static func sign(
        _ content: [UInt8], _ type: CMSContentType, _ officer: CMS.Signer, at time: Timestamp
    ) throws(FederationError) -> [UInt8] {
        do throws(CryptoError) {
            return try CMS.sign(content: content, type: type, signer: officer, at: time)
        } catch {
            throw .notTrusted(name, error)
        }
    }
}
