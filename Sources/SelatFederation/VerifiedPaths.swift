import SelatCore
import SelatCrypto
import Synchronization

/// Paths that were followed once. A membership that changes is another `Federation` with other
/// paths.
final class VerifiedPaths: Sendable {
    private struct Key: Hashable {
        let certificate: Digest
        let purpose: CertificatePurpose
    }

    private struct Entry {
        let verified: VerifiedCertificate
        let since: Timestamp
    }

    private let entries = Mutex<[Key: Entry]>([:])

    /// The path of `certificate`, followed now unless it was followed before and still holds.
    func verify(
        _ certificate: Certificate, by anchors: TrustAnchors, purpose: CertificatePurpose,
        at time: Timestamp
    ) throws(CryptoError) -> VerifiedCertificate {
        let key = Key(certificate: certificate.digest, purpose: purpose)
        if let entry = entries.withLock({ $0[key] }), entry.verified.country == anchors.country,
            (entry.since..<entry.verified.validUntil).contains(time)
        {
            return entry.verified
        }
        let verified = try anchors.verify(certificate, purpose: purpose, at: time)
        guard verified.validUntil > time else { return verified }
        entries.withLock { entries in
            if entries.count >= Self.entriesMax { entries.removeAll() }
            entries[key] = Entry(verified: verified, since: time)
        }
        return verified
    }

    private static let entriesMax = 65_536
}
