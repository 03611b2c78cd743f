import Foundation
import SelatCore
import SelatCrypto
import Testing

@testable import SelatEnvelope

/// Opening by others' programs, as Format says.
struct OtherProgramsTests {
    @Test func theCommandVerifiesTheHeaderAndDerivesTheContentKey() throws {
        let vector = try #require(Vector.all.first { $0.name == "small" })
        let folder = FileManager.default.temporaryDirectory
            .appending(path: "selat-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        func save(_ name: String, _ bytes: [UInt8]) throws -> String {
            let file = folder.appending(path: name)
            try Data(bytes).write(to: file)
            return file.path()
        }
        let package = try PackageFile(try save("package", vector.package))
        let root = try save("root.pem", Array(vector.certificate("root").pem.utf8))
        let signer = try save("signer.pem", Array(vector.certificate("signer").pem.utf8))
        let recipient = try save("agreement.pem", Array(vector.certificate("agreement").pem.utf8))
        let key = try save("key.pem", try vector.bytes("key"))

        let epoch = try Timestamp(try #require(vector.fields["time"])).seconds
        let content = try openssl([
            "cms", "-verify", "-inform", "DER", "-binary", "-purpose", "any", "-attime", "\(epoch)",
            "-in", try save("header.cms", package.head.headerCMS), "-certfile", signer,
            "-CAfile", root,
        ])
        let header = try Header(parsing: content)
        #expect(SHA256.digest(content).text == vector.fields["identity"])

        let secret = try openssl([
            "cms", "-decrypt", "-inform", "DER", "-binary",
            "-in", try save("keys.cms", package.head.keys.cms), "-recip", recipient, "-inkey", key,
        ])
        #expect(secret.count == 32)
        let info =
            Array("selat content key v1".utf8) + [0] + header.core.digest.bytes
            + SHA256.digest(package.head.keys.cms).bytes + SHA256.digest([UInt8]()).bytes
        let derived = try openssl([
            "kdf", "-keylen", "32", "-binary", "-kdfopt", "digest:SHA512",
            "-kdfopt", "hexkey:\(Hex.encode(secret))", "-kdfopt", "hexinfo:\(Hex.encode(info))",
            "HKDF",
        ])
        #expect(Hex.encode(derived) == vector.fields["content-key"])
    }

    /// `open.py` was written from Format alone and shares no line with this module.
    @Test(
        .enabled(if: hasPython, "python3 with the package `cryptography` is not here"),
        arguments: opened.filter { $0.fields["mlkem"] == nil })
    func anIndependentProgramOpensTheVector(vector: Vector) throws {
        try open(vector)
    }

    @Test(
        .enabled(if: hasMLKEM, "python3 with a package `cryptography` that has ML-KEM is not here"),
        arguments: opened.filter { $0.fields["mlkem"] != nil })
    func anIndependentProgramWithMLKEMOpensTheVector(vector: Vector) throws {
        try open(vector)
    }

    private static let opened = Vector.all.filter { $0.fields["expect"] == "opened" }

    private func open(_ vector: Vector) throws {
        let output = try Self.run([
            "python3", Vector.folder.appending(path: "open.py").path(),
            Vector.folder.appending(path: "\(vector.name).txt").path(),
        ])
        #expect(output.status == 0)
        let digest = try #require(vector.fields["plaintext"])
        #expect(String(decoding: output.bytes, as: UTF8.self) == "\(digest)\n")
    }

    private static let hasPython =
        (try? run(["python3", "-c", "import cryptography"]))?.status == 0

    private static let hasMLKEM =
        (try? run(["python3", "-c", "import cryptography.hazmat.primitives.asymmetric.mlkem"]))?
        .status == 0

    private func openssl(_ arguments: [String]) throws -> [UInt8] {
        let output = try Self.run(["openssl"] + arguments)
        #expect(output.status == 0, "openssl \(arguments.joined(separator: " "))")
        return output.bytes
    }

    private static func run(_ command: [String]) throws -> (status: Int32, bytes: [UInt8]) {
        let process = Process()
        process.executableURL = URL(filePath: "/usr/bin/env")
        process.arguments = command
        let output = Pipe()
        process.standardOutput = output
        process.standardError = FileHandle.nullDevice
        try process.run()
        let bytes = Array(output.fileHandleForReading.readDataToEndOfFile())
        process.waitUntilExit()
        return (process.terminationStatus, bytes)
    }
}
