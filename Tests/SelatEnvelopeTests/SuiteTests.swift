import SelatCore
import SelatCrypto
import Testing

@testable import SelatEnvelope

/// Every suite by Format, *Suites* and *Content key*, and what must not pass for one.
struct SuiteTests {
    @Test(arguments: Suite.allCases)
    func everySuiteOpensToWhatWasSealed(suite: Suite) async throws {
        let world = try World(suite)
        let message = sample(20_000)
        let sealed = try await world.envelope(message)
        let head = try EnvelopeHead(parsing: sealed.head.encoded())
        #expect(head.keys.mlkem.count == suite.mlkem?.ciphertextBytes ?? 0)
        let verified = try world.verify(head)
        #expect(verified.core.suite == suite)
        #expect(verified.signer.certificate.publicKey.kind == suite.curve)
        let (key, manifest) = try verified.open(with: world.recipient.openingKeys)
        #expect(manifest == sealed.manifest)
        let opener = try PayloadOpener(
            sealed.payload, size: head.payloadSize, core: verified.core, contentKey: key)
        var opened: [UInt8] = []
        while let bytes = try await opener.next() { opened += bytes }
        #expect(opened == message)
    }

    @Test(arguments: [Suite.p256MLKEM768, .p384MLKEM1024])
    func theClassicalSecretAloneDerivesAnotherKey(suite: Suite) async throws {
        let world = try World(suite)
        let sealed = try await world.envelope([1, 2, 3])
        let keys = world.recipient.openingKeys
        let classical = try CMS.decrypt(
            sealed.head.keys.cms, certificate: keys.certificate, key: keys.key)
        let core = sealed.manifest.core
        let without = try ContentKey(classical: classical, core: core, parts: sealed.head.keys)
        #expect(throws: EnvelopeError.crypto(.commitmentMismatch)) {
            try world.verify(sealed.head).manifest(under: without)
        }
        let shared = try #require(keys.mlkem).decapsulate(sealed.head.keys.mlkem)
        let both = try ContentKey(
            classical: classical, shared: shared, core: core, parts: sealed.head.keys)
        #expect(both.secret.revealed() == sealed.contentKey.secret.revealed())
    }

    @Test(arguments: [Suite.p256MLKEM768, .p384MLKEM1024])
    func anMLKEMPartThatDoesNotFitIsRefused(suite: Suite) async throws {
        let world = try World(suite)
        let sealed = try await world.envelope([1])
        let own = sealed.head.keys.mlkem
        var flipped = own
        flipped[flipped.count / 2] ^= 1
        // Not the header's: whatever is wrong with it, the digest says so.
        for part in [[], Array(own.dropLast()), own + [0], flipped] {
            #expect(throws: EnvelopeError.partDiffers("keys.mlkem")) {
                try world.verify(try sealed.head(mlkem: part))
            }
        }
        // Signed by the sender all the same: the length is the suite's, or it is no head.
        for part in [[], Array(own.dropLast()), own + [0]] {
            #expect(
                throws: EnvelopeError.suiteUnfit(suite, "`keys.mlkem` of \(part.count) bytes")
            ) { try world.verify(try world.signed(sealed, mlkem: part)) }
        }
        // One bit, or another envelope's: another secret, which no key commits to.
        let other = try await world.envelope([1]).head.keys.mlkem
        for part in [flipped, other] {
            let verified = try world.verify(try world.signed(sealed, mlkem: part))
            #expect(throws: EnvelopeError.crypto(.commitmentMismatch)) {
                try verified.open(with: world.recipient.openingKeys)
            }
        }
    }

    @Test(arguments: [Suite.p256, .p384])
    func aSuiteWithoutMLKEMHasNoSuchPart(suite: Suite) async throws {
        let world = try World(suite)
        let sealed = try await world.envelope([1])
        #expect(throws: EnvelopeError.suiteUnfit(suite, "`keys.mlkem` of 1 bytes")) {
            try world.verify(try world.signed(sealed, mlkem: [0]))
        }
    }

    @Test(arguments: Suite.allCases, Suite.allCases)
    func anotherSuitesNumberOpensNothing(suite: Suite, other: Suite) async throws {
        guard suite != other else { return }
        let world = try World(suite)
        let sealed = try await world.envelope([1])
        let mlkem = other.mlkem.map { Array(sealed.head.keys.mlkem.prefix($0.ciphertextBytes)) }
        let core = try world.core(suite: other)
        #expect(throws: EnvelopeError.self) {
            let head = try world.signed(sealed, core: core, mlkem: mlkem ?? [])
            _ = try world.verify(head).open(with: world.recipient.openingKeys)
        }
    }

    @Test func strippingTheMLKEMPartOpensNothing() async throws {
        // The header of suite 1 names the same agreement key, and no ML-KEM key.
        let world = try World(.p256MLKEM768)
        let sealed = try await world.envelope([1])
        let keys = OpeningKeys(
            certificate: world.recipient.agreement, key: world.recipient.agreementKey)
        let core = try world.core(suite: .p256, toKeys: keys.recipient.digest)
        let verified = try world.verify(try world.signed(sealed, core: core, mlkem: []))
        #expect(throws: EnvelopeError.crypto(.commitmentMismatch)) {
            try verified.open(with: keys)
        }
    }

    @Test(arguments: Suite.allCases)
    func aSignatureOnTheOtherCurveDoesNotFit(suite: Suite) async throws {
        let world = try World(suite)
        let sealed = try await world.envelope([1])
        let curve: KeyKind = suite.curve == .p256 ? .p384 : .p256
        let other = try World.Member(
            "SG/hub", suite: curve == .p256 ? .p256 : .p384, now: world.now)
        let header = try world.verify(sealed.head).header.json.canonical
        let cms = try CMS.sign(
            content: header, type: .header, signer: other.signer, at: world.now)
        let head = try EnvelopeHead(parsing: sealed.head.encoded(replacingHeader: cms))
        #expect(
            throws: EnvelopeError.suiteUnfit(suite, "a signature by a \(curve.rawValue) key")
        ) { try head.verify { _, _ in try other.verified(at: world.now) } }
        #expect(throws: EnvelopeError.self) {
            try EnvelopeHead.sign(
                sealed.manifest, keys: sealed.head.keys, contentKey: sealed.contentKey,
                payload: SealedPayload(
                    identity: PayloadIdentity(
                        size: sealed.head.payloadSize, root: sealed.head.leaves.root),
                    leaves: sealed.head.leaves), attempt: try world.attempt(),
                signer: other.signer, at: world.now)
        }
    }

    @Test(arguments: Suite.allCases, Suite.allCases)
    func keysOfAnotherSuiteAreNeitherSealedToNorOpenedWith(
        suite: Suite, other: Suite
    ) async throws {
        guard suite != other else { return }
        let world = try World(suite)
        let strange = try World.Member("VN/hub", suite: other, now: world.now)
        let core = try world.core(toKeys: strange.recipientKeys.digest)
        #expect(throws: EnvelopeError.self) {
            try ContentKey.make(for: core, to: strange.recipientKeys)
        }
        let sealed = try await world.envelope([1])
        #expect(throws: EnvelopeError.wrongRecipient(to: world.recipient.node)) {
            try world.verify(sealed.head).open(with: strange.openingKeys)
        }
        let named = try world.verify(
            try world.signed(sealed, core: core, mlkem: sealed.head.keys.mlkem))
        #expect(throws: EnvelopeError.self) { try named.open(with: strange.openingKeys) }
    }

    @Test(arguments: [Suite.p256MLKEM768, .p384MLKEM1024])
    func aStolenCiphertextFailsUnderAnotherCore(suite: Suite) async throws {
        let world = try World(suite)
        let sealed = try await world.envelope([1])
        let thief = try World.Member("MY/hub", suite: suite, now: world.now)
        let head = try world.signed(
            sealed, core: try world.core(from: thief), mlkem: sealed.head.keys.mlkem, by: thief)
        let verified = try head.verify { _, _ in try thief.verified(at: world.now) }
        #expect(throws: EnvelopeError.crypto(.commitmentMismatch)) {
            try verified.open(with: world.recipient.openingKeys)
        }
    }
}

