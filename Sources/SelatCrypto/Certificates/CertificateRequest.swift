/// A certification request (PKCS#10, RFC 2986): proof that who asks holds the key, and nothing else.
///
/// The name and the alternative names in it are for the reader's eyes. What a certificate says is
/// its authority's to decide (`Requests.md`).
package struct CertificateRequest: Hashable, Sendable {
    package let der: [UInt8]
    package let publicKey: PublicKey

    /// Makes a request and signs it with the key that it is for.
    /// - Parameters:
    ///   - name: the common name, such as `TH hub signing`.
    ///   - uri, hosts: the alternative names that are wished for.
    ///   - key: EC; an Ed25519 key is named by a record and needs no certificate.
    /// - Throws: `CryptoError.unreadableKey` for another kind, `.openSSL` when signing fails.
    package init(
        name: String, uri: String, hosts: [String] = [], key: PrivateKey
    ) throws(CryptoError) {
        let wished = DER.sequence(Extension.alternativeNames(uri: uri, hosts: hosts))
        let attributes = DER.element(
            DER.Tag.context | DER.Tag.constructed,
            DER.sequence(OID.extensionRequest.der, DER.set([wished])))
        let body = DER.sequence(
            DER.integer(0), DistinguishedName.der(commonName: String(name.prefix(64))),
            key.publicKey.spki, attributes)
        der = try CertificateTemplate.sign(body, with: key)
        publicKey = key.publicKey
    }

    /// - Throws: `CryptoError.unreadableRequest` for bytes that are not one request in DER of at
    ///   most 16 KiB, signed by its own key with that key's digest.
    package init(der: [UInt8]) throws(CryptoError) {
        guard der.count <= Certificate.bytesMax else {
            throw .unreadableRequest("larger than \(Certificate.bytesMax) bytes")
        }
        let fields: RequestFields
        do throws(DERError) {
            fields = try RequestFields(der)
        } catch {
            throw .unreadableRequest(error.reason)
        }
        publicKey = try PublicKey(spki: fields.spki)
        guard let algorithm = SignatureAlgorithm(publicKey.kind),
            algorithm.signatureIdentifier == fields.algorithm
        else {
            throw .unreadableRequest(
                "a \(publicKey.kind.rawValue) key signs with the digest of its curve, "
                    + "SHA-256 or SHA-384")
        }
        guard publicKey.verify(signature: fields.signature, message: fields.body) else {
            throw .unreadableRequest("who made it does not hold the key: its signature is wrong")
        }
        self.der = der
    }

    /// - Parameter pem: a text with exactly one `CERTIFICATE REQUEST` block.
    /// - Throws: `CryptoError.unreadableRequest` or `.unreadablePEM`.
    package init(pem: [UInt8]) throws(CryptoError) {
        let blocks = try PEM.blocks(Self.label, in: pem)
        guard blocks.count == 1 else {
            throw .unreadableRequest("\(blocks.count) PEM blocks, expected one")
        }
        try self.init(der: blocks[0])
    }

    package var pem: String { PEM.text(Self.label, der) }

    private static let label = "CERTIFICATE REQUEST"
}

/// What Selat reads in a request. The name and the attributes are passed over: nothing follows from
/// them, and the signature covers them.
private struct RequestFields {
    let body: [UInt8]
    let spki: [UInt8]
    let algorithm: [UInt8]
    let signature: [UInt8]

    init(_ der: [UInt8]) throws(DERError) {
        var outer = DERReader(der)
        var request = try outer.sequence()
        try outer.end("the request")
        body = Array(try request.element(DER.Tag.sequence))
        algorithm = Array(try request.element(DER.Tag.sequence))
        let bits = try request.content(DER.Tag.bitString)
        try request.end("the request")
        guard bits.first == 0 else { throw DERError("a signature that is not of whole bytes") }
        signature = Array(bits.dropFirst())
        var whole = DERReader(body)
        var info = try whole.sequence()
        try info.expect(DER.integer(0), "the request's version")
        _ = try info.content(DER.Tag.sequence)
        spki = Array(try info.element(DER.Tag.sequence))
        _ = try info.content(DER.Tag.context | DER.Tag.constructed)
        try info.end("the request's body")
    }
}
