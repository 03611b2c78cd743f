package import SelatCore
package import SelatCrypto

/// What an officer signs about one transfer: yes or no to its release (Format.md, *Approvals*).
package struct ApprovalStatement: Hashable, Sendable {
    package enum Decision: String, CaseIterable, Sendable {
        case approve, refuse
    }

    /// For which end of the transfer the officer answers.
    package enum Side: String, CaseIterable, Sendable {
        case source, destination
    }

    /// What the officer's own program had opened before the officer signed.
    package enum Review: String, CaseIterable, Sendable {
        /// The sealed payload, checked and opened to its end.
        case dataset
        /// The description, the verdict and the digests, and no byte of the payload.
        case description
    }

    /// What an approval is about: all that no later attempt can change.
    package struct Subject: Hashable, Sendable {
        package let federation: Digest
        package let id: TransferID
        /// Digest of the envelope's core, and so of sender, recipient, label and keys.
        package let core: Digest
        /// Tree root of the sealed payload.
        package let root: Digest
        /// Bytes of the sealed payload.
        package let size: UInt64
        /// Digest of the dataset's description.
        package let description: Digest
        /// Digest of the verdict's facts, grounds and obligations.
        package let basis: Digest
        /// The countries through which it may travel, sorted.
        package let transit: [Country]

        package init(
            federation: Digest, id: TransferID, core: Digest, root: Digest, size: UInt64,
            description: Digest, basis: Digest, transit: Set<Country>
        ) {
            self.federation = federation
            self.id = id
            self.core = core
            self.root = root
            self.size = size
            self.description = description
            self.basis = basis
            self.transit = transit.sorted()
        }
    }

    package let subject: Subject
    /// As policies name it.
    package let role: String
    package let side: Side
    package let decision: Decision
    package let reason: String
    package let review: Review
    /// Whether one officer releases alone, in an emergency.
    package let isBreakGlass: Bool
    package let issued: Timestamp
    /// The last moment that counts.
    package let notAfter: Timestamp

    package init(
        _ decision: Decision, of subject: Subject, role: String, side: Side, reason: String,
        review: Review, isBreakGlass: Bool = false, issued: Timestamp, notAfter: Timestamp
    ) {
        self.subject = subject
        self.role = role
        self.side = side
        self.decision = decision
        self.reason = reason
        self.review = review
        self.isBreakGlass = isBreakGlass
        self.issued = issued
        self.notAfter = notAfter
    }

    /// The longest time for which an approval counts: seven days.
    package static let lifeSecondsMax: Int64 = 7 * 86_400
    package static let reasonBytesMax = 2_000
    package static let bytesMax = 64 << 10

    /// Signs it with the officer's own key, at the moment that it names.
    /// - Throws: `FederationError.documentInvalid` for what no reader takes; `.notTrusted` when
    ///   signing fails.
    package func signed(by officer: CMS.Signer) throws(FederationError) -> [UInt8] {
        let content = json.canonical
        // What no reader takes is not signed.
        _ = try ApprovalStatement(content: content)
        try requirePlainText()
        do throws(CryptoError) {
            return try CMS.sign(content: content, type: .approval, signer: officer, at: issued)
        } catch {
            throw .notTrusted(Self.name, error)
        }
    }

    static let name = "approval"
}
