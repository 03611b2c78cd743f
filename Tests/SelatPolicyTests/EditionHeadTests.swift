import SelatCore
import SelatCrypto
import SelatPolicy
import Testing

/// What a file says of itself before anything else in it is believed.
@Suite struct EditionHeadTests {
    private func head(_ name: String, _ text: String) throws -> EditionHead {
        try EditionHead(PolicySource(name: name, bytes: Array(text.utf8)))
    }

    private static let country = """
        jurisdiction: SG
        edition: 3
        standing: published
        in-force: 2026-03-02
        review-by: 2027-03-02
        """

    @Test(arguments: ShippedPolicies.names)
    func everyShippedFileHasAHead(_ name: String) throws {
        let bytes = try ShippedPolicies.bytes("\(name).yaml")
        let head = try EditionHead(PolicySource(name: "Policies/\(name).yaml", bytes: bytes))
        #expect(head.name == name)
        #expect(head.digest == SHA256.digest(bytes))
        let edition = try PolicySet.load(files: try ShippedPolicies.sources()).editions[name]
        #expect(edition?.number == head.number && edition?.standing == head.standing)
    }

    @Test func aCountrysFileSaysWhoseItIs() throws {
        let head = try head("SG.yaml", Self.country)
        #expect(head.kind == .country(try Country("SG")))
        #expect((head.number, head.standing) == (3, .published))
        #expect(head.inForce == (try Timestamp("2026-03-02T00:00:00Z")))
        #expect(head.reviewBy == (try Timestamp("2027-03-02T00:00:00Z")))
    }

    @Test func aMomentMayComeIntoForce() throws {
        let text = Self.country.replacing("2026-03-02", with: "2026-03-01T16:00:00Z")
        #expect(try head("SG.yaml", text).inForce == (try Timestamp("2026-03-01T16:00:00Z")))
        for wrong in ["2026-03-01T16:00Z", "2026-03-01T16:00:00+08:00", "1 March 2026"] {
            let text = Self.country.replacing("2026-03-02", with: wrong)
            #expect(throws: PolicyErrors.self, "\(wrong)") { try head("SG.yaml", text) }
        }
    }

    @Test(arguments: [
        ("MY.yaml", country), ("SG.yml", country), ("SG.yaml", ""),
        ("SG.yaml", country.replacing("edition: 3", with: "edition: 03")),
        ("SG.yaml", country.replacing("standing: published", with: "standing: publishd")),
        ("SG.yaml", country.replacing("edition: 3\n", with: "")),
        ("XX.yaml", country.replacing("SG", with: "XX")),
        ("SG.yaml", country + "\nedition: 4"),
        ("vocabulary.yaml", "vocabulary: selat\nin-force: 2026-01-01"),
        ("SG.yaml", "vocabulary: selat\nedition: 1\nin-force: 2026-01-01"),
    ])
    func aFileWithoutASoundHeadHasNone(_ name: String, _ text: String) {
        #expect(throws: PolicyErrors.self) { try head(name, text) }
    }

    @Test func instrumentsSayWhoseSignaturesTheyNeed() throws {
        let head = try head(
            "agreements.yaml",
            """
            agreements: selat
            edition: 1
            in-force: 2026-01-01
            instruments:
              - {id: pact, parties: [SG, VN/mps]}
              - {id: alone, by: SG, of: MY}
              - {id: far, parties: [SG, JP]}
            """)
        let (sg, vn, jp) = (try Country("SG"), try Country("VN"), try Country("JP"))
        #expect(
            head.kind == .agreements(["pact": [sg, vn], "alone": [sg], "far": [sg, jp]]))
        #expect(head.instruments(among: [sg, vn]) == ["pact", "alone"])
        #expect(head.instruments(among: [vn]) == [])
        // Of who has joined since the first list a signature inside is asked.
        #expect(head.instruments(among: [sg, vn], standing: [sg]) == ["alone"])
        #expect(head.signatories(among: [sg, vn], standing: [sg]) == [sg])
        #expect(head.signatories(among: [sg, vn], standing: [sg, vn, jp]) == [sg, vn])
    }
}
