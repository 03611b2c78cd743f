import Foundation
import SelatCore
import SelatTestSupport
import Synchronization
import Testing

@testable import SelatStore

/// A dataset's plaintext in files that another process has opened.
struct PlainFilesTests {
    private let folder: MemoryFolder

    init() throws { folder = try MemoryFolder() }

    private func path(_ index: Int) -> String { "\(folder.path)/\(index)" }

    private func content(_ index: Int) -> [UInt8] {
        Array((try? Data(contentsOf: URL(filePath: path(index)))) ?? Data())
    }

    private func handed(_ files: [[UInt8]]) throws -> HandedFiles {
        try HandedFiles(
            files.enumerated().map { index, bytes in folder.open("\(index)", bytes) })
    }

    private func described(_ files: [[UInt8]]) -> [(name: String, size: UInt64)] {
        files.enumerated().map { (name: "\($0.offset)", size: UInt64($0.element.count)) }
    }

    private func bytes(_ count: Int) -> [UInt8] {
        (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ $0 >> 8) }
    }

    private static let files: [[UInt8]] = [
        [], Array(0..<200), [7], [], Array(repeating: 3, count: 10_000), [1, 2],
    ]

    @Test func anyRangeIsReadAcrossFiles() throws {
        let files = try PlainFiles(
            try handed(Self.files), as: described(Self.files), isWritten: false)
        let all = Self.files.flatMap { $0 }
        for range in [0..<all.count, 0..<1, 199..<202, 200..<201, 150..<9_000, 10_200..<10_203] {
            var memory = [UInt8](repeating: 0, count: 20_000)
            var span = memory.mutableSpan
            var bytes = span.mutableBytes
            let start = try files.read(
                UInt64(range.lowerBound)..<UInt64(range.upperBound), into: &bytes)
            #expect(Array(memory[start..<start + range.count]) == Array(all[range]))
        }
        try files.requireSizes()
        #expect(files.unusable == nil)
    }

    /// Also where pieces end within blocks and files.
    @Test(arguments: [1, 100, 4_096, 5_000, 100_000])
    func piecesInAnyOrderBecomeTheFiles(size: Int) throws {
        let wanted = [bytes(12_345), [], bytes(4_096), bytes(3), bytes(20_000)]
        let all = wanted.flatMap { $0 }
        let passed = Mutex<UInt64>(0)
        let empty = try handed(wanted.map { _ in [] })
        let files = try PlainFiles(
            try HandedFiles(empty.descriptors.map { dup($0) }) { count in
                passed.withLock { $0 = count }
            },
            as: described(wanted), isWritten: true)
        for start in stride(from: 0, to: all.count, by: size).reversed() {
            let piece = all[start..<min(start + size, all.count)]
            try files.write(Array(piece).span.bytes, at: UInt64(start))
        }
        try files.finish(size: UInt64(all.count))
        for index in wanted.indices { #expect(content(index) == wanted[index], "\(index)") }
        #expect(passed.withLock { $0 } == UInt64(all.count))
    }

    @Test func moreAndFewerFilesThanDescribedAreRefused() throws {
        for count in [0, 1, 3] {
            #expect(throws: PlainFiles.Unusable.self) {
                _ = try PlainFiles(
                    try handed(Array(repeating: [1], count: count)), as: described([[1], [1]]),
                    isWritten: false)
            }
        }
    }

    @Test func aFileThatChangesIsNamed() throws {
        for (change, reason) in [(90, "shorter"), (110, "size changed")] {
            let files = try PlainFiles(
                try handed([[1], bytes(100)]), as: described([[1], bytes(100)]), isWritten: false)
            _ = truncate(path(1), off_t(change))
            var memory = [UInt8](repeating: 0, count: 200)
            #expect(throws: FileFault.self) {
                var span = memory.mutableSpan
                var bytes = span.mutableBytes
                _ = try files.read(0..<101, into: &bytes)
                try files.requireSizes()
            }
            let words = try #require(files.unusable).description
            #expect(words.contains("reading `1`") && words.contains(reason))
        }
    }

    private final class Flag: Sendable {
        private let state = Mutex(false)
        var value: Bool { state.withLock { $0 } }
        func set() { state.withLock { $0 = true } }
    }

    @Test func whatIsStoppedWritesNoMore() throws {
        let flag = Flag()
        let files = try PlainFiles(
            try handed([[]]), as: described([bytes(10)]), isWritten: true, isStopped: { flag.value }
        )
        try files.write([1, 2, 3].span.bytes, at: 0)
        flag.set()
        #expect(throws: FileFault.self) { try files.write([4].span.bytes, at: 3) }
        // That is nobody's disk.
        #expect(files.unusable == nil)
    }

    @Test func whatCannotBeWrittenIsTheCallers() throws {
        let files = try PlainFiles(
            try HandedFiles([folder.open("0", [], flags: O_RDONLY)]), as: described([bytes(10)]),
            isWritten: true)
        #expect(throws: FileFault.self) {
            try files.write(bytes(10).span.bytes, at: 0)
            try files.finish(size: 10)
        }
        #expect(files.unusable != nil)
    }
}
