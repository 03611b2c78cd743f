import Foundation
import Testing

@testable import SelatCrypto

/// What the heap has free goes back to the system.
@Suite(.serialized) struct FreedMemoryTests {
    /// What proc(5) calls *RssAnon*, which takes longer to ask for.
    private static func anonymousBytes() throws -> UInt64 {
        let status = try String(contentsOfFile: "/proc/self/status", encoding: .utf8)
        let line = try #require(status.split(separator: "\n").first { $0.hasPrefix("RssAnon:") })
        let words = line.split(separator: " ")
        return try #require(words.count > 1 ? UInt64(words[words.count - 2]) : nil) << 10
    }

    @Test func privateBytesAreThoseOfTheSystem() throws {
        let (known, found) = (try Self.anonymousBytes(), try #require(FreedMemory.privateBytes))
        // The kernel counts in batches for each thread, and other tests' threads go on.
        #expect(max(known, found) - min(known, found) < 16 << 20)
    }

    /// Every second block is freed: no hole is at the end of the heap, where it would go back by itself.
    @Test func holesAmidWhatIsUsedGoBack() throws {
        let size = 96 << 10
        let blocks = (0..<640).map { _ in
            let block = UnsafeMutableRawBufferPointer.allocate(byteCount: size, alignment: 16)
            block.initializeMemory(as: UInt8.self, repeating: 1)
            return block
        }
        for _ in 0..<2 { FreedMemory.passed(1 << 20) }
        let before = try #require(FreedMemory.privateBytes)
        for index in blocks.indices where index.isMultiple(of: 2) { blocks[index].deallocate() }
        // It has not grown since, so nothing is done.
        FreedMemory.passed(1 << 20)
        let more = (0..<100).map { _ in
            let block = UnsafeMutableRawBufferPointer.allocate(byteCount: 120 << 10, alignment: 16)
            block.initializeMemory(as: UInt8.self, repeating: 1)
            return block
        }
        for _ in 0..<2 { FreedMemory.passed(1 << 20) }
        let after = try #require(FreedMemory.privateBytes)
        // 30 MiB were freed, and 12 taken.
        #expect(after + (10 << 20) < before)
        for index in blocks.indices where !index.isMultiple(of: 2) { blocks[index].deallocate() }
        for block in more { block.deallocate() }
    }
}
