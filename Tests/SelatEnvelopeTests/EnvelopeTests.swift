import SelatCore
import SelatCrypto
import SelatTestSupport
import Testing

@testable import SelatEnvelope

struct EnvelopeTests {
    @Test(arguments: [0, 1, 16_384, 100_000, 1 << 20, (1 << 20) + 1, 3 << 20])
    func anEnvelopeOpensToWhatWasSealed(size: Int) async throws {
        let world = try World()
        let message = sample(size)
        let sealed = try await world.envelope(message)
        #expect(sealed.payload.isFinished)
        let head = try EnvelopeHead(parsing: sealed.head.encoded())
        #expect(head == sealed.head)
        let verified = try world.verify(head)
        #expect(UInt64(sealed.payload.bytes.count) == verified.layout.sealedSize)
        #expect(UInt64(head.leaves.count) == verified.layout.count)
        let (key, manifest) = try verified.open(
            with: world.recipient.openingKeys)
        #expect(manifest == sealed.manifest)
        let opened = try await open(sealed.payload, verified, key)
        #expect(opened == message)
    }

    private func open(
        _ payload: MemoryFile, _ head: VerifiedHead, _ key: ContentKey
    ) async throws -> [UInt8] {
        let opener = try PayloadOpener(
            payload, size: head.layout.sealedSize, core: head.core, contentKey: key)
        var opened: [UInt8] = []
        while let bytes = try await opener.next() { opened += bytes }
        return opened
    }

