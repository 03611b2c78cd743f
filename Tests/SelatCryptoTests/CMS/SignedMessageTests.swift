import SelatCore
import SelatTestSupport
import Testing

@testable import SelatCrypto

@Suite struct SignedMessageTests {
    let authority: Authority
    let anchors: TrustAnchors
    let signer: CMS.Signer
    let content = Array(#"{"from":"SG/hub","type":"header"}"#.utf8)

    init() throws {
        authority = try Authority("SG")
        anchors = try authority.anchors()
        signer = try authority.signer()
    }

    private func verify(
        _ der: [UInt8], _ type: CMSContentType = .header
    ) throws -> CMS.SignedContent {
        try CMS.verify(der, type: type, signer: anchors.lookup(signer.certificate))
    }

    @Test(arguments: [KeyKind.p256, .p384], CMSContentType.allCases.filter { !$0.isDetached })
    func messageSurvivesTheRound(kind: KeyKind, type: CMSContentType) throws {
        let signer = try authority.signer(.signing, kind)
        let der = try CMS.sign(content: content, type: type, signer: signer, at: Authority.now)
        let signed = try CMS.verify(
            der, type: type, signer: anchors.lookup(signer.certificate))
        #expect(signed.content == content)
        #expect(signed.signingTime == Authority.now)
        #expect(signed.signer.certificate == signer.certificate)
    }

    @Test func emptyContentIsAContent() throws {
        let der = try CMS.sign(content: [], type: .header, signer: signer, at: Authority.now)
        #expect(try verify(der).content.isEmpty)
    }

    @Test func anotherContentTypeIsRefused() throws {
        let der = try CMS.sign(content: content, type: .header, signer: signer, at: Authority.now)
        for type in CMSContentType.allCases where type != .header && !type.isDetached {
            #expect(throws: CryptoError.self) { try verify(der, type) }
        }
    }

    @Test func ed25519KeysSignNoMessages() throws {
        let key = try PrivateKey.generate(.ed25519)
        let certificate = try authority.issuer.issue(
            for: .signing, uri: "selat://SG/hub", to: key.publicKey, from: Authority.from,
            until: Authority.until)
        #expect(throws: CryptoError.self) { try CMS.Signer(certificate: certificate, key: key) }
    }

    @Test(arguments: [CertificatePurpose.tlsServer, .tlsClient, .agreement])
    func certificatesOfOtherPurposesSignNothing(purpose: CertificatePurpose) throws {
        let tls = try authority.signer(purpose)
        let der = try CMS.sign(content: content, type: .header, signer: tls, at: Authority.now)
        #expect(throws: CryptoError.self) {
            try CMS.verify(der, type: .header, signer: anchors.lookup(tls.certificate))
        }
        // Even if the caller asks for the wrong purpose.
        #expect(throws: CryptoError.self) {
            try CMS.verify(
                der, type: .header, signer: anchors.lookup(tls.certificate, purpose: purpose))
        }
    }

    @Test func signerOfAnotherCountryIsRefused() throws {
        let foreign = try Authority("MY").signer()
        let der = try CMS.sign(content: content, type: .header, signer: foreign, at: Authority.now)
        #expect(throws: CryptoError.self) {
            try CMS.verify(der, type: .header, signer: anchors.lookup(foreign.certificate))
        }
    }

    @Test func revokedSignerIsRefused() throws {
        let der = try CMS.sign(content: content, type: .header, signer: signer, at: Authority.now)
        let anchors = try authority.anchors(revoking: [signer.certificate: Authority.now + -1])
        #expect(throws: CryptoError.self) {
            try CMS.verify(der, type: .header, signer: anchors.lookup(signer.certificate))
        }
    }

    @Test(arguments: [Authority.from + -1, Authority.until + 1])
    func signerOutsideItsValidityIsRefused(time: Timestamp) throws {
        let der = try CMS.sign(content: content, type: .header, signer: signer, at: time)
        let anchors = try TrustAnchors(
            country: authority.country, anchors: [authority.issuer.certificate],
            revocationLists: [])
        #expect(throws: CryptoError.self) {
            try CMS.verify(
                der, type: .header, signer: anchors.lookup(signer.certificate, at: time))
        }
    }

    /// One key in two certificates: signingCertificateV2 tells which one was meant.
    @Test func anotherCertificateOfTheSameKeyIsRefused() throws {
        let twin = try authority.issuer.issue(
            for: .signing, uri: "selat://SG/other", to: signer.key.publicKey,
            from: Authority.from, until: Authority.until)
        let message = try message()
        let statement = message.signers[0]
        var forged = SignerStatement(
            type: .header, signer: twin.issuerAndSerial, algorithm: statement.algorithm,
            messageDigest: statement.messageDigest, signingTime: statement.signingTime,
            certificateDigest: statement.certificateDigest)
        forged.signature = try signer.key.sign(forged.attributes)
        let der = SignedMessage(type: .header, content: content, signers: [forged]).encoded()
        #expect(throws: CryptoError.signatureInvalid(signer: "selat://SG/other")) {
            try CMS.verify(der, type: .header, signer: anchors.lookup(twin))
        }
    }

    /// The known confusion: the SET OF attributes as content, its signature as one without
    /// attributes.
    @Test func attributesPresentedAsContentAreRefused() throws {
        let statement = try message().signers[0]
        let attributes = statement.attributes
        #expect(signer.key.publicKey.verify(signature: statement.signature, message: attributes))
        let bare = DER.sequence(
            DER.integer(1),
            DER.sequence(statement.signer.issuer, DER.integer(statement.signer.serial)),
            statement.algorithm.digestIdentifier,
            statement.algorithm.signatureIdentifier, DER.octets(statement.signature))
        let signed = DER.sequence(
            DER.integer(3), DER.set([statement.algorithm.digestIdentifier]),
            DER.sequence(CMSContentType.header.oid.der, DER.explicit(0, DER.octets(attributes))),
            DER.set([bare]))
        let der = DER.sequence(OID.signedData.der, DER.explicit(0, signed))
        #expect(throws: CryptoError.unreadableMessage("no signed attributes")) { try verify(der) }
        let dressed = SignedMessage(
            type: .header, content: attributes, signers: [statement]
        ).encoded()
        #expect(throws: CryptoError.self) { try verify(dressed) }
    }

    @Test func twoSignersWhereOneMayStandAreRefused() throws {
        let two = SignedMessage(
            type: .header, content: content,
            signers: try message().signers + message().signers)
        #expect(throws: CryptoError.unreadableMessage("2 signers where one must stand")) {
            try verify(two.encoded())
        }
        let none = SignedMessage(type: .header, content: content, signers: [])
        #expect(throws: CryptoError.self) { try verify(none.encoded()) }
    }

    @Test func severalAuthoritiesSignOneList() throws {
        let second = try authority.signer(.signing, .p384)
        let one = try CMS.sign(
            content: content, type: .membershipList, signer: signer, at: Authority.now)
        let both = try CMS.addSignature(
            to: one, type: .membershipList, signer: second, at: Authority.now + 60)
        let lookup = anchors.lookup(signer.certificate, second.certificate)
        let signed = try CMS.verify(both, type: .membershipList, signer: lookup)
        #expect(
            Set(signed.signatures.map(\.certificate.certificate))
                == [signer.certificate, second.certificate])
        #expect(throws: CryptoError.self) {
            try CMS.addSignature(
                to: one, type: .membershipList, signer: signer, at: Authority.now + 60)
        }
        let twice = try CMS.sign(
            content: content, type: .membershipList, signers: [signer, signer],
            at: Authority.now)
        #expect(throws: CryptoError.unreadableMessage("one signer signed twice")) {
            try CMS.verify(twice, type: .membershipList, signer: lookup)
        }
    }

    @Test func unsignedAttributesAreRefused() throws {
        let statement = try message().signers[0]
        let unsigned = DER.element(
            DER.Tag.context | DER.Tag.constructed | 1,
            DER.sequence(OID.contentType.der, DER.set([OID.cmsDataContent.der])))
        try expectRefused(changing: { $0 + unsigned }, of: statement)
    }

    @Test func certificatesInsideAreRefused() throws {
        let statement = try message().signers[0]
        let certificates = DER.element(
            DER.Tag.context | DER.Tag.constructed, signer.certificate.der)
        let signed = DER.sequence(
            DER.integer(3), DER.set([statement.algorithm.digestIdentifier]),
            DER.sequence(CMSContentType.header.oid.der, DER.explicit(0, DER.octets(content))),
            certificates, DER.set([encoded(statement)]))
        let der = DER.sequence(OID.signedData.der, DER.explicit(0, signed))
        #expect(throws: CryptoError.self) { try verify(der) }
    }

    @Test func trailingBytesAreRefused() throws {
        let der = try message().encoded()
        #expect(throws: CryptoError.self) { try verify(der + [0]) }
        #expect(throws: CryptoError.self) { try verify(der + der) }
    }

    /// The same values in BER: an indefinite length, or a length with a byte too many.
    @Test func otherEncodingsOfTheSameValuesAreRefused() throws {
        let der = try message().encoded()
        #expect(der[1] == 0x82)
        let indefinite = [0x30, 0x80] + Array(der.dropFirst(4)) + [0, 0]
        #expect(throws: CryptoError.self) { try verify(indefinite) }
        let padded = [0x30, 0x83, 0, der[2], der[3]] + Array(der.dropFirst(4))
        #expect(throws: CryptoError.self) { try verify(padded) }
    }

    @Test func everyTruncationIsRefused() throws {
        let der = try message().encoded()
        for count in 0..<der.count {
            #expect(throws: CryptoError.self) { try verify(Array(der.prefix(count))) }
        }
    }

    @Test func everyFlippedBitIsRefused() throws {
        let der = try message().encoded()
        for index in der.indices {
            var flipped = der
            flipped[index] ^= 1 << (index % 8)
            #expect(throws: CryptoError.self) { try verify(flipped) }
        }
    }

    @Test func mutatedMessagesAreRefused() throws {
        let der = try message().encoded()
        for bytes in Mutations.of(der, count: 3_000, seed: 3) where bytes != der {
            #expect(throws: CryptoError.self) { try verify(bytes) }
        }
    }

    private func message() throws -> SignedMessage {
        try SignedMessage(
            parsing: CMS.sign(content: content, type: .header, signer: signer, at: Authority.now),
            as: .header)
    }

    private func encoded(_ statement: SignerStatement) -> [UInt8] {
        DERWriter.bytes(capacity: 0) { statement.encode(into: &$0) }
    }

    private func expectRefused(
        changing: ([UInt8]) -> [UInt8], of statement: SignerStatement
    ) throws {
        var reader = DERReader(encoded(statement))
        let info = Array(try reader.content(DER.Tag.sequence))
        let signed = DER.sequence(
            DER.integer(3), DER.set([statement.algorithm.digestIdentifier]),
            DER.sequence(CMSContentType.header.oid.der, DER.explicit(0, DER.octets(content))),
            DER.set([DER.element(DER.Tag.sequence, changing(info))]))
        let der = DER.sequence(OID.signedData.der, DER.explicit(0, signed))
        #expect(throws: CryptoError.self) { try verify(der) }
    }
}
