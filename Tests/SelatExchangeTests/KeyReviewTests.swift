import SelatAudit
import SelatCore
import SelatCrypto
import SelatFederation
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
        HeldKey(purpose: purpose, key: try .generate(.p256), place: .made(name))
    }

    private func mlkem(_ kind: MLKEMKind, _ name: String) throws -> HeldKey {
        HeldKey(mlkem: try .generate(kind), place: .made(name))
    }

    private func record(_ listed: [HeldKey]) throws -> MemberRecord.Node {
        func certificates(_ purpose: KeyPurpose) throws -> [Certificate] {
            let use = try #require(purpose.certificate)
            return try listed.filter { $0.purpose == purpose }.map { held in
                try authority.issue(
                    for: use, uri: node.uri, to: try #require(held.pair).publicKey,
                    from: Self.start + -60, until: Self.start + 90 * Self.days)
            }
        }
        return MemberRecord.Node(
            id: node, endpoint: Endpoint(host: "localhost", port: 1),
            tls: try certificates(.tls), signing: try certificates(.signing),
            agreement: try certificates(.agreement),
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
        let new = HeldKey(purpose: .signing, key: try .generate(.p384), place: .made("new"))
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
}