extension EnvelopeHead {
    /// The same parts with another `keys.mlkem`, under the header as it is.
    func head(mlkem: [UInt8]) throws(EnvelopeError) -> EnvelopeHead {
        try EnvelopeHead(
            parsing: Tar.front(
                header: headerCMS, keys: keys.cms, mlkem: mlkem, manifest: manifest,
                leaves: leaves.bytes, size: payloadSize))
    }
}

extension World.Sealed {
    func head(mlkem: [UInt8]) throws(EnvelopeError) -> EnvelopeHead { try head.head(mlkem: mlkem) }
}

extension World {
    /// A header over sealed parts as a sender would sign it who may lie about core and ML-KEM part.
    func signed(
        _ sealed: Sealed, core: EnvelopeCore? = nil, mlkem: [UInt8], by member: Member? = nil
    ) throws -> EnvelopeHead {
        let (head, member) = (sealed.head, member ?? sender)
        let header = try Header(
            core: core ?? sealed.manifest.core, attempt: 1, route: [member.node, recipient.node],
            precedence: .routine,
            payload: PayloadIdentity(size: head.payloadSize, root: head.leaves.root),
            parts: Header.PartDigests(
                keysCMS: SHA256.digest(head.keys.cms), keysMLKEM: SHA256.digest(mlkem),
                manifest: SHA256.digest(head.manifest), leaves: SHA256.digest(head.leaves.bytes)),
            membershipSerial: 3, membershipDigest: SHA256.digest("list".utf8), transit: [:],
            verdictCode: sealed.manifest.verdictCode)
        let cms = try CMS.sign(
            content: header.json.canonical, type: .header, signer: member.signer, at: now)
        return try EnvelopeHead(
            parsing: Tar.front(
                header: cms, keys: head.keys.cms, mlkem: mlkem, manifest: head.manifest,
                leaves: head.leaves.bytes, size: head.payloadSize))
    }
}
