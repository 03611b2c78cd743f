import FoundationEssentials
import Glibc
import Logging
import SelatCore
import SelatCrypto
import SelatExchange
import SelatFederation

/// The keys that the daemon makes itself: `keys/` in its state directory.
struct StateKeys: KeyShelf {
    private let state: String
    private let files: KeyFiles
    private var folder: String { "\(state)/keys" }

    init(state: String, files: KeyFiles) {
        self.state = state
        self.files = files
    }

    /// Ends what a crash has broken off. What is over was recorded so and has another name, or is zeros
    /// alone, so what cannot be removed here hinders no start.
    func finishDestroying(_ logger: Logger) {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
        for name in names.sorted() {
            let path = "\(folder)/\(name)"
            // One that cannot be read is for `held` to complain of.
            let isZeros = name.hasSuffix(".key") && (try? KeyFiles.isGone(path)) == true
            guard isZeros || name.hasSuffix(Self.overSuffix) else { continue }
            do {
                try overwrite(path)
                try KeyFiles.synchronize(folder: folder)
            } catch {
                logger.warning(
                    "a key that is over must be removed by hand",
                    metadata: ["key": "\(path)", "error": "\(error)"])
            }
        }
    }

    /// What lies there, oldest first.
    /// - Throws: `StartFailure` for a file that is no key of a known purpose: a key that is
    ///   overlooked would be missed only when it is too late.
    func held() throws -> [HeldKey] {
        guard access(folder, F_OK) == 0 else { return [] }
        guard let names = try? FileManager.default.contentsOfDirectory(atPath: folder) else {
            throw StartFailure.failed("listing `\(folder)`: it cannot be read")
        }
        return try names.filter { $0.hasSuffix(".key") }.sorted().compactMap { name in
            let path = "\(folder)/\(name)"
            guard let purpose = KeyPurpose(rawValue: String(name.prefix { $0 != "-" })) else {
                throw StartFailure.invalid("`\(path)` names no purpose of a key; move it away")
            }
            if try KeyFiles.isGone(path) { return nil }
            return try files.held(purpose, path, .made(path))
        }
    }

    /// - Throws: a problem where the purpose's key lies in a token: a key that comes to lie in a file
    ///   instead would be a weaker one, and nobody would have decided that.
    func make(_ purpose: KeyPurpose, _ kind: HeldKey.Kind) throws -> HeldKey {
        guard !files.inToken.contains(purpose) else {
            throw ServiceProblem.notReady(
                "the \(purpose.rawValue) key lies in a token, where the daemon makes none",
                remedy:
                    "make the next one in the token, have it certified and listed, name it under "
                    + "`keys`, and restart the daemon")
        }
        guard mkdir(folder, 0o700) == 0 || errno == EEXIST else {
            throw KeyFiles.failure("making", folder)
        }
        // The folder may be new, or its maker may have ended before its name was durable.
        try KeyFiles.synchronize(folder: state)
        try removeUnfinished()
        let held = try generate(purpose, kind)
        try files.create(held)
        return held
    }

    /// Removes what a making that was broken off has left. It is not overwritten: it may be a second
    /// name of a key that is in use, and what is not was never listed and opens nothing.
    private func removeUnfinished() throws {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
        for path in names.filter({ $0.hasSuffix(".new") }).map({ "\(folder)/\($0)" }) {
            guard unlink(path) == 0 || errno == ENOENT else {
                throw KeyFiles.failure("removing", path)
            }
        }
    }

    private func generate(_ purpose: KeyPurpose, _ kind: HeldKey.Kind) throws -> HeldKey {
        func place(_ digest: Digest) -> HeldKey.Place {
            .made("\(folder)/\(purpose.rawValue)-\(Hex.encode(digest.bytes.prefix(8))).key")
        }
        switch kind {
        case .pair(let kind):
            let key = try PrivateKey.generate(kind)
            return HeldKey(
                purpose: purpose, key: key, place: place(SHA256.digest(key.publicKey.spki)))
        case .mlkem(let kind):
            let key = try MLKEMPrivateKey.generate(kind)
            return HeldKey(mlkem: key, place: place(key.publicKey.digest))
        }
    }

    /// Overwrites the bytes before the name goes. On storage that moves what it writes the old bytes
    /// may outlive that: who fears it keeps the state on an encrypted volume.
    func destroy(_ place: HeldKey.Place) throws {
        let path = place.description
        guard !TokenKeyName.isOne(path) else {
            throw StartFailure.failed("`\(path)` lies in a token; remove it there")
        }
        guard case .made = place else { return try overwrite(path) }
        // Under its own name a key that is half overwritten would stop the next start.
        let over = path + Self.overSuffix
        guard rename(path, over) == 0 || errno == ENOENT else {
            throw KeyFiles.failure("destroying", path)
        }
        guard access(over, F_OK) == 0 else { return }
        try KeyFiles.synchronize(folder: folder)
        try overwrite(over)
        try KeyFiles.synchronize(folder: folder)
    }

    /// Of a key that is over and not removed yet.
    private static let overSuffix = ".over"

    /// Overwrites a file with zeros and removes it; one that is gone is no error.
    private func overwrite(_ path: String) throws {
        let file = open(path, O_WRONLY | O_CLOEXEC)
        if file < 0, errno == ENOENT { return }
        guard file >= 0 else { throw KeyFiles.failure("destroying", path) }
        defer { close(file) }
        let size = lseek(file, 0, SEEK_END)
        guard size >= 0, lseek(file, 0, SEEK_SET) == 0 else {
            throw KeyFiles.failure("destroying", path)
        }
        let zeros = [UInt8](repeating: 0, count: Int(size))
        let count = zeros.withUnsafeBytes { write(file, $0.baseAddress, $0.count) }
        guard count == zeros.count, fsync(file) == 0, unlink(path) == 0 || errno == ENOENT else {
            throw KeyFiles.failure("destroying", path)
        }
    }
}
