import Foundation
import SelatCore
import SelatCrypto
import SelatTestSupport
import Testing

@testable import SelatPolicy

/// Contents of agreements' signatures as files, so that another implementation can read them.
struct AgreementVector: Sendable, CustomTestStringConvertible {
    let name: String
    let isAgreement: Bool
    let content: [UInt8]

    var testDescription: String { name }

    static func all() throws -> [AgreementVector] {
        let folder = ShippedPolicies.folder.deletingLastPathComponent()
            .appending(path: "Tests/Vectors/agreements")
        return try FileManager.default.contentsOfDirectory(
            at: folder, includingPropertiesForKeys: nil
        ).sorted { $0.path() < $1.path() }.map { url in
            let text = String(decoding: try Data(contentsOf: url), as: UTF8.self)
            let parts = text.split(separator: "\n\n", maxSplits: 1)
            return AgreementVector(
                name: url.lastPathComponent, isAgreement: parts[0].contains("expect: agreement"),
                content: Array(parts[1].utf8))
        }
    }
}

/// An instrument that asks for its parties' own signatures, and what those may and may not be.
@Suite struct AgreementTests {
    private static let now = Timestamp(seconds: 1_790_000_000)
    private let federation = SHA256.digest([1])
    private let signer: CMS.Signer

    init() throws {
        let country = try Country("SG")
        let authority = try CertificateIssuer(
            root: "SG", country: country, key: .generate(.p256), from: Self.now + -60,
            until: Self.now + 86_400)
        let key = try PrivateKey.generate(.p256)
        let certificate = try authority.issue(
            for: .officer, uri: "selat://SG/hub/lee", to: key.publicKey, from: Self.now + -60,
            until: Self.now + 86_400)
        signer = try CMS.Signer(certificate: certificate, key: key)
    }

    private func signature(
        _ party: String, instrument: String = "sg-vn-relief-2026",
        parties: [String] = ["SG", "VN"], text: String = String(repeating: "0", count: 64)
    ) throws -> String {
        let statement = AgreementStatement(
            federation: federation, instrument: instrument, parties: .mutual(parties),
            text: try Digest("sha256:\(text)"), party: try Country(party), issued: Self.now)
        return Base64.encode(try statement.signed(by: signer))
    }

    /// The shipped set, in which the first instrument asks for signatures.
    private func sources(_ signatures: String...) throws -> [PolicySource] {
        try sources(bearing: signatures)
    }

    private func sources(bearing signatures: [String]) throws -> [PolicySource] {
        try ShippedPolicies.sources().map { source in
            guard source.name.hasSuffix("agreements.yaml") else { return source }
            let list = signatures.map { "      - \($0)\n" }.joined()
            let key = list.isEmpty ? "    signatures: []\n" : "    signatures:\n\(list)"
            let before = "    territory: [SG, VN]"
            let text = String(decoding: source.bytes, as: UTF8.self)
            return PolicySource(
                name: source.name,
                bytes: Array(text.replacing(before, with: key + before, maxReplacements: 1).utf8))
        }
    }

