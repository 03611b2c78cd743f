import Glibc
import SelatCore
import SelatCrypto
import SelatFederation

/// The folder of a node that joins: keys, requests, sheet and configuration.
struct NodeFolder {
    let path: String

    /// - Parameter path: absolute, or below the folder where the command runs.
    init(_ path: String) { self.path = AbsolutePath.of(path) }

    func key(_ purpose: KeyPurpose) -> String { "\(path)/keys/\(purpose.rawValue).key" }
    /// Beside the key, where the daemon looks for it.
    func certificate(_ purpose: KeyPurpose) -> String { "\(path)/keys/\(purpose.rawValue).pem" }
    func request(_ purpose: KeyPurpose) -> String { "\(path)/requests/\(purpose.rawValue).csr" }
    var sheet: String { "\(path)/join.json" }
    var readableSheet: String { "\(path)/join.txt" }
    var configuration: String { "\(path)/selatd.yaml" }

    /// - Throws: `Ending` where a key lies there already, which may be in use, or any other of the files.
    func make() throws {
        for purpose in KeyPurpose.allCases where access(key(purpose), F_OK) == 0 {
            throw Ending(
                .failed, "`\(key(purpose))` exists already, and no key is overwritten",
                hint: "name another folder with --out, or remove what an earlier try left")
        }
        try NewFile.requireFree(
            KeyPurpose.certified.map(request) + [sheet, readableSheet, configuration])
        for folder in ["", "/keys", "/requests"] { try NewFile.makeFolder(path + folder) }
    }

    /// The sheet that `selat join` wrote here.
    func readSheet() throws -> JoinSheet { try Self.readSheet(sheet) }

    static func readSheet(_ path: String) throws -> JoinSheet {
        do {
            return try JoinSheet(content: try OfficerKey.bytes(of: path))
        } catch let error as FederationError {
            throw Ending(
                .verificationFailed, "`\(path)`: \(error)",
                hint: "take the file as `selat join` wrote it, by a way that keeps its bytes")
        }
    }
}

/// What a path that somebody typed means everywhere.
enum AbsolutePath {
    static func of(_ path: String) -> String {
        guard !path.hasPrefix("/") else { return trimmed(path) }
        guard let own = getcwd(nil, 0) else { return path }
        defer { free(own) }
        return trimmed("\(String(cString: own))/\(path)")
    }

    private static func trimmed(_ path: String) -> String {
        path.count > 1 && path.hasSuffix("/") ? String(path.dropLast()) : path
    }
}
