import FoundationEssentials
import Glibc
import SelatCore
import SelatEvidence

/// A receipt as it is carried by hand: the document that travels, one line.
enum ReceiptFile {
    static let bytesMax = 1 << 20

    /// Puts it in its place, whole or not at all; the same receipt with a newer proof takes the place of
    /// the one before.
    /// - Throws: `Ending` where anything but a receipt of that transfer has the name.
    static func write(_ document: JSON, of id: TransferID, to path: String) throws {
        guard isFree(path, for: id) else {
            throw Ending(.failed, "`\(path)` exists already", hint: "name another file")
        }
        try NewFile.replace(path, by: document.canonical + [0x0A])
    }

    /// Whether nothing has the name that would be lost. What cannot be looked at is for the writing to
    /// complain of.
    private static func isFree(_ path: String, for id: TransferID) -> Bool {
        var status = stat()
        guard lstat(path, &status) == 0 else { return true }
        guard status.st_mode & S_IFMT == S_IFREG, let document = try? read(path),
            let claim = try? Receipt(parsing: document.canonical).claim
        else { return false }
        return claim.statement.id == id
    }

    /// - Throws: `Ending` for a file that holds no JSON document.
    static func read(_ path: String) throws -> JSON {
        guard let contents = FileManager.default.contents(atPath: path) else {
            throw Ending(.failed, "reading `\(path)`: \(InputFile.hindrance(path))")
        }
        guard contents.count <= bytesMax else {
            throw Ending(.verificationFailed, "`\(path)` is larger than 1 MiB: no receipt")
        }
        var bytes = Array(contents)
        if bytes.last == 0x0A { bytes.removeLast() }
        do throws(CoreError) {
            return try JSON(parsing: bytes)
        } catch {
            throw Ending(.verificationFailed, "`\(path)` is no receipt: \(error)")
        }
    }
}
