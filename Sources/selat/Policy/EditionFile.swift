import FoundationEssentials
import Glibc
import SelatCore
import SelatCrypto
import SelatPolicy

/// A policy file and the signatures beside it.
struct EditionFile {
    let path: String
    let source: PolicySource
    let head: EditionHead
    /// DER; nil where nobody has signed.
    let signatures: [UInt8]?

    var signaturesPath: String { "\(path).p7s" }

    /// - Throws: `Ending` for a file that cannot be read, `PolicyErrors` for one without a sound head.
    init(_ path: String) throws {
        self.path = path
        guard let contents = FileManager.default.contents(atPath: path) else {
            throw Ending(.failed, "reading `\(path)`: \(InputFile.hindrance(path))")
        }
        source = PolicySource(name: path, bytes: Array(contents))
        head = try EditionHead(source)
        signatures = try Self.signatures(beside: path)
    }

    /// What lies beside a policy file; nil where nothing does.
    /// - Throws: `Ending` for what cannot be read: taken for nothing, it would be replaced, or not handed on.
    static func signatures(beside path: String) throws -> [UInt8]? {
        let place = "\(path).p7s"
        var status = stat()
        guard lstat(place, &status) == 0 else { return nil }
        guard let contents = FileManager.default.contents(atPath: place) else {
            throw Ending(.failed, "reading `\(place)`: \(InputFile.hindrance(place))")
        }
        return Array(contents)
    }

    /// How many have signed these very bytes; the signatures themselves are not verified.
    /// - Throws: `Ending` where the signatures are unreadable or over other bytes.
    func unverifiedCount() throws -> Int {
        guard let signatures else { return 0 }
        do {
            let signers = try CMS.unverifiedSigners(
                ofDetached: signatures, content: source.bytes, type: .policyEdition)
            guard signers.allSatisfy(\.isOverContent) else {
                throw Ending(
                    .verificationFailed, "`\(signaturesPath)` is over other bytes than `\(path)`",
                    hint: "it is of another edition: sign this one with --anew")
            }
            return signers.count
        } catch let error as CryptoError {
            throw Ending(.verificationFailed, "`\(signaturesPath)`: \(error)")
        }
    }

    /// Which of these files no officer has signed as they are; nil where all are signed. How many must,
    /// and whether they may, the daemon says.
    static func note(ofUnsigned paths: [String]) -> String? {
        let unsigned = paths.filter { path in
            guard let edition = try? EditionFile(path) else { return true }
            return (try? edition.unverifiedCount()) ?? 0 == 0
        }
        guard !unsigned.isEmpty else { return nil }
        let names = unsigned.compactMap { $0.split(separator: "/").last.map { "`\($0)`" } }
        let which =
            unsigned.count == paths.count ? "no file is signed" : names.joined(separator: ", ")
        return "unsigned: \(which); a node judges by signed files alone (selat policy sign)"
    }

    /// Puts the signatures beside the file, whole or not at all.
    func write(signatures: [UInt8]) throws {
        try NewFile.replace(signaturesPath, by: signatures)
    }
}