    private func head(_ sources: [PolicySource]) throws -> EditionHead {
        try EditionHead(try #require(sources.first { $0.name.hasSuffix("agreements.yaml") }))
    }

    @Test(arguments: try AgreementVector.all())
    func aVectorIsReadToTheByteOrRefused(_ vector: AgreementVector) throws {
        guard vector.isAgreement else {
            #expect(throws: CoreError.self) { try AgreementStatement(content: vector.content) }
            return
        }
        let statement = try AgreementStatement(content: vector.content)
        #expect(statement.json.canonical == vector.content)
        for bytes in [vector.content + [0x20], Array(vector.content.dropLast()), []] {
            #expect(throws: CoreError.self) { try AgreementStatement(content: bytes) }
        }
    }

    @Test func noMutatedContentIsReadAsAnotherForm() throws {
        let vector = try #require(try AgreementVector.all().first { $0.name == "mutual.txt" })
        for bytes in Mutations.of(vector.content, count: 2_000, seed: 11) {
            guard let read = try? AgreementStatement(content: bytes) else { continue }
            #expect(read.json.canonical == bytes)
        }
    }

    @Test func itCountsOnceEveryPartyHasSigned() throws {
        let (sg, vn) = (try signature("SG"), try signature("VN"))
        let members = Set(try ["SG", "VN", "MY"].map { try Country($0) })
        for (signatures, missing) in [([], ["SG", "VN"]), ([vn], ["SG"]), ([sg, vn], [])] {
            let sources = try sources(bearing: signatures)
            let head = try head(sources)
            let signing = try #require(head.signings.first)
            #expect(signing.missing.map(\.code).sorted() == missing)
            #expect(
                head.instruments(among: members).contains("sg-vn-relief-2026")
                    == missing.isEmpty)
            let warnings = try PolicySet.load(files: sources).warnings
                .filter { $0.code == .unsignedAgreement }
            #expect(warnings.count == (missing.isEmpty ? 0 : 1))
            #expect(
                missing.isEmpty
                    || warnings[0].message.contains(
                        "lacks that of \(missing.joined(separator: ", ")); run, there: selat policy sign "
                    ))
        }
        // The others ask for nothing.
        #expect(try head(try sources()).signings.count == 1)
        #expect(try head(try ShippedPolicies.sources()).signings.isEmpty)
    }

    @Test func whatIsNoSignatureOfThisInstrumentIsAnError() throws {
        let other = String(repeating: "1", count: 64)
        let good = try signature("SG")
        let message = try #require(Base64.decode(good))
        let cases = [
            (try signature("SG", text: other), "of another text, sha256:1111"),
            (try signature("SG", instrument: "my-sg-maritime-2026"), "of instrument `my-sg"),
            (try signature("SG", parties: ["MY", "SG"]), "between other parties"),
            (try signature("MY", parties: ["MY", "SG", "VN"]), "between other parties"),
            ("AAAA", "cannot be read"), ("x", "it is no base64"),
            (Base64.encode(Array(message.dropLast())), "cannot be read"),
            (Base64.encode(message + [0]), "cannot be read"),
            (Base64.encode([UInt8](repeating: 0, count: 9_000)), "it is no base64"),
        ]
        for (signature, says) in cases {
            let sources = try sources(signature)
            let readers: [() throws -> Void] = [
                { _ = try head(sources) }, { _ = try PolicySet.load(files: sources) },
            ]
            for body in readers {
                let errors = #expect(throws: PolicyErrors.self) { try body() }
                let found = errors?.diagnostics.filter { $0.code == .agreementSignature } ?? []
                #expect(found.count == 1 && found[0].message.contains(says), "\(found)")
            }
        }
        let twice = #expect(throws: PolicyErrors.self) { try head(try sources(good, good)) }
        #expect(twice?.diagnostics.first?.message.contains("SG has signed twice") == true)
    }

    @Test func theVerdictSaysThatASignatureIsMissing() throws {
        func verdict(_ sources: [PolicySource], signed: Set<String>) throws -> Verdict {
            let set = try PolicySet.load(files: sources, signed: signed)
            return try set.decide(try Self.question()).verdict
        }
        let id = "sg-vn-relief-2026"
        let lacking = try verdict(try sources(try signature("SG")), signed: [])
        #expect(lacking.outcome == .refused)
        let rules = lacking.judgements[0].clauses.map(\.rule)
        #expect(rules == ["no-instrument-covers-level", "agreement-lacks-signature"])
        #expect(BuiltIn.sentence("agreement-lacks-signature") != "agreement-lacks-signature")
        let whole = try verdict(
            try sources(try signature("SG"), try signature("VN")), signed: [id])
        #expect(whole.instruments == [id])
        #expect(!whole.judgements[0].clauses.map(\.rule).contains("agreement-lacks-signature"))
        // A file that asks for nothing says nothing.
        let plain = try verdict(try ShippedPolicies.sources(), signed: [])
        #expect(plain.judgements[0].clauses.map(\.rule) == ["no-instrument-covers-level"])
    }

    /// Relief data from SG to VN at a level that only an instrument opens.
    private static func question() throws -> Question {
        try .gauges { $0.label?.classification = .confidential }
    }
}
