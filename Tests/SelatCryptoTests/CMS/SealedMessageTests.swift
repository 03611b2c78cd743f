import SelatCore
import SelatTestSupport
import Testing

@testable import SelatCrypto

@Suite struct SealedMessageTests {
    let authority: Authority
    let recipient: CMS.Signer
    let secret = Secret(copying: (0..<32).map { UInt8($0) })

    init() throws {
        authority = try Authority("VN")
        recipient = try authority.signer(.agreement)
    }

    private func open(_ der: [UInt8]) throws -> [UInt8] {
        try CMS.decrypt(der, certificate: recipient.certificate, key: recipient.key).revealed()
    }

    private func sealed() throws -> [UInt8] {
        try CMS.encrypt(secret: secret, to: recipient.certificate)
    }

    @Test(arguments: [KeyKind.p256, .p384])
    func secretSurvivesTheRound(kind: KeyKind) throws {
        let recipient = try authority.signer(.agreement, kind)
        let der = try CMS.encrypt(secret: secret, to: recipient.certificate)
        let opened = try CMS.decrypt(
            der, certificate: recipient.certificate, key: recipient.key)
        #expect(opened.revealed() == secret.revealed())
        #expect(try CMS.recipient(of: der) == recipient.certificate.issuerAndSerial)
        #expect(der.count <= Limits.keysBytesMax)
    }

    @Test func anotherRecipientCannotOpen() throws {
        let other = try authority.signer(.agreement)
        let der = try sealed()
        #expect(throws: CryptoError.self) {
            try CMS.decrypt(der, certificate: other.certificate, key: other.key)
        }
        #expect(throws: CryptoError.self) {
            try CMS.decrypt(der, certificate: recipient.certificate, key: other.key)
        }
    }

    @Test(arguments: [0, 1, 2, 4, 8, 12, 15])
    func shortTagIsRefusedBeforeOpenSSLSeesIt(length: Int) throws {
        var message = try SealedMessage(parsing: sealed())
        message.tag.removeLast(16 - length)
        #expect(
            throws: CryptoError.unreadableMessage("a tag of \(length) bytes, expected 16")
        ) { try open(message.encoded()) }
    }

    @Test func longTagIsRefused() throws {
        var message = try SealedMessage(parsing: sealed())
        message.tag.append(0)
        #expect(throws: CryptoError.self) { try open(message.encoded()) }
    }

    @Test(arguments: [nil, 4, 12, 15, 17] as [UInt8?])
    func absentOrWrongICVLengthIsRefused(length: UInt8?) throws {
        let der = try sealed()
        let nonce = try SealedMessage(parsing: der).nonce
        let right = DER.sequence(DER.octets(nonce), DER.integer(16))
        let wrong = DER.sequence(
            DER.octets(nonce), length.map { DER.integer(UInt64($0)) } ?? [])
        #expect(throws: CryptoError.self) { try open(replacing(right, wrong, in: der)) }
    }

    @Test(arguments: [0, 8, 11, 13, 16])
    func nonceOfAnotherLengthIsRefused(length: Int) throws {
        let der = try sealed()
        let nonce = try SealedMessage(parsing: der).nonce
        let right = DER.sequence(DER.octets(nonce), DER.integer(16))
        let wrong = DER.sequence(
            DER.octets([UInt8](repeating: 7, count: length)), DER.integer(16))
        #expect(throws: CryptoError.self) { try open(replacing(right, wrong, in: der)) }
    }

    /// dhSinglePass-stdDH-sha1kdf-scheme is what OpenSSL takes unless told otherwise.
    @Test func keyDerivationWithSHA1IsRefused() throws {
        let der = try sealed()
        let sha1 = OID(1, 3, 133, 16, 840, 63, 0, 2)
        let changed = try replacing(
            DER.sequence(OID.dhSinglePassSHA256.der, DER.sequence(OID.aes256Wrap.der)),
            DER.sequence(sha1.der, DER.sequence(OID.aes256Wrap.der)), in: der)
        #expect(
            throws: CryptoError.unreadableMessage(
                "a key derivation other than X9.63 with SHA-256 or SHA-384")
        ) { try open(changed) }
    }

    @Test func anotherInnerTypeIsRefused() throws {
        let changed = try replacing(
            OID.cmsDataContent.der, CMSContentType.header.oid.der, in: sealed())
        #expect(throws: CryptoError.unreadableMessage("the inner type is not the expected one")) {
            try open(changed)
        }
    }

    @Test func wrappedKeyOfAnotherLengthIsRefused() throws {
        let der = try sealed()
        let wrapped = try SealedMessage(parsing: der).wrappedKey
        for length in [0, 16, 24, 39, 48] {
            let other = [UInt8](repeating: 1, count: length)
            #expect(throws: CryptoError.self) {
                try open(replacing(DER.octets(wrapped), DER.octets(other), in: der))
            }
        }
    }

    @Test func everyTruncationAndFlippedBitIsRefused() throws {
        let der = try sealed()
        for index in der.indices {
            var flipped = der
            flipped[index] ^= 1 << (index % 8)
            #expect(throws: CryptoError.self) { try open(flipped) }
            #expect(throws: CryptoError.self) { try open(Array(der.prefix(index))) }
        }
        #expect(throws: CryptoError.self) { try open(der + [0]) }
    }

    @Test func mutatedMessagesAreRefused() throws {
        let der = try sealed()
        for bytes in Mutations.of(der, count: 3_000, seed: 4) where bytes != der {
            #expect(throws: CryptoError.self) { try open(bytes) }
        }
    }

    @Test func probeFindsTheOwnCheckSafe() throws {
        let findings = try ForgeryProbe.run()
        #expect(findings.isSafe)
        #expect(findings.admittedByOwnCheck.isEmpty)
        #expect((findings.warning == nil) == !findings.admittedByOpenSSL.contains(1))
    }

    /// Builds the message again with one element in another's place, every length around it right.
    private func replacing(_ old: [UInt8], _ new: [UInt8], in der: [UInt8]) throws -> [UInt8] {
        let changed = rebuilt(der, old, new)
        try #require(changed != der)
        return changed
    }

    private func rebuilt(_ element: [UInt8], _ old: [UInt8], _ new: [UInt8]) -> [UInt8] {
        if element == old { return new }
        guard let tag = element.first, tag & DER.Tag.constructed != 0 else { return element }
        var reader = DERReader(element)
        guard var inside = try? reader.inside(tag) else { return element }
        var content: [UInt8] = []
        while let tag = inside.nextTag, let child = try? inside.element(tag) {
            content += rebuilt(Array(child), old, new)
        }
        return DER.element(tag, content)
    }
}
