import SelatCore
import SelatCrypto
import Testing

@testable import SelatFederation

/// The witness's parts of a member's record.
@Suite struct WitnessRecordTests {
    private static let time = Timestamp(seconds: 1_793_491_200)

    private static func record(
        log: String = "log", witness: String?, roles: Set<NodeRole>, quorum: Int? = nil
    ) throws -> MemberRecord {
        let country = try Country("SG")
        return try MemberRecord(
            federation: SHA256.digest([]), country: country, issued: time, expires: time + 86_400,
            nodes: [
                MemberRecord.Node(
                    id: try NodeID("SG/hub"), endpoint: Endpoint(host: "hub.example", port: 7443),
                    tls: [], signing: [], agreement: [], logKey: log, witnessKey: witness,
                    roles: roles)
            ], officers: [], witnessQuorum: quorum)
    }

    @Test func theyAreReadAsTheyWereWritten() throws {
        for (witness, quorum) in [("key", 3), (nil, nil), ("key", nil)] as [(String?, Int?)] {
            let record = try Self.record(witness: witness, roles: [.witness], quorum: quorum)
            let read = try MemberRecord(
                content: record.json.canonical, country: try Country("SG"))
            #expect(read == record)
            #expect(read.nodes[0].witnessKey == witness && read.witnessQuorum == quorum)
        }
    }

    @Test func itsKeysAreShownAsPeopleCompareThem() throws {
        let (log, witness) = (
            try PrivateKey.generate(.ed25519).publicKey, try PrivateKey.generate(.ed25519).publicKey
        )
        func text(_ type: UInt8, _ key: PublicKey) -> String {
            "selat/x+0b5f31aa+\(Base64.encode([type] + key.raw))"
        }
        func words(_ log: String, _ witness: String) throws -> [String] {
            try Self.record(log: log, witness: witness, roles: [.witness]).differences(from: nil)
                .map(\.description)
        }
        let shown = try words(text(1, log), text(4, witness))
        #expect(shown.contains { $0.hasSuffix("log key: \(text(1, log)), key \(log.fingerprint)") })
        #expect(shown.contains { $0.hasSuffix(", key \(witness.fingerprint)") })
        // One cannot stand for the other.
        let swapped = try words(text(4, log), text(1, witness) + "AAAA")
        #expect(swapped.count { $0.hasSuffix(", which is no key") } == 2)
    }

    @Test func aWitnessKeyNeedsTheRole() {
        #expect(throws: FederationError.self) {
            try Self.record(witness: "key", roles: [.exchange])
        }
    }

    @Test(arguments: [0, 65]) func aQuorumOfNoOrTooManyCountriesIsRefused(quorum: Int) {
        #expect(throws: FederationError.self) {
            try Self.record(witness: nil, roles: [.exchange], quorum: quorum)
        }
    }

    @Test(arguments: [#"-1"#, #""2""#, #"null"#, #"true"#])
    func aQuorumIsANumber(text: String) throws {
        let record = try Self.record(witness: nil, roles: [.witness], quorum: 2)
        let changed = String(decoding: record.json.canonical, as: UTF8.self)
            .replacing(#""witness-quorum":2"#, with: "\"witness-quorum\":\(text)")
        #expect(throws: FederationError.self) {
            try MemberRecord(content: Array(changed.utf8), country: try Country("SG"))
        }
    }
}
