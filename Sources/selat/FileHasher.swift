import NIOCore
import SelatCore
import SelatCrypto

/// Compares a file with the hash that its sender's descriptor gives, while it is written.
struct FileHasher: ~Copyable {
    enum Result {
        case notGiven
        case matches
        case differs(expected: String, got: String)
        case unknownAlgorithm(String)
    }

    private let algorithm: String
    private let expected: String?
    private var digest: NamedDigest?

    /// - Parameter hash: `sha256:…`, or bare hexadecimal for MD5 (Data Package v2, `hash`).
    init(_ hash: String?) {
        let parts = hash?.split(separator: ":", maxSplits: 1).map(String.init) ?? []
        algorithm = parts.count == 2 ? parts[0].lowercased() : "md5"
        expected = parts.last?.lowercased()
        digest =
            expected != nil && NamedDigest.algorithms.contains(algorithm)
            ? try? NamedDigest(algorithm) : nil
    }

    mutating func update(_ bytes: ByteBufferView) {
        bytes.withUnsafeBytes { digest?.update(RawSpan(_unsafeBytes: $0)) }
    }

    mutating func finish() -> Result {
        guard let expected else { return .notGiven }
        guard let got = digest?.finish() else { return .unknownAlgorithm(algorithm) }
        let text = Hex.encode(got)
        return text == expected
            ? .matches : .differs(expected: "\(algorithm):\(expected)", got: "\(algorithm):\(text)")
    }
}
