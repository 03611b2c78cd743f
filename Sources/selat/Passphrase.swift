import FoundationEssentials
import Glibc
import SelatCrypto

/// The passphrase of a person's key or the PIN of a token: from a file, or typed at a terminal that
/// does not show it.
enum Passphrase {
    /// - Returns: nil where the key is not encrypted.
    static func forKey(_ pem: [UInt8], at path: String, file: String?) throws -> [UInt8]? {
        guard String(decoding: pem, as: UTF8.self).contains("ENCRYPTED") else { return nil }
        return try line(
            of: file, prompt: "passphrase of `\(path)`: ",
            unasked: Ending(
                .usage, "key `\(path)` is encrypted, and nobody can be asked for its passphrase",
                hint: "run it at a terminal, or name a file with --passphrase-file"))
    }

    /// What is to encrypt keys that are made now, by the rule by which the daemon reads it.
    static func ofNewKeys(_ file: String) throws -> Secret {
        guard let contents = FileManager.default.contents(atPath: file) else {
            throw Ending(.failed, "reading `\(file)`: \(InputFile.hindrance(file))")
        }
        let line = contents.prefix { $0 != 0x0A }
        guard (1...lineBytesMax).contains(line.count) else {
            throw Ending(
                .usage, "`\(file)` must begin with a line of 1 to \(lineBytesMax) bytes")
        }
        return Secret(copying: Array(line))
    }

    private static let lineBytesMax = 1_024

    /// The PIN of the token that holds a key.
    static func pin(of key: String, file: String?) throws -> [UInt8] {
        try line(
            of: file, prompt: "PIN for `\(key)`: ",
            unasked: Ending(
                .usage, "key `\(key)` takes a PIN, and nobody can be asked for it",
                hint: "run it at a terminal, or name a file with --pin-file"))
    }

    private static func line(
        of file: String?, prompt: String, unasked: Ending
    ) throws -> [UInt8] {
        if let file {
            guard let contents = FileManager.default.contents(atPath: file) else {
                throw Ending(.failed, "reading `\(file)`: \(InputFile.hindrance(file))")
            }
            return contents.prefix { $0 != 0x0A }.map { $0 }
        }
        guard isatty(STDIN_FILENO) == 1 else { throw unasked }
        return try ask(prompt)
    }

    private static func ask(_ prompt: String) throws -> [UInt8] {
        let line = Unfinished.hidingWhatIsTyped { () -> String? in
            Terminal.write(prompt, to: STDERR_FILENO)
            defer { Terminal.write("\n", to: STDERR_FILENO) }
            return readLine(strippingNewline: true)
        }
        guard let line, !line.isEmpty else { throw Ending(.usage, "nothing was typed") }
        return Array(line.utf8)
    }
}
