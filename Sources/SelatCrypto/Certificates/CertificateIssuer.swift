package import SelatCore

/// A certificate authority in this process: for sandboxes and tests. Real members issue with their
/// own authority, by the same profiles (`certs/`).
package struct CertificateIssuer: Sendable {
    package let certificate: Certificate
    private let key: PrivateKey

    /// Takes up an authority that exists.
    /// - Throws: `CryptoError.unreadableKey` unless the key is the certificate's.
    package init(certificate: Certificate, key: PrivateKey) throws(CryptoError) {
        guard certificate.isAuthority, certificate.publicKey == key.publicKey else {
            throw .unreadableKey("it is not the key of a CA certificate `\(certificate)`")
        }
        self.certificate = certificate
        self.key = key
    }

    /// A new root authority named `name`, in `country` where one is given.
    /// - Throws: `CryptoError.unreadableKey` for a key that is not EC.
    package init(
        root name: String, country: Country?, key: PrivateKey, from: Timestamp, until: Timestamp
    ) throws(CryptoError) {
        let subject = DistinguishedName.der(country: country, commonName: name)
        let extensions = [
            Extension.der(.basicConstraints, isCritical: true, DER.sequence(DER.yes)),
            Extension.keyUsage([.certificateSigning, .revocationListSigning]),
            Extension.subjectKey(key.publicKey),
        ]
        let der = try CertificateTemplate(
            issuer: subject, subject: subject, publicKey: key.publicKey, from: from, until: until,
            extensions: extensions
        ).signed(by: key)
        try self.init(certificate: Certificate(der: der), key: key)
    }

    /// Issues a certificate for one purpose; TLS certificates serve both sides.
    /// - Parameters:
    ///   - uri: the subject's `selat:` URI, such as `NodeID.uri`.
    ///   - hosts: DNS names, for TLS.
    /// - Throws: `CryptoError.openSSL` when signing fails.
    package func issue(
        for purpose: CertificatePurpose, uri: String, hosts: [String] = [], to publicKey: PublicKey,
        from: Timestamp, until: Timestamp
    ) throws(CryptoError) -> Certificate {
        let isTLS = purpose == .tlsServer || purpose == .tlsClient
        let usages = isTLS ? [OID.serverAuth, .clientAuth] : [purpose.usage]
        let extensions = [
            Extension.der(.basicConstraints, isCritical: true, DER.sequence()),
            Extension.keyUsage(purpose.keyUsage),
            Extension.der(.extendedKeyUsage, DER.sequence(Array(usages.map(\.der).joined()))),
            Extension.alternativeNames(uri: uri, hosts: hosts),
            Extension.subjectKey(publicKey), Extension.authorityKey(certificate.publicKey),
        ]
        let template = CertificateTemplate(
            issuer: certificate.subject,
            subject: DistinguishedName.der(commonName: String(uri.prefix(64))),
            publicKey: publicKey, from: from, until: until, extensions: extensions)
        return try Certificate(der: template.signed(by: key))
    }

    /// A revocation list of everything that this authority has revoked so far.
    /// - Parameter number: crlNumber, which never falls.
    /// - Throws: `CryptoError.openSSL` when signing fails.
    package func revocationList(
        revoking revoked: [Certificate: Timestamp] = [:], number: UInt64, from: Timestamp,
        until: Timestamp
    ) throws(CryptoError) -> CRL {
        let entries = revoked.sorted { $0.key.digest < $1.key.digest }.map { certificate, time in
            DER.sequence(
                DER.integer(certificate.issuerAndSerial.serial), DER.time(time))
        }
        let extensions = DER.sequence(
            Extension.authorityKey(certificate.publicKey),
            Extension.der(.crlNumber, DER.integer(number)))
        let body = DER.sequence(
            DER.integer(1), try CertificateTemplate.signatureIdentifier(of: key),
            certificate.subject, DER.time(from), DER.time(until),
            entries.isEmpty ? [] : DER.sequence(Array(entries.joined())),
            DER.explicit(0, extensions))
        return try CRL(der: CertificateTemplate.sign(body, with: key))
    }
}

