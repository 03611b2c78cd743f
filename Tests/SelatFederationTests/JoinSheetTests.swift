import SelatCore
import SelatCrypto
import Testing

@testable import SelatFederation

/// The ML-KEM key of `Joining.md`, *Sheet*.
@Suite struct JoinSheetTests {
    private func sheet(_ mlkem: [MLKEMPublicKey]) throws -> JoinSheet {
        let node = try NodeID("TH/hub")
        var requests: [KeyPurpose: CertificateRequest] = [:]
        for purpose in KeyPurpose.certified {
            requests[purpose] = try CertificateRequest(
                name: purpose.rawValue, uri: node.uri, hosts: [], key: try .generate(.p256))
        }
        return try JoinSheet(
            federation: SHA256.digest([]), node: node,
            endpoint: Endpoint(host: "th.example", port: 7443), roles: [.exchange],
            requests: requests, mlkem: mlkem, logKey: "log", witnessKey: nil)
    }

    @Test func theKeyIsReadAsWritten() throws {
        let key = try MLKEMPrivateKey.generate(.mlkem768).publicKey
        for sheet in [try sheet([key]), try sheet([])] {
            #expect(try JoinSheet(content: sheet.json.canonical) == sheet)
        }
        #expect(try sheet([]).json["mlkem"] == nil)
    }

    @Test func aHostThatIsNoneIsRefused() throws {
        let text = String(decoding: try sheet([]).json.canonical, as: UTF8.self)
        for host in ["th example", #"th\u001b[2J"#, ""] {
            let changed = text.replacing("th.example", with: host)
            #expect(throws: FederationError.self) { try JoinSheet(content: Array(changed.utf8)) }
        }
    }

    @Test func bytesThatAreNoKeyAreRefused() throws {
        let key = try MLKEMPrivateKey.generate(.mlkem768).publicKey
        let text = String(decoding: try sheet([key]).json.canonical, as: UTF8.self)
        for other in [Array(key.raw.dropLast()), key.raw + [0], []] {
            let changed = text.replacing(Base64.encode(key.raw), with: Base64.encode(other))
            #expect(changed != text)
            #expect(throws: FederationError.self) { try JoinSheet(content: Array(changed.utf8)) }
        }
    }
}
