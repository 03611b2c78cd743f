import Glibc
import SelatCore
import SelatCrypto
import SelatExchange
import SelatFederation

/// Reads keys from files that nobody else can read, and finds those in the token.
struct KeyFiles {
    /// Encrypts what the daemon writes, and opens what is encrypted.
    private let passphrase: Secret?
    private let token: Token?
    /// The purposes whose keys lie in the token.
    let inToken: Set<KeyPurpose>

    /// Reads passphrase and PIN, and asks the token nothing yet.
    init(_ configuration: Configuration) throws {
        passphrase = try configuration.passphrase?.read()
        token = try configuration.token.map {
            Token(module: $0.module, pin: try $0.pin.read())
        }
        let places = Self.places(configuration.keys).filter { TokenKeyName.isOne($0.1) }
        inToken = Set(places.map(\.0))
    }

    /// The keys that the configuration names.
    /// - Parameter made: the daemon's own; where it holds one, the first one's file may be gone,
    ///   destroyed once it was over.
    func configured(
        _ named: Configuration.KeyPaths, besides made: [HeldKey]
    ) throws -> [HeldKey] {
        let replaced = Set(made.map(\.purpose))
        return try Self.places(named).compactMap { purpose, place in
            // A token's key is taken out by whoever holds the token, never by the daemon.
            let mayBeGone = replaced.contains(purpose) && !TokenKeyName.isOne(place)
            if mayBeGone, try Self.isGone(place) { return nil }
            return try held(purpose, place, .configured(place))
        }
    }

    static func places(_ named: Configuration.KeyPaths) -> [(KeyPurpose, String)] {
        var places: [(KeyPurpose, String)] = [(.tls, named.tls), (.log, named.log)]
        places += named.signing.map { (.signing, $0) }
        places += named.agreement.map { (.agreement, $0) }
        places += named.mlkem.map { (.mlkem, $0) }
        return places + (named.witness.map { [(.witness, $0)] } ?? [])
    }

    /// - Parameter path: or the name of a key in the token.
    func held(_ purpose: KeyPurpose, _ path: String, _ place: HeldKey.Place) throws -> HeldKey {
        guard purpose == .mlkem else {
            return HeldKey(purpose: purpose, key: try key(path), place: place)
        }
        return HeldKey(mlkem: try mlkem(path), place: place)
    }

    /// - Parameter place: a path, or the name of a key in the token.
    func key(_ place: String) throws -> PrivateKey {
        do {
            if TokenKeyName.isOne(place) { return try inToken(place) }
            var pem = try Self.bytes(place)
            defer { wipe(&pem) }
            guard let passphrase else { return try PrivateKey(pem: pem) }
            return try passphrase.withRevealed { try PrivateKey(pem: pem, passphrase: $0) }
        } catch let error as CryptoError {
            throw Self.failure(of: place, error, hasPassphrase: passphrase != nil)
        }
    }

    /// ML-KEM keys lie in files: no token of today knows them.
    private func mlkem(_ path: String) throws -> MLKEMPrivateKey {
        do {
            var pem = try Self.bytes(path)
            defer { wipe(&pem) }
            guard let passphrase else { return try MLKEMPrivateKey(pem: pem) }
            return try passphrase.withRevealed { try MLKEMPrivateKey(pem: pem, passphrase: $0) }
        } catch let error as CryptoError {
            throw Self.failure(of: path, error, hasPassphrase: passphrase != nil)
        }
    }

    private func inToken(_ name: String) throws -> PrivateKey {
        guard let token else {
            throw StartFailure.invalid(
                "key `\(name)` lies in a token; the configuration lacks `token`")
        }
        return try token.key(try TokenKeyName(name))
    }

    /// A token that is away may come back, so another start may help; nothing else mends itself, and a
    /// PIN that was refused must not be tried again.
    private static func failure(
        of place: String, _ error: CryptoError, hasPassphrase: Bool
    ) -> StartFailure {
        if case .tokenUnavailable = error { return .failed("key `\(place)`: \(error)") }
        if case .tokenPINRefused = error {
            return .invalid(
                "key `\(place)`: \(error); mend `token.pin` before the next start, because a token "
                    + "locks itself after few wrong ones")
        }
        let hint =
            hasPassphrase ? "" : " (if it is encrypted, the configuration lacks `passphrase`)"
        return .invalid("key `\(place)`: \(error)\(hint)")
    }

    /// Writes a key that the daemon made: encrypted, where there is a passphrase.
    func create(_ held: HeldKey) throws {
        var pem =
            switch held.material {
            case .pair(let key): try key.pem(passphrase: passphrase)
            case .mlkem(let key): try passphrase.map(key.pem(passphrase:)) ?? key.pem()
            }
        defer { wipe(&pem) }
        try Self.create(held.place.description, pem)
    }
}

