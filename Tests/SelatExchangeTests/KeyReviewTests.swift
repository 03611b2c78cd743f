import SelatAudit
import SelatCore
import SelatCrypto
import SelatFederation
import SelatTestSupport
import Synchronization
import Testing

@testable import SelatExchange

/// What a record and time make of held keys, step by step.
@Suite struct KeyReviewTests {
    private static let start = Timestamp(seconds: 1_790_000_000)
    private static let days: Int64 = 86_400
    private let authority: CertificateIssuer
    private let node: NodeID
    private let log: PrivateKey

    init() throws {
        let country = try Country("SG")
        authority = try CertificateIssuer(
            root: "SG", country: country, key: .generate(.p256), from: Self.start + -Self.days,
            until: Self.start + 3_650 * Self.days)
        node = try NodeID("SG/hub")
        log = try .generate(.ed25519)
    }

    private func held(_ purpose: KeyPurpose, _ name: String) throws -> HeldKey {
        HeldKey(purpose: purpose, key: try .generate(.p256), place: .configured(name))
    }

    private func mlkem(_ kind: MLKEMKind, _ name: String) throws -> HeldKey {
        HeldKey(mlkem: try .generate(kind), place: .configured(name))
    }

    /// Another one at each call.
    private func certificate(_ held: HeldKey, days: Int64 = 90) throws -> Certificate {
        try authority.issue(
            for: try #require(held.purpose.certificate), uri: node.uri,
            to: try #require(held.pair).publicKey, from: Self.start + -60,
            until: Self.start + days * Self.days)
    }

    /// - Parameter agreement: nil for new certificates of the listed keys.
    private func record(
        _ listed: [HeldKey], agreement: [Certificate]? = nil
    ) throws -> MemberRecord.Node {
        func certificates(_ purpose: KeyPurpose) throws -> [Certificate] {
            try listed.filter { $0.purpose == purpose }.map { try certificate($0) }
        }
        return MemberRecord.Node(
            id: node, endpoint: Endpoint(host: "localhost", port: 1),
            tls: try certificates(.tls), signing: try certificates(.signing),
            agreement: try agreement ?? certificates(.agreement),
            mlkem: listed.compactMap(\.mlkem?.publicKey),
            logKey: try VerifierKey(name: "selat/x", key: log.publicKey).text, roles: [])
    }

    private func kinds(_ review: KeyReview) -> [String] { review.drafts.map(\.kind.text) }

    private func review(
        _ held: [HeldKey], after notes: [Digest: KeyNote] = [:], listing listed: [HeldKey],
        at seconds: Int64, mayEnd: Bool = true
    ) throws -> KeyReview {
        KeyReview(
            held: held, notes: notes, record: try record(listed), at: Self.start + seconds,
            mayEnd: mayEnd)
    }

    @Test func noKeyEndsByAClockThatIsNotBelieved() throws {
        let (old, new) = (try held(.agreement, "old"), try held(.agreement, "new"))
        let first = try review([old, new], listing: [new, old], at: 0)
        let dropped = try review([old, new], after: first.notes, listing: [new], at: 200)
        let late = 200 + 30 * Self.days
        let waiting = try review(
            [old, new], after: dropped.notes, listing: [new], at: late, mayEnd: false)
        #expect(kinds(waiting).isEmpty && waiting.over.isEmpty)
        let ended = try review([old, new], after: waiting.notes, listing: [new], at: late)
        #expect(kinds(ended) == ["keys.destroyed"])
    }

    @Test func keyThatWasMadeAndNotEnteredIsEntered() throws {
        let old = try held(.signing, "old")
        let new = HeldKey(purpose: .signing, key: try .generate(.p256), place: .made("new"))
        let first = try review([old], listing: [old], at: 0)
        #expect(kinds(first) == ["keys.taken-up"])
        let found = try review([old, new], after: first.notes, listing: [old], at: 10)
        #expect(kinds(found) == ["keys.made"])
        let details = try JSON(parsing: try #require(found.drafts.first?.details))
        #expect(
            details == [
                "purpose": "signing", "key": .string(new.digest.text),
                "fingerprint": .string(new.fingerprint.text),
            ])
        #expect(found.notes[new.digest]?.made == Self.start + 10)
        let again = try review([old, new], after: found.notes, listing: [old], at: 20)
        #expect(kinds(again).isEmpty)
    }

