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
    let pointer: OpaquePointer

    /// - Throws: `CryptoError.unreadableCRL` for bytes that are not one version 2 list in DER with
    ///   a nextUpdate, of at most 1 MiB.
    package init(der: [UInt8]) throws(CryptoError) {
        guard der.count <= Self.bytesMax else {
            throw .unreadableCRL("larger than \(Self.bytesMax) bytes")
        }
        do throws(DERError) {
            var outer = DERReader(der)
            var list = try outer.sequence()
            try outer.end("the list")
            var body = try list.sequence()
            try body.expect(DER.integer(1), "the list's version")
            _ = try body.content(DER.Tag.sequence)
            issuer = Array(try body.element(DER.Tag.sequence))
            thisUpdate = try body.time()
            nextUpdate = try body.time()
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

    package var pem: String { PEM.text("X509 CRL", der) }

    private static let bytesMax = 1_048_576
}