extension Certificate {
    /// A certificate for backups that its own key has issued: whoever names it in a configuration trusts
    /// it, and nobody else is asked.
    /// - Throws: `CryptoError.unreadableKey` for a key that is not EC.
    package static func forBackups(
        named name: String, key: PrivateKey, from: Timestamp, until: Timestamp
    ) throws(CryptoError) -> Certificate {
        let purpose = CertificatePurpose.backup
        let subject = DistinguishedName.der(commonName: name)
        let extensions = [
            Extension.der(.basicConstraints, isCritical: true, DER.sequence()),
            Extension.keyUsage(purpose.keyUsage),
            Extension.der(.extendedKeyUsage, DER.sequence(purpose.usage.der)),
            Extension.subjectKey(key.publicKey),
        ]
        return try Certificate(
            der: CertificateTemplate(
                issuer: subject, subject: subject, publicKey: key.publicKey, from: from,
                until: until, extensions: extensions
            ).signed(by: key))
    }
}

/// A certificate before its signature (RFC 5280, 4.1).
struct CertificateTemplate {
    let issuer: [UInt8]
    let subject: [UInt8]
    let publicKey: PublicKey
    let from: Timestamp
    let until: Timestamp
    let extensions: [[UInt8]]

    /// With a fresh serial number of 127 random bits.
    func signed(by key: PrivateKey) throws(CryptoError) -> [UInt8] {
        var serial = Random.bytes(16)
        serial[0] = serial[0] & 0x7F | 0x40
        let body = DER.sequence(
            DER.explicit(0, DER.integer(2)), DER.integer(serial),
            try Self.signatureIdentifier(of: key), issuer,
            DER.sequence(DER.time(from), DER.time(until)), subject, publicKey.spki,
            DER.explicit(3, DER.sequence(Array(extensions.joined()))))
        return try Self.sign(body, with: key)
    }

    static func sign(_ body: [UInt8], with key: PrivateKey) throws(CryptoError) -> [UInt8] {
        DER.sequence(body, try signatureIdentifier(of: key), DER.bits(try key.sign(body)))
    }

    static func signatureIdentifier(of key: PrivateKey) throws(CryptoError) -> [UInt8] {
        guard let algorithm = SignatureAlgorithm(key.kind) else {
            throw .unreadableKey("\(key.kind.rawValue) keys do not issue certificates")
        }
        return algorithm.signatureIdentifier
    }
}

enum DistinguishedName {
    static func der(country: Country? = nil, commonName: String) -> [UInt8] {
        let country = country.map { country in
            attribute(.countryName, DER.element(0x13, Array(country.code.utf8)))
        }
        return DER.sequence(country ?? [], attribute(.commonName, DER.text(commonName)))
    }

    private static func attribute(_ name: OID, _ value: [UInt8]) -> [UInt8] {
        DER.set([DER.sequence(name.der, value)])
    }
}

/// Certificate extensions (RFC 5280, 4.2).
enum Extension {
    static func der(_ name: OID, isCritical: Bool = false, _ value: [UInt8]) -> [UInt8] {
        DER.sequence(name.der, isCritical ? DER.yes : [], DER.octets(value))
    }

    static func keyUsage(_ usage: KeyUsage) -> [UInt8] {
        der(.keyUsage, isCritical: true, DER.namedBits(usage.rawValue))
    }

    static func alternativeNames(uri: String, hosts: [String]) -> [UInt8] {
        let names =
            [DER.element(DER.Tag.context | 6, Array(uri.utf8))]
            + hosts.map { DER.element(DER.Tag.context | 2, Array($0.utf8)) }
        return der(.subjectAltName, DER.sequence(Array(names.joined())))
    }

    static func subjectKey(_ key: PublicKey) -> [UInt8] {
        der(.subjectKeyIdentifier, DER.octets(identifier(key)))
    }

    static func authorityKey(_ key: PublicKey) -> [UInt8] {
        let keyIdentifier = DER.element(DER.Tag.context | 0, identifier(key))
        return der(.authorityKeyIdentifier, DER.sequence(keyIdentifier))
    }

    /// The leftmost 160 bits of SHA-256 of the public key (RFC 7093, method 1).
    private static func identifier(_ key: PublicKey) -> [UInt8] {
        Array(SHA256.digest(key.raw).bytes.prefix(20))
    }
}
