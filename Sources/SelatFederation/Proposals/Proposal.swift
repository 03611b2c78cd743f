package import SelatCore
package import SelatCrypto

/// A list or a record that is proposed: not signed yet, or not yet by all who must.
package enum Proposal: Hashable, Sendable {
    case list(MembershipList)
    case record(MemberRecord)

    /// Reads a proposal as people write and edit it: JSON in any layout.
    /// - Throws: `FederationError.documentInvalid`, `.contradiction`, `.notTrusted`.
    package init(json text: [UInt8]) throws(FederationError) {
        try Self.requireSize(text)
        let content: [UInt8]
        let country: Country?
        do throws(CoreError) {
            let json = try JSON(parsing: text)
            content = json.canonical
            country = try Self.country(of: json)
        } catch {
            throw .documentInvalid(Self.document, error)
        }
        if let country {
            self = .record(try MemberRecord(content: content, country: country))
        } else {
            self = .list(try MembershipList(content: content))
        }
    }

    /// Reads what a signed message says. Nobody has verified its signatures.
    /// - Throws: `FederationError`.
    package init(unverified message: [UInt8]) throws(FederationError) {
        try Self.requireSize(message)
        if let content = try? CMS.unverifiedContent(message, type: .membershipList) {
            self = .list(try MembershipList(content: content))
            return
        }
        let content: [UInt8]
        do throws(CryptoError) {
            content = try CMS.unverifiedContent(message, type: .memberRecord)
        } catch {
            throw .notTrusted("membership list or member record", error)
        }
        try self.init(json: content)
        guard case .record = self else {
            throw .contradiction(Self.document, reason: "a list inside a record's message")
        }
    }

    /// Whose record it is; nil for a list.
    private static func country(of json: JSON) throws(CoreError) -> Country? {
        var fields = try ObjectReader(json, document)
        let type = try fields.string("type")
        switch type {
        case "membership-list": return nil
        case "member-record": return try fields.country("country")
        default:
            throw .malformed("type", type, expected: "`membership-list` or `member-record`")
        }
    }

    private static func requireSize(_ bytes: [UInt8]) throws(FederationError) {
        guard bytes.count <= FederationLimits.documentBytesMax else {
            throw .contradiction(document, reason: "it is larger than 4 MiB")
        }
    }

    package var type: CMSContentType {
        switch self {
        case .list: .membershipList
        case .record: .memberRecord
        }
    }

    package var json: JSON {
        switch self {
        case .list(let list): list.json
        case .record(let record): record.json
        }
    }

    package var serial: UInt64 {
        switch self {
        case .list(let list): list.serial
        case .record(let record): record.serial
        }
    }

    package var expires: Timestamp {
        switch self {
        case .list(let list): list.expires
        case .record(let record): record.expires
        }
    }

    package var description: String {
        switch self {
        case .list: MembershipList.document
        case .record(let record): MemberRecord.document(of: record.country)
        }
    }

    /// What names it once it is signed: the digest of its content; of a federation's first list that of its CMS
    /// bytes, by which the federation is named.
    /// - Parameter message: the CMS bytes.
    package func digest(signed message: [UInt8]) -> Digest {
        switch self {
        case .list(let list): list.serial == 1 ? SHA256.digest(message) : list.digest
        case .record(let record): record.digest
        }
    }

    /// In what it differs from an older one of its kind.
    /// - Throws: `FederationError.contradiction` where the two cannot follow each other.
    package func differences(from older: Proposal?) throws(FederationError) -> [Difference] {
        switch (self, older) {
        case (.list(let list), .list(let older)): return list.differences(from: older)
        case (.list(let list), nil): return list.differences(from: nil)
        case (.record(let record), .record(let older)) where record.country == older.country:
            return record.differences(from: older)
        case (.record(let record), nil): return record.differences(from: nil)
        default:
            throw .contradiction(
                description, reason: "it cannot be compared with a \(older?.description ?? "")")
        }
    }

    static let document = "proposal"
}
