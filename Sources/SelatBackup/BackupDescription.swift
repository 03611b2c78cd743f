package import SelatCore

/// Where the parts of a backup lay, and what it lacks (Format.md, *Description*).
package struct BackupDescription: Hashable, Sendable {
    /// The configuration file's path, and what it says.
    package var configuration: String
    package var state: String
    package var control: String
    package var membership: String
    package var policies: String
    /// Where the certificate for backups lay; nil where the configuration names none.
    package var backup: String?
    /// Paths of the configured keys that are in the backup, in the order of `keys/0`, `keys/1`, ….
    package var keys: [String]
    /// Names of keys in tokens, which no backup holds.
    package var tokens: [String]
    /// Where the passphrase of encrypted keys is found; nil where they are plain.
    package var passphrase: String?

    package init(
        configuration: String, state: String, control: String, membership: String,
        policies: String, backup: String?, keys: [String], tokens: [String], passphrase: String?
    ) {
        self.configuration = configuration
        self.state = state
        self.control = control
        self.membership = membership
        self.policies = policies
        self.backup = backup
        self.keys = keys
        self.tokens = tokens
        self.passphrase = passphrase
    }

    package var json: JSON {
        var members: JSON.Object = [
            "configuration": .string(configuration), "state": .string(state),
            "control": .string(control), "membership": .string(membership),
            "policies": .string(policies), "keys": .strings(keys), "tokens": .strings(tokens),
        ]
        members["backup"] = backup.map { .string($0) }
        members["passphrase"] = passphrase.map { .string($0) }
        return .object(members)
    }

    /// - Parameter bytes: canonical JSON.
    /// - Throws: `BackupError.malformed`, also for a path that is not absolute or over 4,096 bytes.
    package init(parsing bytes: [UInt8]) throws(BackupError) {
        do throws(CoreError) { try self.init(try JSON(canonical: bytes)) } catch {
            throw .malformed("description", error.description)
        }
        let places = [configuration, state, control, membership, policies]
        for path in places + keys + [backup].compactMap({ $0 }) where !Self.isPlain(path) {
            throw .malformed("description", "`\(path.prefix(100))` is no absolute path")
        }
    }

    private init(_ json: JSON) throws(CoreError) {
        var reader = try ObjectReader(json, "description")
        configuration = try reader.string("configuration")
        state = try reader.string("state")
        control = try reader.string("control")
        membership = try reader.string("membership")
        policies = try reader.string("policies")
        backup = try reader.optionalString("backup")
        keys = try reader.strings("keys")
        tokens = try reader.strings("tokens")
        passphrase = try reader.optionalString("passphrase")
        try reader.end()
    }

    private static let slash = UInt8(ascii: "/")

    /// Absolute, and nothing in it leads back up.
    private static func isPlain(_ path: String) -> Bool {
        // By its bytes: a mark behind a slash makes one character of the two, and the kernel sees the slash.
        path.utf8.first == slash && (2...4_096).contains(path.utf8.count)
            && !path.utf8.contains(0)
            && !path.utf8.split(separator: slash).contains {
                $0.elementsEqual("..".utf8) || $0.elementsEqual(".".utf8)
            }
    }
}
