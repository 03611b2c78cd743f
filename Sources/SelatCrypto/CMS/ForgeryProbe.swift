import COpenSSL
import SelatCore

/// Feeds messages with a cut GCM tag, which OpenSSL has accepted (CVE-2026-34182), to the own check
/// and to OpenSSL, before the program opens anything of foreign origin.
package enum ForgeryProbe {
    package struct Findings: Hashable, Sendable {
        /// Tag lengths that Selat's own check lets through. Unless it is empty, do not run.
        package let admittedByOwnCheck: [Int]
        /// Tag lengths that the loaded OpenSSL alone would accept; its fixed version still accepts
        /// four bytes, so only one byte tells an old library.
        package let admittedByOpenSSL: [Int]

        package var isSafe: Bool { admittedByOwnCheck.isEmpty }

        /// What to tell an operator, or nil.
        package var warning: String? {
            admittedByOpenSSL.contains(1)
                ? "\(loadedVersion) accepts forged CMS messages (CVE-2026-34182); Selat's own "
                    + "check refuses them, but install OpenSSL \(fixedVersion) or later"
                : nil
        }
    }

    package static let fixedVersion = "3.0.22"

    /// The OpenSSL that is loaded, such as `OpenSSL 3.0.22 25 Aug 2026`.
    package static var loadedVersion: String { String(cString: OpenSSL_version(OPENSSL_VERSION)) }

    /// Takes a few milliseconds.
    /// - Throws: `CryptoError` when the probe itself cannot be made: then do not run either.
    package static func run() throws(CryptoError) -> Findings {
        let (certificate, key) = try recipient()
        let der = try CMS.encrypt(secret: Random.secret(32), to: certificate)
        let message = try SealedMessage(parsing: der)
        guard CMS.opened(der, certificate: certificate, key: key) != nil else {
            throw .unopenable("OpenSSL does not open what it has sealed")
        }
        let forgeries = tagLengths.map { length in
            var forgery = message
            forgery.tag.removeLast(SealedMessage.tagBytes - length)
            return (length, forgery.encoded())
        }
        return Findings(
            admittedByOwnCheck: forgeries.filter { _, der in
                (try? CMS.decrypt(der, certificate: certificate, key: key)) != nil
            }.map(\.0),
            admittedByOpenSSL: forgeries.filter { _, der in
                CMS.opened(der, certificate: certificate, key: key) != nil
            }.map(\.0))
    }

    private static let tagLengths = [1, 4, 8, 12, 15]

    /// A key agreement certificate that lives for this run only; nobody checks its path.
    private static func recipient() throws(CryptoError) -> (Certificate, PrivateKey) {
        let key = try PrivateKey.generate(.p256)
        let (from, until) = (Timestamp(seconds: 0), Timestamp(seconds: 1))
        let issuer = try CertificateIssuer(
            root: "probe", country: nil, key: key, from: from, until: until)
        let certificate = try issuer.issue(
            for: .agreement, uri: "selat://ZZ/probe", to: key.publicKey, from: from, until: until)
        return (certificate, key)
    }
}
