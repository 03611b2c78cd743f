import Foundation
import SelatCore
import SelatCrypto
import SelatTestSupport
import Testing

@testable import SelatEnvelope

struct PackageFileTests {
    /// A folder that goes with the test.
    private final class Folder {
        let url = FileManager.default.temporaryDirectory.appending(
            path: "selat-\(UUID().uuidString)")
        init() throws {
            try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
        }
        deinit { try? FileManager.default.removeItem(at: url) }
        func file(_ bytes: [UInt8]) throws -> String {
            let file = url.appending(path: UUID().uuidString)
            try Data(bytes).write(to: file)
            return file.path()
        }
    }

    private let folder: Folder
    private let world: World

    init() throws {
        folder = try Folder()
        world = try World()
    }

    private func package(_ message: [UInt8]) async throws -> [UInt8] {
        let sealed = try await world.envelope(message)
        var bytes: [UInt8] = []
        try PackageFile.write(sealed.head, payload: sealed.payload) { span in
            span.withUnsafeBytes { bytes += $0 }
        }
        return bytes
    }

    @Test(arguments: [0, 1_000, 2 << 20])
    func aPackageReadsBackVerifiesAndOpens(size: Int) async throws {
        let message = sample(size)
        let file = try PackageFile(try folder.file(try await package(message)))
        let verified = try world.verify(file.head)
        try file.verifyPayload(of: verified)
        let (key, _) = try verified.open(with: world.recipient.openingKeys)
        let opener = try PayloadOpener(
            file, size: verified.layout.sealedSize, core: verified.core, contentKey: key)
        var opened: [UInt8] = []
        while let bytes = try await opener.next() { opened += bytes }
        #expect(opened == message)
    }

    @Test func systemTarListsAPackage() async throws {
        let path = try folder.file(try await package(sample(5_000)))
        let tar = Process()
        tar.executableURL = URL(filePath: "/bin/tar")
        tar.arguments = ["--list", "--verbose", "--file", path]
        let output = Pipe()
        tar.standardOutput = output
        try tar.run()
        let listing = String(
            decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        tar.waitUntilExit()
        #expect(tar.terminationStatus == 0)
        let names = listing.split(separator: "\n").compactMap { $0.split(separator: " ").last }
        #expect(
            names == ["header.cms", "keys.cms", "keys.mlkem", "manifest", "leaves", "payload"])
    }

    @Test func neighboursOfAPackageAreRefused() async throws {
        let bytes = try await package(sample(3_000))
        let neighbours: [[UInt8]] = [
            Array(bytes.dropLast()), bytes + [0], bytes + Tar.end, Array(bytes.dropLast(512)), [],
            Array(bytes[..<512]), Array(bytes.dropLast()) + [1],
        ]
        for neighbour in neighbours {
            let path = try folder.file(neighbour)
            #expect(throws: EnvelopeError.self) { try PackageFile(path) }
        }
    }

    @Test func aFlippedPayloadByteIsFoundByItsLeaf() async throws {
        var bytes = try await package(sample(2 << 20))
        bytes[bytes.count - 1_024 - 2_000] ^= 4
        let file = try PackageFile(try folder.file(bytes))
        let verified = try world.verify(file.head)
        #expect(throws: EnvelopeError.segmentDiffers(index: 1)) {
            try file.verifyPayload(of: verified)
        }
    }

    @Test func everyMutationOfAPackageIsRefused() async throws {
        let bytes = try await package(sample(3_000))
        let believed = try Mutations.of(bytes, count: 200, seed: 3).filter { mutant in
            guard mutant != bytes else { return false }
            do {
                let file = try PackageFile(try folder.file(mutant))
                try file.verifyPayload(of: try world.verify(file.head))
                return true
            } catch is EnvelopeError, is CryptoError, is World.Stranger {
                return false
            }
        }
        #expect(believed.isEmpty)
    }

    @Test func aMissingFileIsNamed() {
        #expect(throws: EnvelopeError.self) { try PackageFile("/nonexistent/x.selat") }
    }
}
