import Foundation
import SelatCore
import SelatCrypto
import Testing

@testable import SelatEnvelope

/// One file of `Tests/Vectors/envelope`: header lines, an empty line, a package in base64.
struct Vector: CustomTestStringConvertible, Sendable {
    let name: String
    let fields: [String: String]
    let package: [UInt8]

    var testDescription: String { name }

    static let folder = URL(filePath: #filePath).deletingLastPathComponent()
        .deletingLastPathComponent().appending(path: "Vectors/envelope")

    static let all: [Vector] = {
        let files = try? FileManager.default.contentsOfDirectory(
            at: folder, includingPropertiesForKeys: nil)
        return (files ?? []).filter { $0.pathExtension == "txt" }
            .sorted { $0.path() < $1.path() }.compactMap { try? Vector($0) }
    }()

    init(_ url: URL) throws {
        let text = try String(contentsOf: url, encoding: .utf8)
        let halves = text.split(separator: "\n\n", maxSplits: 1)
        var fields: [String: String] = [:]
        for line in halves.first?.split(separator: "\n") ?? [] {
            let parts = line.split(separator: ": ", maxSplits: 1)
            fields[String(parts[0])] = parts.count == 2 ? String(parts[1]) : ""
        }
        self.fields = fields
        let body = halves.dropFirst().first?.split(separator: "\n").joined() ?? ""
        package = try #require(Base64.decode(body))
        name = url.deletingPathExtension().lastPathComponent
    }

    func bytes(_ key: String) throws -> [UInt8] {
        try #require(fields[key].flatMap { Base64.decode($0) })
    }

    func certificate(_ key: String) throws -> Certificate { try Certificate(der: try bytes(key)) }
}

struct VectorTests {
    @Test func thereAreVectorsOfEveryKind() {
        let kinds = Set(Vector.all.compactMap { $0.fields["expect"] })
        #expect(
            kinds == [
                "opened", "package", "header", "parts", "commitment", "segment", "recipient",
            ])
    }

    @Test(arguments: [2, 3, 4])
    func thereAreVectorsOfEverySuite(number: Int) {
        let kinds = Vector.all.filter { $0.name.hasPrefix("suite-\(number)") }
            .compactMap { $0.fields["expect"] }
        let expected: Set = ["opened", "header", "commitment"]
        #expect(Set(kinds) == (number == 3 ? expected : expected.union(["parts"])))
    }

    @Test(arguments: Vector.all)
    func aVectorEndsAsItSays(vector: Vector) async throws {
        let path = FileManager.default.temporaryDirectory
            .appending(path: "selat-\(UUID().uuidString)").path()
        try Data(vector.package).write(to: URL(filePath: path))
        defer { unlink(path) }
        let expected = try #require(vector.fields["expect"])
        #expect(try await outcome(of: vector, at: path) == expected)
    }

    /// How far opening comes, in the words of `expect`.
    private func outcome(of vector: Vector, at path: String) async throws -> String {
        let time = try Timestamp(try #require(vector.fields["time"]))
        let root = try vector.certificate("root")
        let signer = try vector.certificate("signer")
        let country = try #require(signer.node).country
        let anchors = try TrustAnchors(country: country, anchors: [root], revocationLists: [])
        guard let file = try? PackageFile(path) else { return "package" }
        let verified: VerifiedHead
        do {
            verified = try file.head.verify { _, _ in
                try anchors.verify(signer, purpose: .signing, at: time)
            }
        } catch EnvelopeError.partDiffers {
            return "parts"
        } catch { return "header" }
        let agreement = try vector.certificate("agreement")
        let key = try PrivateKey(pem: try vector.bytes("key"))
        let mlkem = try vector.fields["mlkem"].map { _ in
            try MLKEMPrivateKey(pem: try vector.bytes("mlkem"))
        }
        let contentKey: ContentKey
        do throws(EnvelopeError) {
            contentKey = try verified.open(
                with: OpeningKeys(certificate: agreement, key: key, mlkem: mlkem)
            ).contentKey
        } catch {
            return error == .crypto(.commitmentMismatch) ? "commitment" : "recipient"
        }
        #expect(Hex.encode(contentKey.secret.revealed()) == vector.fields["content-key"])
        guard let plaintext = try await open(file, verified, contentKey) else { return "segment" }
        #expect(SHA256.digest(plaintext).text == vector.fields["plaintext"])
        #expect(verified.identity.text == vector.fields["identity"])
        // A valid vector has one encoding.
        var again: [UInt8] = []
        try PackageFile.write(file.head, payload: file) { span in
            span.withUnsafeBytes { again += $0 }
        }
        #expect(again == vector.package)
        return "opened"
    }

    private func open(
        _ file: PackageFile, _ head: VerifiedHead, _ key: ContentKey
    ) async throws -> [UInt8]? {
        do throws(EnvelopeError) { try file.verifyPayload(of: head) } catch {
            guard case .segmentDiffers = error else { throw error }
            return nil
        }
        let opener = try PayloadOpener(
            file, size: head.layout.sealedSize, core: head.core, contentKey: key)
        var opened: [UInt8] = []
        while let bytes = try await opener.next() { opened += bytes }
        return opened
    }

    @Test(.enabled(if: ProcessInfo.processInfo.environment["SELAT_WRITE_VECTORS"] != nil))
    func writeVectors() async throws {
        try await VectorWriter().write()
        #expect(!Vector.all.isEmpty)
    }
}
