import SelatCore

/// How a signer signs; the curve fixes the digest.
enum SignatureAlgorithm: Hashable, CaseIterable {
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
    let federation: [UInt8]?
    /// The bytes that the signature covers: the attributes as a SET OF (RFC 5652, 5.4). They are made of the
    /// values, once.
    let attributes: [UInt8]
    /// DER of the two numbers.
    var signature: [UInt8] = []

    /// What is yet to be signed.
    init(
        type: CMSContentType, signer: IssuerAndSerial, algorithm: SignatureAlgorithm,
        messageDigest: [UInt8], signingTime: Timestamp, certificateDigest: [UInt8],
        federation: [UInt8]? = nil
    ) {
        self.signer = signer
        self.algorithm = algorithm
        self.messageDigest = messageDigest
        self.signingTime = signingTime
        self.certificateDigest = certificateDigest
        self.federation = federation
        // In the order of most messages, where nothing has to be sorted.
        attributes = DERWriter.bytes(capacity: Self.attributesBytes + signer.issuer.count) {
            $0.set {
                Self.attribute(.signingTime, into: &$0) { $0.append(DER.time(signingTime)) }
                Self.attribute(.contentType, into: &$0) { $0.append(type.oid.der) }
                Self.attribute(.messageDigest, into: &$0) { $0.octets(messageDigest) }
                if let federation {
                    Self.attribute(.federation, into: &$0) { $0.octets(federation) }
                }
                Self.attribute(.signingCertificateV2, into: &$0) {
                    Self.certificate(certificateDigest, signer, into: &$0)
                }
            }
        }
    }

    func encode(into writer: inout DERWriter) {
        writer.sequence {
            $0.append(Self.version)
            signer.encode(into: &$0)
            $0.append(algorithm.digestIdentifier)
            $0.append(attributes, as: DER.Tag.context | DER.Tag.constructed)
            $0.append(algorithm.signatureIdentifier)
            $0.octets(signature)
        }
    }

    private static func attribute(
        _ name: OID, into writer: inout DERWriter, _ value: (inout DERWriter) -> Void
    ) {
        writer.sequence {
            $0.append(name.der)
            $0.constructed(DER.Tag.set, value)
        }
    }

    /// SigningCertificateV2 with one ESSCertIDv2 (RFC 5035, 3 and 4).
    private static func certificate(
        _ digest: [UInt8], _ name: IssuerAndSerial, into writer: inout DERWriter
    ) {
        writer.sequence {
            $0.sequence {
                $0.sequence {
                    $0.octets(digest)
                    $0.sequence {
                        $0.sequence { $0.explicit(4) { $0.append(name.issuer) } }
                        $0.primitive(DER.Tag.integer, name.serial)
                    }
                }
            }
        }
    }

    private static let version = DER.integer(1)
    /// Of the attributes beside the issuer's name, with room.
    private static let attributesBytes = 384
}

extension SignerStatement {
    /// Takes the values out; that nothing else stands there is known once they are encoded again.
    init(_ statements: inout DERReader, of type: CMSContentType) throws(DERError) {
        var info = try statements.sequence()
        try info.expect(Self.version, "the signer's version")
        var name = try info.sequence()
        let signer = IssuerAndSerial(
            issuer: Array(try name.element(DER.Tag.sequence)), serial: Array(try name.integer()))
        var digestAlgorithm = try info.sequence()
        let algorithm: SignatureAlgorithm
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
        let signature = Array(try info.content(DER.Tag.octetString))
        try info.end("the signer (unsigned attributes are not allowed)")

        guard var digest = values.removeValue(forKey: .messageDigest),
            var time = values.removeValue(forKey: .signingTime),
            var certificates = values.removeValue(forKey: .signingCertificateV2),
            var contentType = values.removeValue(forKey: .contentType)
        else { throw Self.otherAttributes }
        var named = values.removeValue(forKey: .federation)
        guard values.isEmpty, (named != nil) == type.isDetached else { throw Self.otherAttributes }
        let federation = try named?.content(DER.Tag.octetString).map { $0 }
        guard federation.map({ $0.count == 32 }) ?? true else { throw Self.otherAttributes }
        let messageDigest = Array(try digest.content(DER.Tag.octetString))
        let signingTime = try time.time()
        try contentType.expect(type.oid.der, "the signed content type")
        var list = try certificates.sequence()
        var identifiers = try list.sequence()
        var identifier = try identifiers.sequence()
        self.init(
            type: type, signer: signer, algorithm: algorithm, messageDigest: messageDigest,
            signingTime: signingTime,
            certificateDigest: Array(try identifier.content(DER.Tag.octetString)),
            federation: federation)
        self.signature = signature
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
