import FoundationEssentials
import Glibc
import SelatBackup
import SelatCore
import SelatCrypto
import SelatExchange
import SelatFederation
import SelatStore

/// What goes into a backup: everything with which the node starts elsewhere (Backup.docc, *Content*).
struct BackupParts {
    let configuration: Configuration
    /// The configuration file's bytes, as they were applied last.
    let bytes: [UInt8]
    /// The configuration file's path.
    let file: String
    let documents: MembershipDocuments

    /// The parts in their order.
    /// - Throws: `StartFailure` for a key that cannot be read.
    func items(with copy: StoreCopy) throws -> [BackupItem] {
        let keys = try configuredKeys()
        var items = [
            BackupItem(.description, description(keys.map(\.path)).json.canonical),
            BackupItem(.configuration, bytes),
        ]
        if let path = configuration.backup, let pem = FileManager.default.contents(atPath: path) {
            items.append(BackupItem(.recipient, Array(pem.prefix(64 << 10))))
        }
        items += membership
        for (place, key) in keys.enumerated() {
            items.append(BackupItem(.key(UInt64(place)), key.bytes))
        }
        items.append(
            BackupItem(.storageKey, try KeyFiles.bytes("\(configuration.state)/storage.key")))
        items += try ownKeys()
        items.append(BackupItem(.database, file: copy.database, size: copy.databaseSize))
        items += copy.spooled.map {
            BackupItem(.spool($0.name), file: $0.path, size: $0.size)
        }
        return items
    }

    private func description(_ keys: [String]) -> BackupDescription {
        BackupDescription(
            configuration: file, state: configuration.state, control: configuration.control,
            membership: configuration.membership, policies: configuration.policies,
            backup: configuration.backup, keys: keys,
            tokens: places.filter { TokenKeyName.isOne($0) },
            passphrase: configuration.passphrase?.description)
    }

    private var places: [String] { KeyFiles.places(configuration.keys).map(\.1) }

    /// Those that lie in files; one that was destroyed because it is over is not there any more.
    private func configuredKeys() throws -> [(path: String, bytes: [UInt8])] {
        try places.filter { !TokenKeyName.isOne($0) && access($0, F_OK) == 0 }.map {
            ($0, try KeyFiles.bytes($0))
        }
    }

    /// Those that the daemon made; one that goes meanwhile is over.
    private func ownKeys() throws -> [BackupItem] {
        let folder = "\(configuration.state)/keys"
        let names = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
        let keys = names.filter { $0.hasSuffix(".key") }.sorted {
            Array($0.utf8).lexicographicallyPrecedes(Array($1.utf8))
        }
        return try keys.filter { access("\(folder)/\($0)", F_OK) == 0 }.map {
            BackupItem(.stateKey($0), try KeyFiles.bytes("\(folder)/\($0)"))
        }
    }

    /// What the node goes by, which is newer than what its folder has.
    private var membership: [BackupItem] {
        let lists = documents.lists.enumerated().map { place, bytes in
            BackupItem(.list(UInt64(place) + 1), bytes)
        }
        let records = documents.records.map { BackupItem(.record($0), $1) }
        let revocations = documents.revocationLists.map { BackupItem(.revocationLists($0), $1) }
        return lists + (records + revocations).sorted { $0.path < $1.path }
    }
}
