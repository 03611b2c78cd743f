package import SelatCore
package import SelatCrypto

/// Why an envelope cannot be made, or must not be believed.
package enum EnvelopeError: Error, Hashable, Sendable, CustomStringConvertible {
    /// A part is not of the form that Format describes.
    case malformed(_ part: String, _ reason: String)
    /// A part's digest is not the one in the header.
    case partDiffers(_ part: String)
    /// A field of the manifest or the header contradicts the other.
    case contradiction(_ what: String)
    /// The header is not signed by the sender that it names.
    case wrongSigner(claimed: NodeID, signer: String)
    /// The envelope is for another node or another key of this node.
    case wrongRecipient(to: NodeID)
    /// A key, signature or part of another kind than the suite has.
    case suiteUnfit(Suite, _ what: String)
    /// A segment of the payload is not the one that the leaves name.
    case segmentDiffers(index: UInt64)
    /// The payload or dataset has another size than announced.
    case sizeDiffers(expected: UInt64, actual: UInt64)
    /// A path that a dataset must not have.
    case unsafePath(_ path: String, _ reason: String)
    /// A given hash of a resource does not match its bytes.
    case hashDiffers(path: String)
    /// Cryptography said no.
    case crypto(CryptoError)
    /// The system refused to read or write.
    case file(FileFault)
    /// The caller gave up.
    case cancelled

    package var description: String {
        switch self {
        case .malformed(let part, let reason): "malformed \(part): \(reason)"
        case .partDiffers(let part): "`\(part)` does not have the digest that the header names"
        case .contradiction(let what): "\(what) differs between header and manifest"
        case .wrongSigner(let claimed, let signer):
            "header names sender `\(claimed)` and is signed by `\(signer)`"
        case .wrongRecipient(let node): "envelope is for a key of `\(node)` that is not held here"
        case .suiteUnfit(let suite, let what): "\(what) does not fit \(suite)"
        case .segmentDiffers(let index): "segment \(index) of the payload differs from its leaf"
        case .sizeDiffers(let expected, let actual):
            "expected \(expected) bytes, got \(actual)"
        case .unsafePath(let path, let reason): "path `\(path)` in the dataset \(reason)"
        case .hashDiffers(let path): "`\(path)` does not have the hash that its description gives"
        case .crypto(let error): "\(error)"
        case .file(let fault): "\(fault)"
        case .cancelled: "cancelled"
        }
    }
}

/// Turns cryptography's errors into this module's.
func withCrypto<Result: ~Copyable>(
    _ body: () throws(CryptoError) -> Result
) throws(EnvelopeError) -> Result {
    do throws(CryptoError) { return try body() } catch { throw .crypto(error) }
}

/// Turns the file system's refusals into this module's.
func withFile<Result: ~Copyable>(
    _ body: () throws(FileFault) -> Result
) throws(EnvelopeError) -> Result {
    do throws(FileFault) { return try body() } catch { throw .file(error) }
}

/// Turns errors of reading values into this module's, naming the part.
func reading<Result>(
    _ part: String, _ body: () throws(CoreError) -> Result
) throws(EnvelopeError) -> Result {
    do throws(CoreError) { return try body() } catch { throw .malformed(part, "\(error)") }
}
