import SelatCore
import SelatTestSupport
import Testing

@testable import SelatCrypto

/// Policy editions: the content lies beside the message, and the signers name their federation.
@Suite struct DetachedMessageTests {
    let authority: Authority
    let anchors: TrustAnchors
    let first: CMS.Signer
    let second: CMS.Signer
    let federation = SHA256.digest([1])
    let file = Array("jurisdiction: SG\nedition: 2\n".utf8)

    init() throws {
        authority = try Authority("SG")
        anchors = try authority.anchors()
        first = try authority.signer(.officer, name: "hub/first")
        second = try authority.signer(.officer, .p384, name: "hub/second")
    }

    private func sign(_ signers: [CMS.Signer]) throws -> [UInt8] {
        try CMS.signDetached(
            content: file, type: .policyEdition, federation: federation, signers: signers,
            at: Authority.now)
    }

    private func verify(
        _ der: [UInt8], over content: [UInt8]? = nil, federation: Digest? = nil
    ) throws -> [CMS.Signature] {
        let lookup = anchors.lookup(first.certificate, second.certificate, purpose: .officer)
        return try CMS.verifyDetached(
            der, content: content ?? file, type: .policyEdition,
            federation: federation ?? self.federation
        ) { name in try lookup(name.issuerAndSerial) }
    }

    @Test func severalSignAtOnceOrOneAfterAnother() throws {
        let alone = try sign([first])
        let added = try CMS.addSignature(
            toDetached: alone, content: file, type: .policyEdition, federation: federation,
            signer: second, at: Authority.now + 60)
        let both = Set([first.certificate, second.certificate])
        #expect(Set(try verify(added).map(\.certificate.certificate)) == both)
        #expect(Set(try verify(try sign([first, second])).map(\.certificate.certificate)) == both)
        #expect(try verify(alone).map(\.certificate.certificate) == [first.certificate])
    }

    @Test func theContentIsNotInside() throws {
        let der = try sign([first])
        #expect(der.count < 700)
        #expect(!der.contains(subsequence: Array("jurisdiction".utf8)))
    }

    @Test func otherBytesAreRefused() throws {
        let der = try sign([first, second])
        for content in [file + [0x0A], Array(file.dropLast()), [], file.reversed()] {
            #expect(throws: CryptoError.self) { try verify(der, over: content) }
        }
    }

    @Test func anotherFederationIsRefused() throws {
        let der = try sign([first])
        #expect(throws: CryptoError.self) { try verify(der, federation: SHA256.digest([2])) }
    }

    @Test func onePersonSignsOnce() throws {
        #expect(throws: CryptoError.self) { try verify(try sign([first, first])) }
        #expect(throws: CryptoError.self) {
            try CMS.addSignature(
                toDetached: try sign([first]), content: file, type: .policyEdition,
                federation: federation, signer: first, at: Authority.now)
        }
    }

    @Test func everyChangedBitIsRefused() throws {
        let der = try sign([first])
        for index in der.indices {
            var changed = der
            changed[index] ^= 1
            #expect(throws: (any Error).self, "byte \(index)") { try verify(changed) }
        }
    }

    @Test func everyTruncationAndExtensionIsRefused() throws {
        let der = try sign([first])
        for count in der.indices {
            #expect(throws: CryptoError.self) { try verify(Array(der.prefix(count))) }
        }
        #expect(throws: CryptoError.self) { try verify(der + [0]) }
    }

    /// A message with its content inside is no edition, and an edition is nothing else.
    @Test func insideAndBesideAreNotTheSame() throws {
        let inside = SignedMessage(
            type: .policyEdition, content: file,
            signers: [try CMS.statement(file, .policyEdition, first, Authority.now)])
        #expect(throws: CryptoError.self) { try verify(inside.encoded()) }
        let der = try sign([first])
        #expect(throws: CryptoError.self) { try CMS.unverifiedContent(der, type: .memberRecord) }
        let record = try CMS.sign(
            content: file, type: .memberRecord, signer: first, at: Authority.now)
        #expect(throws: CryptoError.self) { try verify(record) }
    }

    @Test func whoSignedIsToldWithoutProof() throws {
        let der = try sign([first])
        let told = try CMS.unverifiedSigners(
            ofDetached: der, content: file, type: .policyEdition)
        #expect(told.map(\.signer) == [CMS.SignerName(of: first.certificate)])
        #expect(told.map(\.signingTime) == [Authority.now])
        #expect(told.allSatisfy { $0.isOverContent && $0.federation == federation })
        let other = try CMS.unverifiedSigners(
            ofDetached: der, content: file + [0], type: .policyEdition)
        #expect(other.allSatisfy { !$0.isOverContent })
    }
}

extension Array where Element == UInt8 {
    fileprivate func contains(subsequence: [UInt8]) -> Bool {
        indices.contains { self[$0...].starts(with: subsequence) }
    }
}