    @Test(arguments: [KeyPurpose.tls, .signing])
    func newKeyIsTakenUpOnceTheRecordHasSpread(_ purpose: KeyPurpose) throws {
        let (old, new) = (try held(purpose, "old"), try held(purpose, "new"))
        let first = try review([old], listing: [old], at: 0)
        #expect(kinds(first) == ["keys.taken-up"])
        let listed = try review([old, new], after: first.notes, listing: [new, old], at: 100)
        #expect(kinds(listed).isEmpty)
        let early = try review([old, new], after: listed.notes, listing: [new, old], at: 159)
        #expect(kinds(early).isEmpty)
        let due = try review([old, new], after: early.notes, listing: [new, old], at: 160)
        #expect(kinds(due) == ["keys.taken-up"])
        #expect(due.over.isEmpty)
        // The record drops the old one: nothing names it any more.
        let ended = try review([old, new], after: due.notes, listing: [new], at: 200)
        #expect(kinds(ended) == ["keys.destroyed"])
        #expect(ended.over.map(\.place) == [old.place])
    }

    @Test func keyThatReplacesALostOneIsTakenUpAtOnce() throws {
        let (old, new) = (try held(.signing, "old"), try held(.signing, "new"))
        let first = try review([old], listing: [old], at: 0)
        let swapped = try review([old, new], after: first.notes, listing: [new], at: 10)
        #expect(kinds(swapped) == ["keys.taken-up", "keys.destroyed"])
    }

    @Test func agreementKeyOpensForThirtyDaysAfterTheRecordDroppedIt() throws {
        let (old, new) = (try held(.agreement, "old"), try held(.agreement, "new"))
        let first = try review([old], listing: [old], at: 0)
        let listed = try review([old, new], after: first.notes, listing: [new, old], at: 100)
        #expect(kinds(listed) == ["keys.taken-up"])
        let dropped = try review([old, new], after: listed.notes, listing: [new], at: 200)
        #expect(kinds(dropped).isEmpty)
        let last = 200 + 30 * Self.days - 1
        let kept = try review([old, new], after: dropped.notes, listing: [new], at: last)
        #expect(kinds(kept).isEmpty)
        let ended = try review([old, new], after: kept.notes, listing: [new], at: last + 1)
        #expect(kinds(ended) == ["keys.destroyed"])
        #expect(ended.over.map(\.place) == [old.place])
    }

    /// Notes of one key for agreement, step by step.
    private func notes(
        _ key: HeldKey, after notes: [Digest: KeyNote] = [:], listing listed: [Certificate],
        at seconds: Int64, mayEnd: Bool = true
    ) throws -> [Digest: KeyNote] {
        KeyReview(
            held: [key], notes: notes, record: try record([], agreement: listed),
            at: Self.start + seconds, mayEnd: mayEnd
        ).notes
    }

    /// The certificates under which a key opens although no record may list them.
    private func opening(_ key: HeldKey, _ notes: [Digest: KeyNote]) throws -> [Certificate] {
        let log = HeldKey(purpose: .log, key: self.log, place: .configured("log"))
        let ring = KeyRing(held: [key, log], shelf: NoShelf())
        ring.state.withLock { $0.notes = notes }
        return try ring.keys(of: node).agreementBefore
    }

    @Test func certificateThatWasRenewedOpensForThirtyDaysAfterTheRecordDroppedIt() throws {
        let key = try held(.agreement, "key")
        let (old, new) = (try certificate(key), try certificate(key))
        let first = try notes(key, listing: [old], at: 0)
        #expect(try opening(key, first) == [old])
        let both = try notes(key, after: first, listing: [new, old], at: 100)
        #expect(try opening(key, both) == [new, old])
        #expect(both[key.digest]?.certificate == new)
        let dropped = try notes(key, after: both, listing: [new], at: 200)
        #expect(dropped[key.digest]?.unlisted == nil)
        let end = 200 + 30 * Self.days
        let last = try notes(key, after: dropped, listing: [new], at: end - 1)
        #expect(last == dropped)
        #expect(try opening(key, last) == [new, old])
        let doubted = try notes(key, after: last, listing: [new], at: end, mayEnd: false)
        #expect(try opening(key, doubted) == [new, old])
        let ended = try notes(key, after: doubted, listing: [new], at: end)
        #expect(try opening(key, ended) == [new])
    }

