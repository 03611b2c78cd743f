import FoundationEssentials
import Glibc
import SelatCore

/// A receipt as it is carried by hand: the document that travels, one line.
enum ReceiptFile {
    static let bytesMax = 1 << 20

    /// Puts it in its place, whole or not at all; the same receipt with a newer proof takes the place of
    /// the one before.
    static func write(_ document: JSON, to path: String) throws {
        let hidden = "\(path).\(getpid())"
        do {
            try NewFile.write(document.canonical + [0x0A], to: hidden, mode: 0o644)
            guard rename(hidden, path) == 0 else {
                throw Ending(
                    .failed, "writing `\(path)`: \(String(cString: strerror(errno)))")
            }
        } catch {
            unlink(hidden)
            throw error
        }
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