// The storage key.
extension KeyFiles {
    /// The key that wraps content keys; made at the first start, never anew beside a database that
    /// needs the old one.
    func storage(in state: String) throws -> StorageKey {
        let path = "\(state)/storage.key"
        if access(path, F_OK) != 0 {
            guard access("\(state)/selat.sqlite", F_OK) != 0 else {
                throw StartFailure.failed(
                    "storage key `\(path)` is missing beside a database; restore it from the backup"
                )
            }
            try keep(Random.secret(AES256GCM.keyBytes)) { try Self.create(path, $0) }
        }
        var bytes = try Self.bytes(path)
        defer { wipe(&bytes) }
        if PassphraseSeal.isSealed(bytes) { return StorageKey(try opened(bytes, path)) }
        guard bytes.count == AES256GCM.keyBytes else {
            throw StartFailure.invalid("storage key `\(path)` is not 32 bytes")
        }
        let key = Secret(copying: bytes)
        // A passphrase that came later protects it from now on.
        if passphrase != nil { try replace(key, at: path, in: state) }
        return StorageKey(key)
    }

    private func opened(_ bytes: [UInt8], _ path: String) throws -> Secret {
        guard let passphrase else {
            throw StartFailure.invalid(
                "storage key `\(path)` is encrypted; the configuration lacks `passphrase`")
        }
        do {
            let key = try PassphraseSeal.open(bytes, passphrase: passphrase)
            guard key.count == AES256GCM.keyBytes else {
                throw CryptoError.keySizeInvalid(key.count)
            }
            return key
        } catch {
            throw StartFailure.invalid("storage key `\(path)`: \(error)")
        }
    }

    /// - Parameter write: gets what is to lie in the file.
    private func keep(_ key: Secret, _ write: ([UInt8]) throws -> Void) throws {
        if let passphrase {
            try write(try PassphraseSeal.seal(key, passphrase: passphrase))
        } else {
            try key.withRevealed { bytes throws in try write(bytes) }
        }
    }

    /// The old file is whole until the new one is durable under its name.
    private func replace(_ key: Secret, at path: String, in state: String) throws {
        let new = "\(path).new"
        try keep(key) { try Self.fill(new, $0) }
        guard rename(new, path) == 0 else { throw Self.failure("replacing", path) }
        try Self.synchronize(folder: state)
    }
}

// Files.
extension KeyFiles {
    /// Makes a file that has its name only once it is whole, and is durable when this returns: a part of
    /// a key, left by a full disk or a crash, would stop every later start.
    static func create(_ path: String, _ bytes: [UInt8]) throws {
        let new = "\(path).new"
        try fill(new, bytes)
        do {
            defer { unlink(new) }
            // A link, unlike a rename, does not touch a file that has the name already.
            guard link(new, path) == 0 else { throw failure("making", path) }
        }
        try synchronize(folder: folder(of: path))
    }

    /// Writes a file whose bytes are durable when this returns, and leaves none where that fails.
    private static func fill(_ path: String, _ bytes: [UInt8]) throws {
        // What lies there may be a second name of a key that is in use: it is never written over.
        guard unlink(path) == 0 || errno == ENOENT else { throw failure("replacing", path) }
        let file = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard file >= 0 else { throw failure("making", path) }
        defer { close(file) }
        let count = bytes.withUnsafeBytes { write(file, $0.baseAddress, $0.count) }
        guard count == bytes.count, fsync(file) == 0 else {
            let fault = failure("writing", path)
            unlink(path)
            throw fault
        }
    }

    /// A name is durable once its folder is.
    static func synchronize(folder: String) throws {
        let file = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard file >= 0 else { throw failure("syncing", folder) }
        defer { close(file) }
        guard fsync(file) == 0 else { throw failure("syncing", folder) }
    }

    private static func folder(of path: String) -> String {
        guard let slash = path.lastIndex(of: "/") else { return "." }
        return slash == path.startIndex ? "/" : String(path[..<slash])
    }

    /// Whether a key was destroyed: it has no file, or one of zeros alone, whose name did not go.
    static func isGone(_ path: String) throws -> Bool {
        guard access(path, F_OK) == 0 else { return true }
        var held = try bytes(path)
        defer { wipe(&held) }
        return held.allSatisfy { $0 == 0 }
    }

    /// - Parameter isCredential: a file that systemd has made for this service; it may be root's, with
    ///   an access list whose mask shows as the group's mode.
    static func bytes(_ path: String, isCredential: Bool = false) throws -> [UInt8] {
        let file = open(path, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { throw failure("reading", path) }
        defer { close(file) }
        var status = stat()
        guard fstat(file, &status) == 0 else { throw failure("reading", path) }
        let isPrivate =
            isCredential
            ? status.st_mode & 0o007 == 0
            : status.st_mode & 0o077 == 0 && status.st_uid == geteuid()
        guard isPrivate else {
            throw StartFailure.invalid(
                "key `\(path)` can be read by others; run: chown \(geteuid()) \(path) && chmod 600 \(path)"
            )
        }
        guard status.st_size <= 65_536 else {
            throw StartFailure.invalid("key `\(path)` is larger than 64 KiB")
        }
        var bytes = [UInt8](repeating: 0, count: Int(status.st_size))
        let count = bytes.withUnsafeMutableBytes { read(file, $0.baseAddress, $0.count) }
        guard count == bytes.count else { throw failure("reading", path) }
        return bytes
    }

    static func failure(_ action: String, _ path: String) -> StartFailure {
        .invalid("\(action) `\(path)`: \(String(cString: strerror(errno)))")
    }
}