    @Test func certificateThatIsReplacedAtOnceOpensToo() throws {
        let key = try held(.agreement, "key")
        let (old, new) = (try certificate(key), try certificate(key))
        let first = try notes(key, listing: [old], at: 0)
        let replaced = try notes(key, after: first, listing: [new], at: 100)
        #expect(try opening(key, replaced) == [new, old])
    }

    @Test func aKeyIsKeptAsLongAsItsLastCertificateOpens() throws {
        let key = try held(.agreement, "key")
        let (short, long) = (try certificate(key, days: 1), try certificate(key, days: 60))
        let both = try notes(key, listing: [short, long], at: 0)
        #expect(both[key.digest]?.end == Self.start + 90 * Self.days)
        let ended = try notes(key, after: both, listing: [long, short], at: 31 * Self.days)
        #expect(try opening(key, ended) == [long])
    }

    @Test func notesOfOneCertificateAreRead() throws {
        let key = try held(.agreement, "key")
        let (old, new) = (try certificate(key), try certificate(key))
        let json: JSON = [
            "key": .string(key.digest.text), "purpose": "agreement",
            "listed": .string(Self.start.text), "taken-up": .string(Self.start.text),
            "certificate": .string(Base64.encode(old.der)),
        ]
        let before = [key.digest: try KeyNote(json: json)]
        #expect(try before == notes(key, listing: [old], at: 0))
        let renewed = try notes(key, after: before, listing: [new], at: 100)
        #expect(try opening(key, renewed) == [new, old])
    }

    @Test(arguments: [MLKEMKind.mlkem768, .mlkem1024])
    func mlkemKeyOpensForThirtyDaysAfterTheRecordDroppedIt(_ kind: MLKEMKind) throws {
        let (old, new) = (try mlkem(kind, "old"), try mlkem(kind, "new"))
        let first = try review([old], listing: [old], at: 0)
        #expect(kinds(first) == ["keys.taken-up"])
        let unlisted = try review([old, new], after: first.notes, listing: [old], at: 50)
        #expect(kinds(unlisted).isEmpty)
        // Whoever seals to it has the record: there is nothing to wait for.
        let listed = try review([old, new], after: unlisted.notes, listing: [new, old], at: 100)
        #expect(kinds(listed) == ["keys.taken-up"])
        #expect(listed.notes[new.digest]?.takenUp == Self.start + 100)
        let dropped = try review([old, new], after: listed.notes, listing: [new], at: 200)
        #expect(kinds(dropped).isEmpty && dropped.over.isEmpty)
        let last = 200 + 30 * Self.days - 1
        let kept = try review([old, new], after: dropped.notes, listing: [new], at: last)
        #expect(kinds(kept).isEmpty)
        let ended = try review([old, new], after: kept.notes, listing: [new], at: last + 1)
        #expect(kinds(ended) == ["keys.destroyed"])
        #expect(ended.over.map(\.place) == [old.place])
    }

    @Test func theKeysOfTwoKindsAreTakenUpEachForItself() throws {
        let (small, large) = (try mlkem(.mlkem768, "768"), try mlkem(.mlkem1024, "1024"))
        let first = try review([small, large], listing: [small, large], at: 0)
        #expect(kinds(first) == ["keys.taken-up", "keys.taken-up"])
        let next = try mlkem(.mlkem1024, "next")
        let held = [small, large, next]
        let listed = try review(held, after: first.notes, listing: [next, small, large], at: 9)
        #expect(kinds(listed) == ["keys.taken-up"])
        #expect(listed.notes[next.digest]?.takenUp != nil)
        #expect(listed.notes[small.digest]?.unlisted == nil)
    }

    @Test func aStrongerSigningKeyWaitsAlthoughNoneOfItsKindWasThere() throws {
        let old = try held(.signing, "old")
        let new = HeldKey(purpose: .signing, key: try .generate(.p384), place: .configured("new"))
        let first = try review([old], listing: [old], at: 0)
        let listed = try review([old, new], after: first.notes, listing: [new, old], at: 100)
        #expect(kinds(listed).isEmpty)
        let due = try review([old, new], after: listed.notes, listing: [new, old], at: 160)
        #expect(kinds(due) == ["keys.taken-up"])
    }