    @Test func anIntakeNeedsNoManifest() async throws {
        let world = try World()
        let sealed = try await world.envelope(sample(100_000))
        let verified = try world.verify(sealed.head)
        let head = verified.withoutManifest
        #expect(head.head.manifest.isEmpty && head.identity == verified.identity)
        let taken = MemoryFile()
        let intake = try PayloadIntake(of: head, into: taken)
        try await intake.append(sealed.payload.bytes)
        try await intake.finish()
        #expect(taken.bytes == sealed.payload.bytes)
        #expect(throws: EnvelopeError.self) {
            try head.open(with: world.recipient.openingKeys)
        }
    }

    @Test func aStolenCiphertextFailsAtTheCommitmentUnderAnotherSender() async throws {
        let world = try World()
        let thief = try World.Member("MY/hub", now: world.now)
        let stolen = try await world.envelope(sample(1_000))
        // The thief knows no key, but signs a header of its own around the victim's parts.
        let core = try world.core(from: thief)
        let header = try Header(
            core: core, attempt: 1, route: [thief.node, world.recipient.node],
            precedence: .routine,
            payload: PayloadIdentity(size: stolen.head.payloadSize, root: stolen.head.leaves.root),
            parts: Header.PartDigests(
                keysCMS: SHA256.digest(stolen.head.keys.cms),
                keysMLKEM: SHA256.digest(stolen.head.keys.mlkem),
                manifest: SHA256.digest(stolen.head.manifest),
                leaves: SHA256.digest(stolen.head.leaves.bytes)),
            membershipSerial: 3, membershipDigest: SHA256.digest("list".utf8), transit: [:],
            verdictCode: stolen.manifest.verdictCode)
        let cms = try CMS.sign(
            content: header.json.canonical, type: .header, signer: thief.signer, at: world.now)
        let head = try EnvelopeHead(parsing: stolen.head.encoded(replacingHeader: cms))
        let verified = try head.verify { _, _ in try thief.verified(at: world.now) }
        #expect(throws: EnvelopeError.crypto(.commitmentMismatch)) {
            try verified.open(with: world.recipient.openingKeys)
        }
        // Nor does the payload open, even under the true content key.
        let opener = try PayloadOpener(
            stolen.payload, size: head.payloadSize, core: core, contentKey: stolen.contentKey)
        await #expect(throws: EnvelopeError.crypto(.commitmentMismatch)) {
            try await opener.next()
        }
    }

    @Test func aRouteHasAtMostTwoRelays() async throws {
        let world = try World()
        let sealed = try await world.envelope([1])
        let header = try world.verify(sealed.head).header
        let text = String(decoding: header.json.canonical, as: UTF8.self)
        for (relays, isRead) in [
            (#""MY/a","MY/b""#, true), (#""MY/a","MY/b","MY/c""#, false),
        ] {
            let changed = text.replacing(#""MY/hub""#, with: relays)
            #expect(changed != text)
            let read = try? Header(parsing: Array(changed.utf8))
            #expect((read != nil) == isRead)
        }
    }

    @Test func aRouteNamesNoNodeTwice() async throws {
        let world = try World()
        let header = try world.verify(try await world.envelope([1]).head).header
        let text = String(decoding: header.json.canonical, as: UTF8.self)
        for twice in ["MY/hub", header.core.from.text, header.core.to.text] {
            let changed = text.replacing(#""MY/hub""#, with: #""MY/hub","\#(twice)""#)
            #expect(changed != text)
            #expect(
                throws: EnvelopeError.malformed(
                    "header", "`route` does not lead from `from` to `to`")
            ) { try Header(parsing: Array(changed.utf8)) }
        }
    }

    @Test func aHeaderSignedByAnotherThanItsSenderIsRefused() async throws {
        let world = try World()
        let sealed = try await world.envelope([1])
        let verified = try world.verify(sealed.head)
        let cms = try CMS.sign(
            content: verified.header.json.canonical, type: .header,
            signer: world.recipient.signer, at: world.now)
        let head = try EnvelopeHead(parsing: sealed.head.encoded(replacingHeader: cms))
        #expect(
            throws: EnvelopeError.wrongSigner(
                claimed: world.sender.node,
                signer: world.recipient.signer.certificate.description)
        ) { try world.verify(head) }
    }

    @Test func anEnvelopeForOtherKeysIsRefusedByName() async throws {
        let world = try World()
        let sealed = try await world.envelope([1])
        let verified = try world.verify(sealed.head)
        #expect(throws: EnvelopeError.wrongRecipient(to: world.recipient.node)) {
            try verified.open(with: world.sender.openingKeys)
        }
    }

    @Test(arguments: ["keys.cms", "manifest", "leaves"])
    func aPartOfAnotherEnvelopeIsRefused(part: String) async throws {
        let world = try World()
        let one = try await world.envelope(sample(40_000)).head
        let other = try await world.envelope(sample(40_000)).head
        let mixed = try EnvelopeHead(
            parsing: Tar.front(
                header: one.headerCMS, keys: part == "keys.cms" ? other.keys.cms : one.keys.cms,
                manifest: part == "manifest" ? other.manifest : one.manifest,
                leaves: part == "leaves" ? other.leaves.bytes : one.leaves.bytes,
                size: one.payloadSize))
        #expect(throws: EnvelopeError.partDiffers(part)) { try world.verify(mixed) }
    }

    @Test func everyMutationOfAHeadIsRefused() async throws {
        let world = try World()
        let sealed = try await world.envelope(sample(2 << 20))
        let bytes = sealed.head.encoded()
        let believed = Mutations.of(bytes, count: 400, seed: 11).filter { mutant in
            guard mutant != bytes else { return false }
            do {
                _ = try world.verify(try EnvelopeHead(parsing: mutant))
                return true
            } catch is EnvelopeError, is CryptoError, is World.Stranger {
                return false
            } catch {
                return true
            }
        }
        #expect(believed.isEmpty)
    }

    /// No header says otherwise, so no recipient is asked about it.
    @Test func anEnvelopeLivesThirtyDaysAtMost() throws {
        let core = try World().core()
        func living(_ seconds: Int64) throws -> EnvelopeCore {
            try EnvelopeCore(
                id: core.id, federation: core.federation, from: core.from, to: core.to,
                created: core.created, expires: core.created + seconds, label: core.label,
                suite: core.suite, toKeys: core.toKeys)
        }
        #expect(try EnvelopeCore(json: living(30 * 86_400).json) == living(30 * 86_400))
        #expect(throws: EnvelopeError.self) { try living(30 * 86_400 + 1) }
    }

    @Test func headersAndManifestsReadBackAndRefuseEveryMutation() async throws {
        let world = try World()
        let sealed = try await world.envelope([1, 2, 3])
        let header = try world.verify(sealed.head).header.json.canonical
        #expect(try Header(parsing: header).json.canonical == header)
        let manifest = sealed.manifest.encoded()
        #expect(try Manifest(parsing: manifest).encoded() == manifest)
        // A mutant that is read must be another value with exactly these bytes: nothing is lost.
        for mutant in Mutations.of(header, count: 300, seed: 5) {
            if let read = try? Header(parsing: mutant) {
                #expect(read.json.canonical == mutant)
            }
        }
        for mutant in Mutations.of(manifest, count: 300, seed: 6) {
            if let read = try? Manifest(parsing: mutant) {
                #expect(read.encoded() == mutant)
            }
        }
    }
}

extension EnvelopeHead {
    func encoded(replacingHeader cms: [UInt8]) -> [UInt8] {
        Tar.front(
            header: cms, keys: keys.cms, mlkem: keys.mlkem, manifest: manifest,
            leaves: leaves.bytes, size: payloadSize)
    }
}

extension Tar {
    static func front(
        header: [UInt8], keys: [UInt8], mlkem: [UInt8] = [], manifest: [UInt8], leaves: [UInt8],
        size: UInt64
    ) -> [UInt8] {
        member("header.cms", header) + member("keys.cms", keys) + member("keys.mlkem", mlkem)
            + member("manifest", manifest) + member("leaves", leaves) + payloadHeader(size: size)
    }
}
