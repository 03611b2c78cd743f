package import SelatCore
package import SelatCrypto

/// Why a backup could not be written, or is not taken.
package enum BackupError: Error, Hashable, Sendable, CustomStringConvertible {
    /// Bytes that no backup has.
    case malformed(_ part: String, _ reason: String)
    /// It ends early, or goes on behind its end.
    case size(UInt64, expected: UInt64)
    /// A later program made it.
    case newer(String)
    /// It was not sealed to this key, or was changed since.
    case crypto(CryptoError)
    case file(FileFault)

    package var description: String {
        switch self {
        case .malformed(let part, let reason): "\(part): \(reason)"
        case .size(let size, let expected):
            size < expected
                ? "it is cut off: \(size) bytes of \(expected)"
                : "\(size - expected) bytes stand behind its end"
        case .newer(let what):
            "it was made by a later program: \(what); restore it with that version or a later one"
        case .crypto(let error): error.description
        case .file(let fault): fault.description
        }
    }
}

func withCrypto<Value: ~Copyable>(
    _ body: () throws(CryptoError) -> Value
) throws(BackupError) -> Value {
    do throws(CryptoError) { return try body() } catch { throw .crypto(error) }
}

func parsed<Value>(
    _ part: String, _ body: () throws(CoreError) -> Value
) throws(BackupError) -> Value {
    do throws(CoreError) { return try body() } catch {
        throw .malformed(part, error.description)
    }
}
