package import SelatCore
package import SelatCrypto

/// What an officer signs about transfers that are still to be judged (Format.md, *Officers'
/// statements*).
package enum OfficerStatement: Hashable, Sendable {
    case attestation(Attestation)
    case declaration(Declaration)

    /// A document is there for transfers from one node to another.
    package struct Attestation: Hashable, Sendable {
        package let federation: Digest
        /// `MY:tia`; the prefix is the country whose officer attests.
        package let document: String
        package let from: NodeID
        package let to: NodeID
        /// Digest of the attested paper, which stays with the officer.
        package let paper: Digest
        package let issued: Timestamp

        package init(
            federation: Digest, document: String, from: NodeID, to: NodeID, paper: Digest,
            issued: Timestamp
        ) {
            self.federation = federation
            self.document = document
            self.from = from
            self.to = to
            self.paper = paper
            self.issued = issued
        }
    }

    /// There is an emergency, for transfers of one node to some countries.
    package struct Declaration: Hashable, Sendable {
        package let federation: Digest
        package let from: NodeID
        /// Sorted, at least one.
        package let to: [Country]
        package let reference: String
        package let reason: String
        package let issued: Timestamp
        /// The first moment that no longer counts.
        package let until: Timestamp

        package init(
            federation: Digest, from: NodeID, to: Set<Country>, reference: String, reason: String,
            issued: Timestamp, until: Timestamp
        ) {
            self.federation = federation
            self.from = from
            self.to = to.sorted()
            self.reference = reference
            self.reason = reason
            self.issued = issued
            self.until = until
        }
    }

    /// The longest time for which an emergency is declared: 72 hours.
    package static let emergencySecondsMax: Int64 = 72 * 3_600
    package static let bytesMax = 64 << 10

    package var federation: Digest {
        switch self {
        case .attestation(let attestation): attestation.federation
        case .declaration(let declaration): declaration.federation
        }
    }

    package var from: NodeID {
        switch self {
        case .attestation(let attestation): attestation.from
        case .declaration(let declaration): declaration.from
        }
    }

    package var issued: Timestamp {
        switch self {
        case .attestation(let attestation): attestation.issued
        case .declaration(let declaration): declaration.issued
        }
    }

    package var type: CMSContentType {
        switch self {
        case .attestation: .attestation
        case .declaration: .declaration
        }
    }

    /// The country whose officer may sign it.
    package var country: String {
        switch self {
        case .attestation(let attestation):
            attestation.document.split(separator: ":").first.map(String.init) ?? ""
        case .declaration(let declaration): declaration.from.country.code
        }
    }

    /// Whether it is about transfers to a node.
    package func covers(_ destination: NodeID) -> Bool {
        switch self {
        case .attestation(let attestation): attestation.to == destination
        case .declaration(let declaration): declaration.to.contains(destination.country)
        }
    }

    /// Signs it with the officer's own key, at the moment that it names.
    /// - Throws: `FederationError.documentInvalid` for texts outside their limits or an `until` out
    ///   of reach; `.notTrusted` when signing fails.
    package func signed(by officer: CMS.Signer) throws(FederationError) -> [UInt8] {
        let content = json.canonical
        // What no reader takes is not signed.
        _ = try OfficerStatement(content: content, type: type)
        try requirePlainText()
        do throws(CryptoError) {
            return try CMS.sign(content: content, type: type, signer: officer, at: issued)
        } catch {
            throw .notTrusted("officer's statement", error)
        }
    }
}
