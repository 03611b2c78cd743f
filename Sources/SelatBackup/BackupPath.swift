package import SelatCore

/// What one part of a backup is; parts stand in the order of these cases, and by name within one
/// (Format.md, *Content*).
package enum BackupPath: Hashable, Sendable, Comparable {
    case description
    /// `selatd.yaml`.
    case configuration
    /// The certificate that the configuration names for backups.
    case recipient
    /// A membership list by its place from the first one on, which is 1.
    case list(UInt64)
    case record(Country)
    case revocationLists(Country)
    /// A configured key, by its place among `BackupDescription.keys`.
    case key(UInt64)
    case storageKey
    /// A key that the daemon made.
    case stateKey(String)
    case database
    case spool(String)

    /// - Throws: `BackupError.malformed` for a path that no backup has.
    package init(_ text: String) throws(BackupError) {
        guard let path = Self.parsed(text), path.text == text else {
            throw .malformed("content", "`\(text.prefix(100))` is no part of a backup")
        }
        self = path
    }

    private static func parsed(_ text: String) -> BackupPath? {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false).map(String.init)
        switch (parts.count, parts[0], parts.last ?? "") {
        case (1, "description", _): return .description
        case (1, "configuration", _): return .configuration
        case (1, "backup.pem", _): return .recipient
        case (2, "keys", let place): return UInt64(place).map { .key($0) }
        case (2, "state", "storage.key"): return .storageKey
        case (2, "state", "selat.sqlite"): return .database
        case (3, "state", let name) where parts[1] == "keys" && isName(name):
            return .stateKey(name)
        case (3, "state", let name) where parts[1] == "spool" && isName(name):
            return .spool(name)
        case (2, "membership", "membership.cms"): return .list(1)
        case (3, "membership", let name): return document(parts[1], name)
        default: return nil
        }
    }

    private static func document(_ folder: String, _ name: String) -> BackupPath? {
        let stem = String(name.dropLast(4))
        switch folder {
        case "lists": return UInt64(stem).flatMap { $0 > 1 ? .list($0) : nil }
        case "records": return (try? Country(stem)).map { .record($0) }
        case "crls": return (try? Country(stem)).map { .revocationLists($0) }
        default: return nil
        }
    }

    /// A plain name of a file: no separator, nothing hidden.
    private static func isName(_ name: String) -> Bool {
        guard (1...255).contains(name.utf8.count), !name.hasPrefix(".") else { return false }
        return name.utf8.allSatisfy { byte in
            switch byte {
            case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x2D, 0x2E, 0x5F: true
            default: false
            }
        }
    }

    package var text: String {
        switch self {
        case .description: "description"
        case .configuration: "configuration"
        case .recipient: "backup.pem"
        case .list(1): "membership/membership.cms"
        case .list(let serial): "membership/lists/\(serial).cms"
        case .record(let country): "membership/records/\(country.code).cms"
        case .revocationLists(let country): "membership/crls/\(country.code).crl"
        case .key(let place): "keys/\(place)"
        case .storageKey: "state/storage.key"
        case .stateKey(let name): "state/keys/\(name)"
        case .database: "state/selat.sqlite"
        case .spool(let name): "state/spool/\(name)"
        }
    }

    private var rank: Int {
        switch self {
        case .description: 0
        case .configuration: 1
        case .recipient: 2
        case .list: 3
        case .record: 4
        case .revocationLists: 5
        case .key: 6
        case .storageKey: 7
        case .stateKey: 8
        case .database: 9
        case .spool: 10
        }
    }

    package static func < (a: BackupPath, b: BackupPath) -> Bool {
        guard a.rank == b.rank else { return a.rank < b.rank }
        return switch (a, b) {
        case (.list(let a), .list(let b)), (.key(let a), .key(let b)): a < b
        default: Array(a.text.utf8).lexicographicallyPrecedes(Array(b.text.utf8))
        }
    }

    /// The most bytes that such a part may have.
    var bytesMax: UInt64 {
        switch self {
        case .description, .configuration: UInt64(Limits.policyFileBytesMax)
        case .list, .record, .revocationLists: 4 << 20
        case .key, .storageKey, .stateKey, .recipient: 64 << 10
        case .database, .spool: Limits.backupContentBytesMax
        }
    }
}
