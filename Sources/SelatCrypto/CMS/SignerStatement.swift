import SelatCore

/// How a signer signs; the curve fixes the digest.
enum SignatureAlgorithm: Hashable {
    case ecdsaP256SHA256
    case ecdsaP384SHA384

    init?(_ kind: KeyKind) {
        switch kind {
        case .p256: self = .ecdsaP256SHA256
        case .p384: self = .ecdsaP384SHA384
        case .ed25519: return nil
        }
    }

    var keyKind: KeyKind { self == .ecdsaP256SHA256 ? .p256 : .p384 }

    /// AlgorithmIdentifier without parameters (RFC 5754, 2).
    var digestIdentifier: [UInt8] {
        self == .ecdsaP256SHA256 ? Self.sha256 : Self.sha384
    }

    /// AlgorithmIdentifier without parameters (RFC 5758, 3.2).
    var signatureIdentifier: [UInt8] {
        self == .ecdsaP256SHA256 ? Self.ecdsaWithSHA256 : Self.ecdsaWithSHA384
    }

    private static let sha256 = DER.sequence(OID.sha256.der)
    private static let sha384 = DER.sequence(OID.sha384.der)
    private static let ecdsaWithSHA256 = DER.sequence(OID.ecdsaWithSHA256.der)
    private static let ecdsaWithSHA384 = DER.sequence(OID.ecdsaWithSHA384.der)

    func digest(_ bytes: [UInt8]) throws(CryptoError) -> [UInt8] {
        self == .ecdsaP256SHA256 ? SHA256.digest(bytes).bytes : try KeyKind.p384.digest(bytes)
    }
}

/// One SignerInfo (RFC 5652, 5.3) with exactly four signed attributes, five where the message is
/// detached, and none unsigned.
struct SignerStatement {
    let signer: IssuerAndSerial
    let algorithm: SignatureAlgorithm
    let messageDigest: [UInt8]
    let signingTime: Timestamp
    /// SHA-256 of the signer's certificate, from signingCertificateV2 (RFC 5035).
    let certificateDigest: [UInt8]
    /// The federation's digest, 32 bytes; only in detached messages.
    var federation: [UInt8]?
    /// DER of the two numbers.
    var signature: [UInt8] = []

    /// The bytes that the signature covers: the attributes as a SET OF (RFC 5652, 5.4).
    func attributes(of type: CMSContentType, tag: UInt8 = DER.Tag.set) -> [UInt8] {
        let issuer = DER.sequence(DER.explicit(4, signer.issuer))
        let certificate = DER.sequence(
            DER.octets(certificateDigest), DER.sequence(issuer, DER.integer(signer.serial)))
        let federation = federation.map { Self.attribute(.federation, DER.octets($0)) }
        return DER.set(
            tag: tag,
            [
                Self.attribute(.contentType, type.oid.der),
                Self.attribute(.signingTime, DER.time(signingTime)),
                Self.attribute(.messageDigest, DER.octets(messageDigest)),
                Self.attribute(.signingCertificateV2, DER.sequence(DER.sequence(certificate))),
            ] + (federation.map { [$0] } ?? []))
    }

    func encoded(of type: CMSContentType) -> [UInt8] {
        DER.sequence(
            DER.integer(1), signer.der, algorithm.digestIdentifier,
            attributes(of: type, tag: DER.Tag.context | DER.Tag.constructed),
            algorithm.signatureIdentifier, DER.octets(signature))
    }

    private static func attribute(_ name: OID, _ value: [UInt8]) -> [UInt8] {
        DER.sequence(name.der, DER.set([value]))
    }
}

extension SignerStatement {
    /// Takes the values out; that nothing else stands there is known once they are encoded again.
    init(_ statements: inout DERReader, of type: CMSContentType) throws(DERError) {
        var info = try statements.sequence()
        try info.expect(DER.integer(1), "the signer's version")
        var name = try info.sequence()
        signer = IssuerAndSerial(
            issuer: Array(try name.element(DER.Tag.sequence)), serial: Array(try name.integer()))
        var digestAlgorithm = try info.sequence()
        switch try digestAlgorithm.oid() {
        case .sha256: algorithm = .ecdsaP256SHA256
        case .sha384: algorithm = .ecdsaP384SHA384
        default: throw DERError("a digest other than SHA-256 and SHA-384")
        }
        guard info.nextTag == DER.Tag.context | DER.Tag.constructed else {
            throw DERError("no signed attributes")
        }
        var values = try Self.attributeValues(
            info.inside(DER.Tag.context | DER.Tag.constructed))
        try info.expect(algorithm.signatureIdentifier, "the signature algorithm")
        signature = Array(try info.content(DER.Tag.octetString))
        try info.end("the signer (unsigned attributes are not allowed)")

        guard var digest = values.removeValue(forKey: .messageDigest),
            var time = values.removeValue(forKey: .signingTime),
            var certificates = values.removeValue(forKey: .signingCertificateV2),
            var contentType = values.removeValue(forKey: .contentType)
        else { throw Self.otherAttributes }
        var named = values.removeValue(forKey: .federation)
        guard values.isEmpty, (named != nil) == type.isDetached else { throw Self.otherAttributes }
        federation = try named?.content(DER.Tag.octetString).map { $0 }
        guard federation.map({ $0.count == 32 }) ?? true else { throw Self.otherAttributes }
        messageDigest = Array(try digest.content(DER.Tag.octetString))
        signingTime = try time.time()
        try contentType.expect(type.oid.der, "the signed content type")
        var list = try certificates.sequence()
        var identifiers = try list.sequence()
        var identifier = try identifiers.sequence()
        certificateDigest = Array(try identifier.content(DER.Tag.octetString))
    }

    private static var otherAttributes: DERError {
        DERError("signed attributes other than those of the profile")
    }

    private static func attributeValues(
        _ attributes: DERReader
    ) throws(DERError) -> [OID: DERReader] {
        var attributes = attributes
        var values: [OID: DERReader] = [:]
        while !attributes.isAtEnd {
            var attribute = try attributes.sequence()
            let name = try attribute.oid()
            let value = try attribute.inside(DER.Tag.set)
            guard values.updateValue(value, forKey: name) == nil, values.count <= 5 else {
                throw otherAttributes
            }
        }
        return values
    }
}
