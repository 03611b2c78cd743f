import Foundation
import SelatCore
import SelatCrypto
import Testing

@testable import SelatFederation

/// `Tests/Vectors/edition/*.txt`: a policy file, the message that signs it, and what a reader says.
/// `openssl cms -verify -binary -content` comes to the same answer, but for the federation.
@Suite struct EditionVectorTests {
    private static let folder = URL(filePath: #filePath).deletingLastPathComponent()
        .deletingLastPathComponent().appending(path: "Vectors/edition")

    /// Lines `key: value`, in the order of the file; `signer` stands several times.
    private struct Vector {
        let lines: [(key: String, value: String)]

        init(_ name: String) throws {
            let text = try String(
                contentsOf: EditionVectorTests.folder.appending(path: name), encoding: .utf8)
            lines = text.split(separator: "\n").compactMap { line in
                let parts = line.split(separator: ": ", maxSplits: 1)
                return parts.count == 2 ? (String(parts[0]), String(parts[1])) : nil
            }
        }

        func text(_ key: String) throws -> String {
            try #require(lines.first { $0.key == key }?.value)
        }

        func bytes(_ key: String) throws -> [UInt8] {
            try #require(Base64.decode(try text(key)))
        }

        var signers: [Certificate] {
            get throws {
                try lines.filter { $0.key == "signer" }.map {
                    try Certificate(der: try #require(Base64.decode($0.value)))
                }
            }
        }
    }

    static let names =
        ((try? FileManager.default.contentsOfDirectory(atPath: folder.path())) ?? []).sorted()

    @Test func thereAreVectors() { #expect(Self.names.count >= 7) }

    @Test(arguments: names)
    func theReaderSaysWhatTheVectorSays(_ name: String) throws {
        let vector = try Vector(name)
        let time = try Timestamp(try vector.text("time"))
        let root = try Certificate(der: try vector.bytes("root"))
        let anchors = try TrustAnchors(
            country: Country("SG"), anchors: [root], revocationLists: [])
        let (signers, file) = (try vector.signers, try vector.bytes("file"))
        var persons: Set<OfficerID>?
        do {
            let signatures = try CMS.verifyDetached(
                try vector.bytes("signatures"), content: file, type: .policyEdition,
                federation: try Digest(try vector.text("federation"))
            ) { name in
                guard let signer = signers.first(where: { CMS.SignerName(of: $0) == name })
                else {
                    throw FederationError.unknownSigner(name.issuerAndSerial)
                }
                return try anchors.verify(signer, purpose: .officer, at: time)
            }
            persons = Set(signatures.compactMap(\.certificate.certificate.officer))
        } catch is CryptoError {} catch is FederationError {}
        switch try vector.text("expect") {
        case "accepted": #expect(persons == Set(signers.compactMap(\.officer)))
        case "refused": #expect(persons == nil)
        default: Issue.record("`\(name)` expects nothing")
        }
    }

    // MARK: Making them anew

    @Test(.enabled(if: ProcessInfo.processInfo.environment["SELAT_WRITE_VECTORS"] == "edition"))
    func write() throws {
        let world = try World("SG")
        let signers = Array(world.member("SG").policySigners.prefix(2))
        let federation = SHA256.digest(Array("a federation".utf8))
        let file = Array("jurisdiction: SG\nedition: 2\nin-force: 2026-12-01\n".utf8)
        func sign(_ signers: [CMS.Signer], _ file: [UInt8], _ federation: Digest) throws -> [UInt8]
        {
            try CMS.signDetached(
                content: file, type: .policyEdition, federation: federation, signers: signers,
                at: World.now)
        }
        let good = try sign(signers, file, federation)
        let other = SHA256.digest(Array("another federation".utf8))
        func vector(
            _ name: String, _ comment: String, _ expect: String, _ signatures: [UInt8],
            file bytes: [UInt8]? = nil, known: [CMS.Signer]? = nil
        ) throws {
            var lines = [
                "comment: \(comment)", "expect: \(expect)", "time: \(World.now)",
                "federation: \(federation)",
                "root: \(Base64.encode(world.member("SG").issuer.certificate.der))",
            ]
            lines += (known ?? signers).map { "signer: \(Base64.encode($0.certificate.der))" }
            lines += [
                "file: \(Base64.encode(bytes ?? file))",
                "signatures: \(Base64.encode(signatures))",
            ]
            try Data((lines.joined(separator: "\n") + "\n").utf8).write(
                to: Self.folder.appending(path: "\(name).txt"))
        }
        try FileManager.default.createDirectory(
            at: Self.folder, withIntermediateDirectories: true)
        try vector("signed", "two officers have signed the file", "accepted", good)
        try vector(
            "one-signer", "one has; whether that is enough is another question", "accepted",
            try sign([signers[0]], file, federation), known: [signers[0]])
        try vector("other-bytes", "one more line end", "refused", good, file: file + [0x0A])
        try vector(
            "line-ends", "the file with the line ends of another system", "refused", good,
            file: file.flatMap { $0 == 0x0A ? [0x0D, 0x0A] : [$0] })
        try vector(
            "other-federation", "signed for another federation", "refused",
            try sign(signers, file, other))
        try vector(
            "signed-twice", "one person's certificate stands twice", "refused",
            try sign([signers[0], signers[0]], file, federation), known: [signers[0]])
        try vector(
            "unknown-signer", "the second is nobody's policy signer", "refused", good,
            known: [signers[0]])
        var flipped = good
        flipped[flipped.count - 1] ^= 1
        try vector("signature-flipped", "the last bit of a signature", "refused", flipped)
        try vector(
            "content-inside", "a member record's message, whose content is inside", "refused",
            try CMS.sign(content: file, type: .memberRecord, signers: signers, at: World.now))
    }
}
