import COpenSSL
package import SelatCore

/// A certificate revocation list (RFC 5280, 5), readable but not yet judged: `TrustAnchors.verify`
/// checks who signed it.
// SAFETY: immutable; OpenSSL guards what it caches inside an X509_CRL with its own lock.
package final class CRL: @unchecked Sendable {
    package let der: [UInt8]
    /// DER of the issuer's Name.
    package let issuer: [UInt8]
    package let thisUpdate: Timestamp
    package let nextUpdate: Timestamp
    /// crlNumber (RFC 5280, 5.2.3); of one issuer's lists it never falls.
    package let number: UInt64
    /// The bytes that the issuer has signed (`tbsCertList`): an ECDSA signature has a second form (n − s) that
    /// anybody can make of it, and says no more.
    package let signedBytes: ArraySlice<UInt8>
    let pointer: OpaquePointer

    /// - Throws: `CryptoError.unreadableCRL` for bytes that are not one version 2 list in DER with
    ///   a nextUpdate and a crlNumber of at most 8 bytes, of at most 1 MiB.
    package init(der: [UInt8]) throws(CryptoError) {
        guard der.count <= Self.bytesMax else {
            throw .unreadableCRL("larger than \(Self.bytesMax) bytes")
        }
        do throws(DERError) {
            var outer = DERReader(der)
            var list = try outer.sequence()
            try outer.end("the list")
            let signed = try list.element(DER.Tag.sequence)
            signedBytes = signed
            var wrapped = DERReader(signed)
            var body = try wrapped.sequence()
            try body.expect(DER.integer(1), "the list's version")
            _ = try body.content(DER.Tag.sequence)
            issuer = Array(try body.element(DER.Tag.sequence))
            thisUpdate = try body.time()
            nextUpdate = try body.time()
            if body.nextTag == DER.Tag.sequence { _ = try body.content(DER.Tag.sequence) }
            var extensions = try body.inside(DER.Tag.context | DER.Tag.constructed)
            try body.end("the list's body")
            number = try Self.number(in: try extensions.sequence())
            try extensions.end("the list's extensions")
        } catch {
            throw .unreadableCRL(error.reason)
        }
        self.der = der
        let decoded: OpaquePointer? = der.withUnsafeBufferPointer { bytes in
            ERR_clear_error()
            var cursor = bytes.baseAddress
            return d2i_X509_CRL(nil, &cursor, bytes.count)
        }
        guard let decoded else {
            throw .unreadableCRL(CryptoError.drain().joined(separator: "; "))
        }
        pointer = decoded
    }

    /// - Returns: every `X509 CRL` block of the text, at least one.
    /// - Throws: `CryptoError.unreadableCRL` or `.unreadablePEM`.
    package static func all(pem: [UInt8]) throws(CryptoError) -> [CRL] {
        var lists: [CRL] = []
        for block in try PEM.blocks("X509 CRL", in: pem) { lists.append(try CRL(der: block)) }
        guard !lists.isEmpty else { throw .unreadableCRL("no `X509 CRL` block") }
        return lists
    }

    deinit { X509_CRL_free(pointer) }

    /// Whether `authority` issued the list: its name, and its signature.
    package func isIssued(by authority: Certificate) -> Bool {
        ERR_clear_error()
        defer { ERR_clear_error() }
        return authority.subject == issuer
            && X509_CRL_verify(pointer, authority.publicKey.pointer) == 1
    }

    /// When a certificate was revoked by this list's word; nil where the list does not name it.
    func revocation(of certificate: Certificate) -> Timestamp? {
        ERR_clear_error()
        defer { ERR_clear_error() }
        var entry: OpaquePointer?
        guard X509_CRL_get0_by_cert(pointer, &entry, certificate.pointer) == 1 else { return nil }
        // A date that cannot be read revokes from ever on.
        let ever = Timestamp(seconds: .min)
        guard let epoch = ASN1_TIME_set(nil, 0) else { return ever }
        defer { ASN1_TIME_free(epoch) }
        var days: Int32 = 0
        var seconds: Int32 = 0
        guard let date = X509_REVOKED_get0_revocationDate(entry),
            ASN1_TIME_diff(&days, &seconds, epoch, date) == 1
        else { return ever }
        return Timestamp(seconds: Int64(days) * 86_400 + Int64(seconds))
    }

    private static func number(in extensions: DERReader) throws(DERError) -> UInt64 {
        var extensions = extensions
        while !extensions.isAtEnd {
            var one = try extensions.sequence()
            let name = try one.oid()
            if one.nextTag == DER.Tag.boolean { try one.expect(DER.yes, "criticality") }
            var value = try one.inside(DER.Tag.octetString)
            try one.end("an extension of the list")
            guard name == .crlNumber else { continue }
            let digits = try value.integer()
            try value.end("crlNumber")
            guard digits.first.map({ $0 < 0x80 }) ?? false else {
                throw DERError("a crlNumber below zero")
            }
            guard digits.drop(while: { $0 == 0 }).count <= 8 else {
                throw DERError("a crlNumber over 8 bytes")
            }
            return digits.reduce(0) { $0 << 8 | UInt64($1) }
        }
        throw DERError("no crlNumber")
    }

    package var pem: String { PEM.text("X509 CRL", der) }

    private static let bytesMax = 1_048_576
}
