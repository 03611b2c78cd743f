import COpenSSL
package import SelatCore

/// A certificate's name in CMS (RFC 5652, 10.2.4): its issuer and its serial number, as bytes.
package struct IssuerAndSerial: Hashable, Sendable, CustomStringConvertible {
    /// DER of the issuer's Name.
    package let issuer: [UInt8]
    /// Content of the INTEGER, big-endian.
    package let serial: [UInt8]

    package var description: String { "serial \(Hex.encode(serial))" }

    func encode(into writer: inout DERWriter) {
        writer.sequence {
            $0.append(issuer)
            $0.primitive(DER.Tag.integer, serial)
        }
    }
}

/// An X.509 certificate within Selat's profile: DER, version 3, an EC key. Readable is not trusted:
/// only `TrustAnchors.verify` makes a `VerifiedCertificate`.
// SAFETY: immutable; OpenSSL guards what it caches inside an X509 with its own lock.
package final class Certificate: Hashable, @unchecked Sendable, CustomStringConvertible {
    package let der: [UInt8]
    /// SHA-256 of `der`.
    package let digest: Digest
    package let issuerAndSerial: IssuerAndSerial
    /// DER of the subject's Name.
    package let subject: [UInt8]
    package let notBefore: Timestamp
    package let notAfter: Timestamp
    package let publicKey: PublicKey
    /// Every URI among the subject's alternative names, in order.
    package let uris: [String]
    /// The node that the certificate names, if it names exactly one and no officer.
    package let node: NodeID?
    package let extendedKeyUsages: Set<OID>
    /// Whether the certificate may issue others.
    package let isAuthority: Bool
    let keyUsage: KeyUsage
    let pointer: OpaquePointer

    /// - Throws: `CryptoError.unreadableCertificate` for bytes that are not one certificate in DER
    ///   within the profile, of at most 16 KiB.
    package init(der: [UInt8]) throws(CryptoError) {
        guard der.count <= Self.bytesMax else {
            throw .unreadableCertificate("larger than \(Self.bytesMax) bytes")
        }
        let fields: CertificateFields
        do throws(DERError) {
            fields = try CertificateFields(der)
        } catch {
            throw .unreadableCertificate(error.reason)
        }
        publicKey = try PublicKey(spki: fields.spki)
        self.der = der
        digest = SHA256.digest(der)
        issuerAndSerial = IssuerAndSerial(issuer: fields.issuer, serial: fields.serial)
        subject = fields.subject
        notBefore = fields.notBefore
        notAfter = fields.notAfter
        uris = fields.uris
        node = Self.selatURI(among: fields.uris).flatMap { try? NodeID(uri: $0) }
        extendedKeyUsages = fields.extendedKeyUsages
        isAuthority = fields.isAuthority
        keyUsage = fields.keyUsage
        let decoded: OpaquePointer? = der.withUnsafeBufferPointer { bytes in
            ERR_clear_error()
            var cursor = bytes.baseAddress
            return d2i_X509(nil, &cursor, bytes.count)
        }
        guard let decoded else {
            throw .unreadableCertificate(CryptoError.drain().joined(separator: "; "))
        }
        pointer = decoded
    }

    /// - Parameter pem: a text with exactly one `CERTIFICATE` block.
    /// - Throws: `CryptoError.unreadableCertificate` or `.unreadablePEM`.
    package convenience init(pem: [UInt8]) throws(CryptoError) {
        let blocks = try PEM.blocks("CERTIFICATE", in: pem)
        guard blocks.count == 1 else {
            throw .unreadableCertificate("\(blocks.count) PEM blocks, expected one")
        }
        try self.init(der: blocks[0])
    }

    deinit { X509_free(pointer) }

    package var pem: String { PEM.text("CERTIFICATE", der) }

    /// The only `selat:` URI, or nil where there is none or more than one.
    package var selatURI: String? { Self.selatURI(among: uris) }

    private static func selatURI(among uris: [String]) -> String? {
        let own = uris.filter { $0.lowercased().hasPrefix("selat:") }
        return own.count == 1 ? own[0] : nil
    }

    /// The officer that the certificate names, if it names exactly one.
    package var officer: OfficerID? { selatURI.flatMap { try? OfficerID(uri: $0) } }

    /// The purpose for which it was issued, by its extended key usages alone; nil where they are of
    /// none or of several. TLS certificates serve both sides and are `tlsServer` here.
    package var purpose: CertificatePurpose? {
        CertificatePurpose.allCases.first {
            extendedKeyUsages.contains($0.usage) && extendedKeyUsages.isSubset(of: $0.usagesAllowed)
        }
    }

    /// Whether it names itself as its issuer, and its own key has signed it.
    var isSelfSigned: Bool {
        ERR_clear_error()
        defer { ERR_clear_error() }
        return issuerAndSerial.issuer == subject && X509_verify(pointer, publicKey.pointer) == 1
    }

    package var description: String { uris.first ?? issuerAndSerial.description }
    package static func == (a: Certificate, b: Certificate) -> Bool { a.digest == b.digest }
    package func hash(into hasher: inout Hasher) { hasher.combine(digest) }

    package static let bytesMax = 16_384
}
