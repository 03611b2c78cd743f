/// A CMS AuthEnvelopedData (RFC 5083, 5084, 5753) of Selat's profile, as values: one recipient by
/// key agreement, AES-256-GCM. As with `SignedMessage` there is one encoding for one value.
///
/// OpenSSL takes the length of the tag from the message, also a length of four bytes; it never
/// compares it with aes-ICVlen. So nothing is decrypted before these bytes have been read here.
struct SealedMessage {
    let recipient: IssuerAndSerial
    /// The curve, which fixes the digest of the key derivation.
    let curve: KeyKind
    /// Uncompressed.
    let ephemeralPoint: [UInt8]
    let wrappedKey: [UInt8]
    let nonce: [UInt8]
    let ciphertext: [UInt8]
    var tag: [UInt8]

    static let nonceBytes = 12
    static let tagBytes = 16
    /// AES key wrap adds 8 bytes to the 32 of the key (RFC 3394).
    static let wrappedKeyBytes = 40

    /// - Throws: `CryptoError.unreadableMessage` for anything but the one DER encoding of a message
    ///   within the profile.
    init(parsing der: [UInt8]) throws(CryptoError) {
        do throws(DERError) {
            try self.init(reading: der)
            try checkSizes()
        } catch {
            throw .unreadableMessage(error.reason)
        }
        guard encoded() == der else {
            throw .unreadableMessage("not the one DER encoding of the profile")
        }
    }

    private init(reading der: [UInt8]) throws(DERError) {
        let explicit = DER.Tag.context | DER.Tag.constructed
        var outer = DERReader(der)
        var message = try outer.sequence()
        try outer.end("the message")
        try message.expect(OID.authEnvelopedData.der, "the message's kind")
        var wrapped = try message.inside(explicit)
        var sealed = try wrapped.sequence()
        try sealed.expect(Self.version, "the version")

        var recipients = try sealed.inside(DER.Tag.set)
        var agreement = try recipients.inside(explicit | 1)
        try recipients.end("the recipients")
        try agreement.expect(Self.recipientVersion, "the recipient's version")
        var originator = try agreement.inside(explicit)
        var originatorKey = try originator.inside(explicit | 1)
        try originatorKey.expect(Self.originatorAlgorithm, "the ephemeral key's algorithm")
        ephemeralPoint = Array(try originatorKey.content(DER.Tag.bitString).dropFirst())
        var derivation = try agreement.sequence()
        switch try derivation.oid() {
        case .dhSinglePassSHA256: curve = .p256
        case .dhSinglePassSHA384: curve = .p384
        default: throw DERError("a key derivation other than X9.63 with SHA-256 or SHA-384")
        }
        try derivation.expect(Self.keyWrap, "the key wrap")
        var keys = try agreement.sequence()
        var key = try keys.sequence()
        var name = try key.sequence()
        recipient = IssuerAndSerial(
            issuer: Array(try name.element(DER.Tag.sequence)), serial: Array(try name.integer()))
        wrappedKey = Array(try key.content(DER.Tag.octetString))

        var content = try sealed.sequence()
        try content.expect(OID.cmsDataContent.der, "the inner type")
        var cipher = try content.sequence()
        try cipher.expect(OID.aes256GCM.der, "the cipher")
        var parameters = try cipher.sequence()
        nonce = Array(try parameters.content(DER.Tag.octetString))
        try parameters.expect(Self.tagLength, "aes-ICVlen")
        ciphertext = Array(try content.content(DER.Tag.context))
        tag = Array(try sealed.content(DER.Tag.octetString))
        try sealed.end("the sealed message")
    }

    private func checkSizes() throws(DERError) {
        guard ephemeralPoint.count == curve.rawCount, ephemeralPoint.first == 4 else {
            throw DERError("an ephemeral key that is no uncompressed point of the curve")
        }
        guard wrappedKey.count == Self.wrappedKeyBytes else {
            throw DERError("a wrapped key of \(wrappedKey.count) bytes, expected 40")
        }
        guard nonce.count == Self.nonceBytes else {
            throw DERError("a nonce of \(nonce.count) bytes, expected 12")
        }
        guard tag.count == Self.tagBytes else {
            throw DERError("a tag of \(tag.count) bytes, expected 16")
        }
        guard (1...CMS.sealedSecretBytesMax).contains(ciphertext.count) else {
            throw DERError("a content of \(ciphertext.count) bytes")
        }
    }

    func encoded() -> [UInt8] {
        DERWriter.bytes(capacity: ciphertext.count + recipient.issuer.count + Self.frameBytes) {
            $0.sequence {
                $0.append(OID.authEnvelopedData.der)
                $0.explicit(0) {
                    $0.sequence {
                        $0.append(Self.version)
                        $0.constructed(DER.Tag.set) { encodeRecipient(into: &$0) }
                        encodeContent(into: &$0)
                        $0.octets(tag)
                    }
                }
            }
        }
    }

    private func encodeRecipient(into writer: inout DERWriter) {
        writer.explicit(1) {
            $0.append(Self.recipientVersion)
            $0.explicit(0) {
                $0.explicit(1) {
                    $0.append(Self.originatorAlgorithm)
                    $0.append(DER.bits(ephemeralPoint))
                }
            }
            $0.sequence {
                $0.append((curve == .p256 ? OID.dhSinglePassSHA256 : .dhSinglePassSHA384).der)
                $0.append(Self.keyWrap)
            }
            $0.sequence {
                $0.sequence {
                    recipient.encode(into: &$0)
                    $0.octets(wrappedKey)
                }
            }
        }
    }

    private func encodeContent(into writer: inout DERWriter) {
        writer.sequence {
            $0.append(OID.cmsDataContent.der)
            $0.sequence {
                $0.append(OID.aes256GCM.der)
                $0.sequence {
                    $0.octets(nonce)
                    $0.append(Self.tagLength)
                }
            }
            $0.primitive(DER.Tag.context, ciphertext)
        }
    }

    private static let version = DER.integer(0)
    private static let recipientVersion = DER.integer(3)
    private static let keyWrap = DER.sequence(OID.aes256Wrap.der)
    private static let tagLength = DER.integer(UInt64(tagBytes))
    /// Of all but the content and the name of the recipient's issuer, with room.
    private static let frameBytes = 512
    /// The curve is the recipient's, so the identifier has no parameters (RFC 5753, 7.1.2).
    private static let originatorAlgorithm = DER.sequence(OID.ecPublicKey.der)
}