    @Test func keyThatIsListedAgainIsNotEnded() throws {
        let (old, new) = (try held(.agreement, "old"), try held(.agreement, "new"))
        var notes = try review([old, new], listing: [new, old], at: 0).notes
        notes = try review([old, new], after: notes, listing: [new], at: 100).notes
        notes = try review([old, new], after: notes, listing: [new, old], at: 200).notes
        let late = try review(
            [old, new], after: notes, listing: [new, old], at: 200 + 31 * Self.days)
        #expect(late.over.isEmpty)
    }

    @Test func lastKeyOfAPurposeIsKeptWhateverTheRecordSays() throws {
        let only = try held(.signing, "only")
        let first = try review([only], listing: [only], at: 0)
        let unlisted = try review([only], after: first.notes, listing: [], at: 100)
        #expect(unlisted.over.isEmpty && unlisted.drafts.isEmpty)
    }

    @Test func fileThatOutlivedItsEndIsRemoved() throws {
        let (old, new) = (try held(.tls, "old"), try held(.tls, "new"))
        var notes = try review([old], listing: [old], at: 0).notes
        notes = try review([old, new], after: notes, listing: [new], at: 10).notes
        let restarted = try review([old, new], after: notes, listing: [new], at: 20)
        #expect(restarted.over.map(\.place) == [old.place])
        #expect(restarted.drafts.isEmpty)
    }

    @Test func notesReadBackAsTheyWereWritten() throws {
        let (old, new) = (try held(.agreement, "old"), try held(.agreement, "new"))
        var notes = try review([old, new], listing: [new, old], at: 0).notes
        notes = try review([old, new], after: notes, listing: [new], at: 50).notes
        for note in notes.values { #expect(try KeyNote(json: note.json) == note) }
        let json = try JSON(parsing: KeyRing.bytes(of: notes))
        #expect(json.arrayValue?.count == 2)
    }

    @Test func notesOfARenewedCertificateReadBackAsTheyWereWritten() throws {
        let key = try held(.agreement, "key")
        let first = try notes(key, listing: [try certificate(key)], at: 0)
        let renewed = try notes(key, after: first, listing: [try certificate(key)], at: 50)
        let note = try #require(renewed[key.digest])
        #expect(note.listings.map(\.unlisted) == [nil, Self.start + 50])
        #expect(try KeyNote(json: note.json) == note)
    }
}

/// What the exchange does about keys that are over.
@Suite struct KeyEndingTests {
    /// Keeps what is to be destroyed.
    private final class Shelf: KeyShelf {
        let destroyed = Mutex<[HeldKey.Place]>([])

        func make(_ purpose: KeyPurpose, _ kind: HeldKey.Kind) throws -> HeldKey {
            throw IdentityError.unlistedKey(try NodeID("SG/hub"), use: purpose.rawValue)
        }

        func destroy(_ place: HeldKey.Place) throws { destroyed.withLock { $0.append(place) } }
    }

    @Test func keyWhoseEndIsEnteredIsDestroyedAlsoWhereTheOthersCannotBeUsed() async throws {
        let world = try TestFederation()
        let node = world.sender
        let over = HeldKey(purpose: .tls, key: try .generate(.p256), place: .made("over"))
        let shelf = Shelf()
        // Without a key for the log nothing can be used.
        let ring = KeyRing(held: [over], shelf: shelf)
        var note = KeyNote(over)
        note.destroyed = world.clock.now()
        ring.state.withLock { [note] in $0.notes = [note.key: note] }
        let exchange = Exchange(
            membership: node.membership, ring: ring, editions: node.exchange.editions,
            store: node.store, spool: node.spool, storageKey: StorageKey(Random.secret(32)),
            clock: world.clock, logger: .silent)
        await #expect(throws: IdentityError.self) { try await exchange.reviewKeys() }
        #expect(shelf.destroyed.withLock { $0 } == [.made("over")])
    }
}

/// Where no key is made and none destroyed.
private struct NoShelf: KeyShelf {
    func make(_ purpose: KeyPurpose, _ kind: HeldKey.Kind) throws -> HeldKey {
        throw IdentityError.unlistedKey(try NodeID("SG/hub"), use: purpose.rawValue)
    }

    func destroy(_ place: HeldKey.Place) throws {}
}
