import FoundationEssentials
import Glibc
import SelatCore
import SelatCrypto
import SelatFederation

/// A file with a list or a record: JSON that nobody has signed, or a CMS message.
struct ProposalFile {
    let path: String
    let proposal: Proposal
    /// DER; nil where nobody has signed.
    let message: [UInt8]?

    /// - Throws: `Ending`: what cannot be read is 1, what is no such document 78.
    init(_ path: String) throws {
        self.path = path
        let bytes = try Self.bytes(of: path)
        do {
            if bytes.first == 0x30 {
                proposal = try Proposal(unverified: bytes)
                message = bytes
            } else {
                proposal = try Proposal(json: bytes)
                message = nil
            }
        } catch {
            throw Ending(.invalidConfiguration, "`\(path)`: \(error)")
        }
    }

    /// Reads a file that is no larger than a document may be.
    static func bytes(of path: String) throws -> [UInt8] {
        let size = try? FileManager.default.attributesOfItem(atPath: path)[.size] as? Int
        guard let size else {
            throw Ending(.failed, "reading `\(path)`: \(InputFile.hindrance(path))")
        }
        guard size <= FederationLimits.documentBytesMax else {
            throw Ending(.invalidConfiguration, "`\(path)` is larger than 4 MiB")
        }
        guard let contents = FileManager.default.contents(atPath: path) else {
            throw Ending(.failed, "reading `\(path)`: \(InputFile.hindrance(path))")
        }
        return Array(contents)
    }

    /// Where the signed form of this file goes: a message is renewed, JSON gets one beside it.
    var signedPath: String {
        guard message == nil else { return path }
        return (path.hasSuffix(".json") ? String(path.dropLast(5)) : path) + ".cms"
    }

    /// Writes a file whole or not at all.
    /// - Parameter replacing: whether a file of that name may be there.
    static func write(_ bytes: [UInt8], to path: String, replacing: Bool) throws {
        if replacing { return try NewFile.replace(path, by: bytes) }
        let hidden = "\(path).\(getpid())"
        defer { unlink(hidden) }
        try NewFile.write(bytes, to: hidden, mode: 0o644)
        guard NewFile.name(hidden, as: path) else {
            let code = errno
            throw Ending(
                .failed, "writing `\(path)`: \(String(cString: strerror(code)))",
                hint: code == EEXIST ? "name another file with --out" : nil)
        }
    }
}

extension Ending {
    /// A signature that does not hold is another thing than a document that nobody may sign.
    init(judging path: String, _ error: FederationError) {
        switch error {
        case .notTrusted: self.init(.verificationFailed, "`\(path)`: \(error)")
        default: self.init(.invalidConfiguration, "`\(path)`: \(error)")
        }
    }
}
