import Foundation
import SelatCore
import SelatTestSupport
import Testing

@testable import SelatStore

struct SpoolFileTests {
    /// A folder that goes with the test.
    private final class Folder {
        let url = FileManager.default.temporaryDirectory.appending(
            path: "selat-\(UUID().uuidString)")
        init() throws {
            try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
        }
        deinit { try? FileManager.default.removeItem(at: url) }
    }

    private let folder: Folder
    private let path: String

    init() throws {
        folder = try Folder()
        path = folder.url.appending(path: "x.payload").path()
    }

    private var content: [UInt8] { Array((try? Data(contentsOf: URL(filePath: path))) ?? Data()) }

    private func bytes(_ count: Int) -> [UInt8] {
        (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ $0 >> 8) }
    }

    private func write(_ bytes: ArraySlice<UInt8>, to file: SpoolFile) throws {
        try file.write(bytes.span.bytes, at: UInt64(bytes.startIndex))
    }

    /// Nobody would name it, and it would lie there until the next start.
    @Test func aPartThatCannotBeWrittenLeavesNothing() async throws {
        let spool = SpoolFolder(folder.url.path())
        let name = SpoolFolder.Name(
            outbound: TransferID(milliseconds: 1, entropy: [UInt8](repeating: 1, count: 10)))
        // A folder stands where the file is to be.
        let inside = spool.path(of: name, .head) + "/inside"
        try FileManager.default.createDirectory(
            atPath: inside, withIntermediateDirectories: true)
        await #expect(throws: FileFault.self) {
            try await spool.write([1, 2, 3], to: name, .head)
        }
        func names() throws -> [String] {
            try FileManager.default.contentsOfDirectory(atPath: folder.url.path())
        }
        #expect(try names() == ["\(name).head"])
        // What a daemon left that was killed within.
        try await spool.write([1], to: name, .leaves)
        try Data([1]).write(to: URL(filePath: spool.path(of: name, .leaves) + ".new"))
        await spool.remove(name)
        #expect(try names() == ["\(name).head"])
    }

    /// Cuts that share blocks in every way: inside one, at a border, three in one block.
    @Test(arguments: [
        [0, 10_000, 20_000, 30_000], [0, 4_096, 8_192, 8_193], [0, 100, 200, 300],
        [0, 4_095, 4_097, 20_000], [0, 12_288, 12_300, 12_310], [0, 1],
    ])
    func piecesInAnyOrderBecomeTheFile(cuts: [Int]) throws {
        let all = bytes(cuts[cuts.count - 1])
        let pieces = zip(cuts, cuts.dropFirst()).map { all[$0..<$1] }
        let file = try SpoolFile(creating: path, size: UInt64(all.count))
        for piece in pieces.reversed() { try write(piece, to: file) }
        try file.finish(size: UInt64(all.count))
        #expect(content == all)
    }

    @Test(arguments: [0, 1, 4_096, 5_000, 8_191])
    func aFileGoesOnWhereItWasDurable(cut: Int) throws {
        let all = bytes(20_000)
        do {
            let file = try SpoolFile(creating: path, size: UInt64(all.count))
            try write(all[..<cut], to: file)
            try file.sync()
        }
        #expect(content.starts(with: all[..<cut]))
        let file = try SpoolFile(resuming: path, at: UInt64(cut))
        try write(all[cut...], to: file)
        try file.finish(size: UInt64(all.count))
        #expect(content == all)
    }

    @Test func aBlockSyncedHalfIsWrittenAgainWhole() throws {
        let all = bytes(9_000)
        let file = try SpoolFile(creating: path, size: UInt64(all.count))
        try write(all[..<5_000], to: file)
        try file.sync()
        try write(all[5_000...], to: file)
        try file.finish(size: UInt64(all.count))
        #expect(content == all)
    }

    @Test func anExistingFileIsNotReplaced() throws {
        try Data([1]).write(to: URL(filePath: path))
        #expect(throws: FileFault.self) { try SpoolFile(creating: path, size: 10) }
        #expect(content == [1])
    }

    @Test func aLinkIsNotFollowed() throws {
        let target = folder.url.appending(path: "target").path()
        try Data(count: 5_000).write(to: URL(filePath: target))
        try FileManager.default.createSymbolicLink(atPath: path, withDestinationPath: target)
        #expect(throws: FileFault.self) { try SpoolReader(path) }
        #expect(throws: FileFault.self) { try SpoolFile(resuming: path, at: 0) }
    }

    @Test func aDiscardedFileIsGone() throws {
        let file = try SpoolFile(creating: path, size: 5_000)
        file.discard()
        #expect(!FileManager.default.fileExists(atPath: path))
    }

    @Test func aSpoolFileIsTheOwnersAlone() throws {
        let file = try SpoolFile(creating: path, size: 0)
        try file.finish(size: 0)
        let mode = try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions]
        #expect(mode as? Int == 0o600)
    }

    @Test func roomThatTheDiskDoesNotHaveIsRefusedFirst() {
        #expect(throws: FileFault.self) { try SpoolFile(creating: path, size: 1 << 50) }
        #expect(!FileManager.default.fileExists(atPath: path))
    }

    @Test(arguments: [0..<1, 0..<20_000, 4_096..<8_192, 5_000..<12_001, 19_999..<20_000])
    func aReaderGivesAnyRange(range: Range<Int>) throws {
        let all = bytes(20_000)
        try Data(all).write(to: URL(filePath: path))
        let reader = try SpoolReader(path)
        #expect(reader.size == 20_000)
        let wanted = UInt64(range.lowerBound)..<UInt64(range.upperBound)
        let memory = UnsafeMutableRawBufferPointer.allocate(
            byteCount: SegmentBlocks.widened(wanted).count, alignment: SegmentBlocks.bytes)
        defer { memory.deallocate() }
        var span = memory.mutableBytes
        let start = try reader.read(wanted, into: &span)
        #expect(Array(memory[start..<start + range.count]) == Array(all[range]))
    }

    @Test func aReaderSaysWhereAFileEndsTooEarly() throws {
        try Data(bytes(5_000)).write(to: URL(filePath: path))
        let reader = try SpoolReader(path)
        let memory = UnsafeMutableRawBufferPointer.allocate(
            byteCount: 8_192, alignment: SegmentBlocks.bytes)
        defer { memory.deallocate() }
        #expect(throws: FileFault.self) {
            var span = memory.mutableBytes
            _ = try reader.read(0..<5_001, into: &span)
        }
    }
}
