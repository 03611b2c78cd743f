import SelatCore
import SelatTestSupport
import Testing

struct ValueTests {
    @Test(arguments: ["SG/csa", "MY/a", "VN/mps-2"])
    func nodesRoundTrip(_ text: String) throws {
        let node = try NodeID(text)
        #expect(node.text == text)
        #expect(try NodeID(uri: node.uri) == node)
    }

    @Test(arguments: [
        "", "SG", "sg/csa", "SG/CSA", "SG/-a", "SG/a-", "SG/a/b", "SGP/a", "SG/a b", "SG/é",
    ])
    func nodesRefuse(_ text: String) {
        #expect(throws: CoreError.self) { try NodeID(text) }
        #expect(throws: CoreError.self) { try NodeID(uri: "selat://\(text)") }
    }

    @Test func transferIDsSortByTimeAndRoundTrip() throws {
        let entropy = SeededEntropy(7)
        let early = TransferID(milliseconds: 1_700_000_000_000, entropy: entropy.bytes(10))
        let late = TransferID(milliseconds: 1_700_000_000_001, entropy: entropy.bytes(10))
        #expect(early < late)
        #expect(try TransferID(early.text) == early)
        #expect(throws: CoreError.self) { try TransferID(early.text.uppercased()) }
        #expect(throws: CoreError.self) { try TransferID("00000000-0000-4000-8000-000000000000") }
    }

    @Test func transfersAreNamedWithAndWithoutTheirSender() throws {
        let id = "0190a1b2-c3d4-7000-8000-000000000000"
        let (plain, named) = (try TransferReference(id), try TransferReference("SG/csa:\(id)"))
        #expect((plain.text, named.text) == (id, "SG/csa:\(id)"))
        #expect(try named == TransferReference(TransferID(id), from: NodeID("SG/csa")))
        #expect(plain.from == nil)
        for text in ["", ":", ":\(id)", "SG/csa:", "SG:\(id)", "SG/csa/\(id)", "SG/csa:\(id):"] {
            #expect(throws: CoreError.self) { try TransferReference(text) }
        }
    }

    @Test(arguments: [
        ("1970-01-01T00:00:00Z", 0), ("2026-09-01T00:00:00Z", 1_788_220_800),
        ("2000-02-29T23:59:59Z", 951_868_799), ("2024-12-31T12:00:01Z", 1_735_646_401),
    ])
    func timesRoundTrip(_ text: String, _ seconds: Int64) throws {
        #expect(try Timestamp(text).seconds == seconds)
        #expect(Timestamp(seconds: seconds).text == text)
    }

    @Test(arguments: [
        "2026-02-29T00:00:00Z", "2026-13-01T00:00:00Z", "2026-01-01T24:00:00Z",
        "2026-01-01T00:00:60Z", "2026-01-01 00:00:00Z", "2026-01-01T00:00:00+00:00", "",
        "0000-01-01T00:00:00Z", "2026-00-10T00:00:00Z",
    ])
    func timesRefuse(_ text: String) {
        #expect(throws: CoreError.self) { try Timestamp(text) }
    }

    @Test(arguments: [
        ("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg=="),
    ])
    func base64RoundTrips(_ plain: String, _ text: String) {
        #expect(Base64.encode(Array(plain.utf8)) == text)
        #expect(Base64.decode(text) == Array(plain.utf8))
    }

    @Test(arguments: ["Zg", "Zg=", "Zh==", "Zm9=", "Z===", "====", "Zg==Zg==", "Z g=", "Zg==\n"])
    func base64Refuses(_ text: String) { #expect(Base64.decode(text) == nil) }

    @Test(arguments: ["0", "0G", "AB", "é0"])
    func hexRefuses(_ text: String) { #expect(Hex.decode(text) == nil) }

    @Test func digestsRoundTrip() throws {
        let digest = try Digest(bytes: Array(0..<32))
        #expect(try Digest(digest.text) == digest)
        #expect(throws: CoreError.self) { try Digest(digest.hex) }
        #expect(throws: CoreError.self) { try Digest(digest.text + "00") }
    }

    @Test(arguments: [("90s", 90), ("15m", 900), ("72h", 259_200), ("7d", 604_800)])
    func spansAreRead(_ text: String, _ seconds: Int64) throws {
        #expect(try Span.seconds(text) == seconds)
    }

    @Test(arguments: ["", "7", "d", "-7d", "7 d", "1.5h", "99999999999d", "７d"])
    func spansRefuse(_ text: String) { #expect(throws: CoreError.self) { try Span.seconds(text) } }

    @Test func labelsHaveOneForm() throws {
        let label = Label(
            classification: .restricted, releasableTo: [try Country("VN"), try Country("SG")],
            marking: "Restricted")
        #expect(try Label(json: label.json) == label)
        var members = try #require(label.json.objectValue)
        members["releasable-to"] = ["VN", "SG"]
        #expect(throws: CoreError.self) { try Label(json: .object(members)) }
        members["releasable-to"] = ["SG", "VN"]
        members["clasification"] = "secret"
        #expect(throws: CoreError.self) { try Label(json: .object(members)) }
    }

    @Test func factsHaveOneForm() throws {
        let facts = Facts([
            "purpose": Fact(.set(["b", "a"]), .stated), "records": Fact(.number(3), .assumed),
            "personal-data": Fact(.flag(false), .stated),
        ])
        #expect(try Facts(json: facts.json) == facts)
        // Two keys, which Unicode calls equivalent.
        let twins: JSON = [
            "\u{e9}": ["by": "stated", "value": true],
            "e\u{301}": ["by": "stated", "value": false],
        ]
        #expect(twins.objectValue?.count == 2)
        #expect(throws: CoreError.self) { try Facts(json: twins) }
        #expect(throws: CoreError.self) {
            try Facts(json: ["purpose": ["by": "stated", "value": ["b", "a"]]])
        }
    }
}
