import SelatCore
import SelatTestSupport
import Testing

@testable import SelatAudit

@Suite struct EntryTests {
    static func entry(transfer: Bool = true) throws -> Entry {
        Entry(
            sequence: 48_213, time: try Timestamp("2026-09-01T00:00:00Z"),
            kind: "transfer.created",
            transfer: transfer ? try TransferID("0198f0a0-1111-7222-8333-444455556666") : nil,
            actor: .user(1_000),
            commitment: Entry.commitment(
                to: Array(#"{"size":3}"#.utf8), salt: [UInt8](repeating: 7, count: 32)))
    }

    @Test(arguments: [true, false])
    func handWrittenBytesAreCanonicalJSON(transfer: Bool) throws {
        let entry = try Self.entry(transfer: transfer)
        var members: JSON.Object = [
            "sequence": .integer(entry.sequence), "time": .string(entry.time.text),
            "kind": .string(entry.kind.text), "actor": .string(entry.actor.text),
            "commitment": .string(entry.commitment.text),
        ]
        members["transfer"] = entry.transfer.map { .string($0.text) }
        #expect(entry.canonical == JSON.object(members).canonical)
        #expect(try Entry(canonical: entry.canonical) == entry)
    }

    @Test func encoderIsUsedAgainWithoutARest() throws {
        var encoder = EntryEncoder()
        encoder.encode(try Self.entry())
        encoder.encode(try Self.entry(transfer: false))
        #expect(encoder.bytes == (try Self.entry(transfer: false)).canonical)
    }

    @Test func mutatedEntriesAreRefusedOrOthers() throws {
        let bytes = try Self.entry().canonical
        for mutation in Mutations.of(bytes, count: 2_000, seed: 1) where mutation != bytes {
            do throws(AuditError) {
                #expect(try Entry(canonical: mutation).canonical == mutation)
            } catch {}
        }
    }

    @Test func commitmentBindsSaltAndDetails() throws {
        let entry = try Self.entry()
        let salt = [UInt8](repeating: 7, count: 32)
        let details = Array(#"{"size":3}"#.utf8)
        #expect(entry.binds(details: details, salt: salt))
        #expect(!entry.binds(details: Array(#"{"size":4}"#.utf8), salt: salt))
        #expect(!entry.binds(details: details, salt: [UInt8](repeating: 8, count: 32)))
        // The border between salt and details is fixed: no byte can move over it.
        #expect(!entry.binds(details: Array(details.dropFirst()), salt: salt + [details[0]]))
    }

    @Test(arguments: ["", "Upper", "1st", "sp ace", "quo\"te", String(repeating: "k", count: 65)])
    func kindsOutsideTheAlphabetAreRefused(text: String) {
        #expect(throws: AuditError.self) { try EntryKind(text) }
    }

    @Test(arguments: ["daemon", "uid:0", "VN/mps", "sha256:" + String(repeating: "0a", count: 32)])
    func actorsRoundTrip(text: String) throws {
        #expect(try EntryActor(text).text == text)
    }

    @Test(arguments: ["", "root", "uid:01", "uid:-1", "uid:4294967296", "VN/MPS", "sha256:00"])
    func otherActorsAreRefused(text: String) {
        #expect(throws: AuditError.self) { try EntryActor(text) }
    }
}
