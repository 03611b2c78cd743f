import Glibc
import SelatCore
import SelatCrypto
import SelatPolicy

/// Where a passphrase or a PIN comes from: never the environment, the command line or a terminal.
enum SecretSource: Hashable, Sendable, CustomStringConvertible {
    /// A credential of the service (systemd.exec(5), *LoadCredentialEncrypted=*).
    case credential(String)
    /// A file that only the daemon's user can read.
    case file(String)

    /// The first line, which must not be empty.
    /// - Throws: `StartFailure`, which holds no byte of the secret.
    func read() throws -> Secret {
        let path = try path
        var bytes = try KeyFiles.bytes(path, isCredential: isCredential)
        defer { wipe(&bytes) }
        let line = bytes.prefix { $0 != 0x0A }
        guard !line.isEmpty, line.count <= Self.lineBytesMax else {
            throw StartFailure.invalid(
                "secret `\(path)` must have one line of 1 to \(Self.lineBytesMax) bytes")
        }
        return Secret(copying: line)
    }

    /// Where it is looked for, which is no secret.
    var description: String {
        switch self {
        case .credential(let name): "credential `\(name)`"
        case .file(let path): "file `\(path)`"
        }
    }

    private var isCredential: Bool { if case .credential = self { true } else { false } }

    private var path: String {
        get throws {
            switch self {
            case .file(let path): return path
            case .credential(let name):
                guard let folder = getenv("CREDENTIALS_DIRECTORY") else {
                    throw StartFailure.invalid(
                        "credential `\(name)`: there is none, because this is no service of systemd's "
                            + "with LoadCredentialEncrypted=; name a `file` instead")
                }
                return "\(String(cString: folder))/\(name)"
            }
        }
    }

    /// systemd's own limit for a name, and as much as anybody types.
    private static let lineBytesMax = 1_024
}

// How keys at rest are protected.

extension Configuration {
    /// The tokens that `pkcs11:` keys lie in.
    struct TokenAccess: Hashable, Sendable {
        /// The PKCS#11 module's path.
        let module: String
        let pin: SecretSource
    }

    /// The passphrase and the token of a configuration that names them; a nested nil where it does not.
    static func protection(
        _ top: Section, _ reader: inout DocumentReader
    ) -> (passphrase: SecretSource?, token: TokenAccess?)? {
        var passphrase: SecretSource?
        if top["passphrase"] != nil {
            guard let found = secret(top, "passphrase", &reader) else { return nil }
            passphrase = found
        }
        guard top["token"] != nil else { return (passphrase, nil) }
        let known = ["module", "pin"]
        guard let section = reader.section(top["token"], "`token`", keys: known) else { return nil }
        let module = path(section, "module", &reader)
        let pin = secret(section, "pin", &reader)
        guard let module, let pin else { return nil }
        return (passphrase, TokenAccess(module: module, pin: pin))
    }

    private static func secret(
        _ section: Section, _ key: String, _ reader: inout DocumentReader
    ) -> SecretSource? {
        let what = "`\(key)`"
        guard let node = reader.required(section, key),
            let source = reader.section(node, what, keys: ["credential", "file"])
        else { return nil }
        switch (source["credential"], source["file"]) {
        case (let name?, nil):
            guard let text = reader.word(name, "`credential`") else { return nil }
            // By bytes: a slash with a mark behind it is another character, and parts a path too.
            guard !text.utf8.contains(UInt8(ascii: "/")), text != ".", text != "..",
                text.utf8.count <= 255
            else {
                reader.report(.wrongType, name.place, "`credential` must be a name, not a path")
                return nil
            }
            return .credential(text)
        case (nil, _?): return path(source, "file", &reader).map { .file($0) }
        default:
            reader.report(
                .wrongType, node.place, "\(what) must name either a `credential` or a `file`")
            return nil
        }
    }
}
