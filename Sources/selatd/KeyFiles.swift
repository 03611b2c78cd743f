import Glibc
import SelatCore
import SelatCrypto
import SelatExchange
import SelatFederation

/// Reads keys from files that nobody else can read.
enum KeyFiles {
    /// The keys that the configuration names.
    /// - Parameter made: the daemon's own; where it holds one, the first one's file may be gone,
    ///   destroyed once it was over.
    static func configured(
        _ paths: Configuration.KeyPaths, besides made: [HeldKey]
    ) throws -> [HeldKey] {
        var places: [(KeyPurpose, String)] = [
            (.tls, paths.tls), (.signing, paths.signing), (.agreement, paths.agreement),
            (.log, paths.log),
        ]
        if let witness = paths.witness { places.append((.witness, witness)) }
        let replaced = Set(made.map(\.purpose))
        return try places.compactMap { purpose, path in
            if replaced.contains(purpose), access(path, F_OK) != 0 { return nil }
            return HeldKey(purpose: purpose, key: try key(path), place: .configured(path))
        }
    }

    static func key(_ path: String) throws -> PrivateKey {
        do {
            return try PrivateKey(pem: try bytes(path))
        } catch let error as CryptoError {
            throw StartFailure.invalid("key `\(path)`: \(error)")
        }
    }

    /// The key that wraps content keys; made at the first start, never anew beside a database that
    /// needs the old one.
    static func storage(in state: String) throws -> StorageKey {
        let path = "\(state)/storage.key"
        if access(path, F_OK) != 0 {
            guard access("\(state)/selat.sqlite", F_OK) != 0 else {
                throw StartFailure.failed(
                    "storage key `\(path)` is missing beside a database; restore it from the backup"
                )
            }
            try create(path, Random.secret(AES256GCM.keyBytes).revealed())
        }
        let bytes = try bytes(path)
        guard bytes.count == AES256GCM.keyBytes else {
            throw StartFailure.invalid("storage key `\(path)` is not 32 bytes")
        }
        return StorageKey(Secret(copying: bytes))
    }

    static func create(_ path: String, _ bytes: [UInt8]) throws {
        let file = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard file >= 0 else { throw failure("making", path) }
        defer { close(file) }
        let count = bytes.withUnsafeBytes { write(file, $0.baseAddress, $0.count) }
        guard count == bytes.count, fsync(file) == 0 else { throw failure("writing", path) }
    }

    private static func bytes(_ path: String) throws -> [UInt8] {
        let file = open(path, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { throw failure("reading", path) }
        defer { close(file) }
        var status = stat()
        guard fstat(file, &status) == 0 else { throw failure("reading", path) }
        guard status.st_mode & 0o077 == 0, status.st_uid == geteuid() else {
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
