import SelatCore
import SelatCrypto
import Testing

@testable import SelatEnvelope

struct PayloadTests {
    let core: EnvelopeCore
    let key: ContentKey

    init() throws {
        core = try World().core()
        key = try ContentKey(stored: Random.secret(32))
    }

    private func seal(_ message: [UInt8], pieces: Int = 100_000) async throws -> (
        SealedPayload, MemoryFile
    ) {
        let sink = MemoryFile()
        let sealer = try PayloadSealer(
            core: core, contentKey: key, messageSize: UInt64(message.count), sink: sink)
        for start in stride(from: 0, to: message.count, by: pieces) {
            try await sealer.append(message[start..<min(start + pieces, message.count)])
        }
        return (try await sealer.finish(), sink)
    }

    @Test func layoutCoversEveryByteOnce() throws {
        for size: UInt64 in [0, 1, 16_383, 16_384, 1 << 20, (1 << 20) - 1, 5 << 20, 10_000_000] {
            let layout = try SegmentLayout(messageSize: size)
            #expect(try SegmentLayout(sealedSize: layout.sealedSize) == layout)
            var end: UInt64 = 0
            for index in 0..<layout.count {
                #expect(layout.leaf(index).lowerBound == end)
                #expect(!layout.leaf(index).isEmpty)
                end = layout.leaf(index).upperBound
            }
            #expect(end == layout.sealedSize)
        }
        #expect(try SegmentLayout(messageSize: 0).sealedSize == 72)
        #expect(try SegmentLayout(messageSize: 1 << 20).count == 2)
    }

    /// 4 TiB of plaintext, and what they make.
    @Test func theLargestPayloadIsTakenAndNoLargerOne() throws {
        let largest = try SegmentLayout(messageSize: 4 << 40)
        #expect(largest.sealedSize == 4_402_341_478_472)
        #expect(try SegmentLayout(sealedSize: 4_402_341_478_472) == largest)
        #expect(throws: EnvelopeError.self) { try SegmentLayout(messageSize: 4 << 40 + 1) }
        #expect(throws: EnvelopeError.self) { try SegmentLayout(sealedSize: 4_402_341_478_473) }
    }

    @Test func theSealedBytesAreOneChunkedMessage() async throws {
        let message = sample((2 << 20) + 12_345)
        let (payload, sink) = try await seal(message)
        let opened = try ChunkedEncryption.open(
            sink.bytes, key: key.secret, context: ContentKey.payloadContext(core))
        #expect(opened == message)
        #expect(payload.identity.size == UInt64(sink.bytes.count))
    }

    @Test func aSourceIsSealedAsTheSameMessage() async throws {
        let message = sample((3 << 20) + 1)
        let sink = MemoryFile()
        let payload = try await PayloadSealer.seal(
            MemoryFile(message), core: core, contentKey: key,
            messageSize: UInt64(message.count), sink: sink)
        let opened = MemoryFile()
        try await PayloadOpener.open(
            sink, size: payload.identity.size, core: core, contentKey: key,
            into: opened)
        #expect(opened.bytes == message)
    }

    @Test(arguments: [(-1, false), (1, false), (-1, true)])
    func aSizeThatIsNotThePlannedOneIsRefused(difference: Int, isEmpty: Bool) async throws {
        let message = sample(isEmpty ? 1 : 200_000)
        let sink = MemoryFile()
        let sealer = try PayloadSealer(
            core: core, contentKey: key, messageSize: UInt64(message.count - difference), sink: sink
        )
        await #expect(throws: EnvelopeError.self) {
            try await sealer.append(message)
            _ = try await sealer.finish()
        }
    }

    @Test func aFullDiskEndsTheSealingAndThrowsItAway() async throws {
        let sink = MemoryFile(capacity: 2 << 20)
        let sealer = try PayloadSealer(
            core: core, contentKey: key, messageSize: 40 << 20, sink: sink)
        let megabyte = sample(1 << 20)
        await #expect(throws: EnvelopeError.self) {
            for _ in 0..<40 { try await sealer.append(megabyte) }
            _ = try await sealer.finish()
        }
    }

    @Test func aCancelledSealingThrowsTheSpoolAway() async throws {
        let sink = MemoryFile()
        let sealer = try PayloadSealer(
            core: core, contentKey: key, messageSize: 4 << 20, sink: sink)
        try await sealer.append(sample(3 << 20))
        await sealer.cancel()
        // At once, or it might throw away what another puts into the same place.
        #expect(sink.isDiscarded)
        await #expect(throws: EnvelopeError.cancelled) { _ = try await sealer.finish() }
    }

    @Test func fortyMebibytesGoThroughIntakeAndOpener() async throws {
        let message = sample(40 << 20)
        let (payload, sealed) = try await seal(message, pieces: 3_000_001)
        let layout = try SegmentLayout(sealedSize: payload.identity.size)
        let received = MemoryFile()
        let intake = try PayloadIntake(layout: layout, leaves: payload.leaves, into: received)
        let bytes = sealed.bytes
        for start in stride(from: 0, to: bytes.count, by: 777_777) {
            try await intake.append(bytes[start..<min(start + 777_777, bytes.count)])
        }
        try await intake.finish()
        #expect(received.isFinished)
        #expect(received.bytes == bytes)
        let opener = try PayloadOpener(
            received, size: payload.identity.size, core: core, contentKey: key)
        var opened: [UInt8] = []
        while let piece = try await opener.next() { opened += piece }
        #expect(opened == message)
    }

    @Test func whatIsBesideOthersGetsTheLeastAndGivesItBack() {
        let room = SlotRoom(8)
        #expect(room.take(6, atLeast: 2) == 6)
        #expect(room.take(6, atLeast: 2) == 2)
        #expect(room.take(6, atLeast: 2) == 2)
        #expect(room.take(1, atLeast: 2) == 1)
        room.giveBack(6)
        #expect(room.take(6, atLeast: 1) == 3)
        room.giveBack(2 + 2 + 1 + 3)
        #expect(room.take(7, atLeast: 1) == 7)
        #expect(room.takeOne() && !room.takeOne())
    }

    /// One has what makes it fast, the others what they need, and more once the first has ended.
    @Test func fourAreSealedAtOnce() async throws {
        let message = sample((5 << 20) + 77)
        let sinks = (0..<4).map { _ in MemoryFile() }
        let sealers = try sinks.map {
            try PayloadSealer(
                core: core, contentKey: key, messageSize: UInt64(message.count), sink: $0)
        }
        for (sealer, sink) in zip(sealers, sinks) {
            for start in stride(from: 0, to: message.count, by: 700_000) {
                try await sealer.append(message[start..<min(start + 700_000, message.count)])
            }
            _ = try await sealer.finish()
            #expect(
                try ChunkedEncryption.open(
                    sink.bytes, key: key.secret, context: ContentKey.payloadContext(core))
                    == message)
        }
    }

    /// Many at once, most of them with as little memory as can be.
    @Test func twelveAtOnceGoThroughIntakeAndOpener() async throws {
        let message = sample((4 << 20) + 77)
        let (payload, sealed) = try await seal(message)
        let layout = try SegmentLayout(sealedSize: payload.identity.size)
        let received = (0..<12).map { _ in MemoryFile() }
        let intakes = try received.map {
            try PayloadIntake(layout: layout, leaves: payload.leaves, into: $0)
        }
        let bytes = sealed.bytes
        for start in stride(from: 0, to: bytes.count, by: 400_000) {
            for intake in intakes {
                try await intake.append(bytes[start..<min(start + 400_000, bytes.count)])
            }
        }
        for intake in intakes { try await intake.finish() }
        let openers = try received.map {
            try PayloadOpener($0, size: payload.identity.size, core: core, contentKey: key)
        }
        for opener in openers {
            var opened: [UInt8] = []
            while let piece = try await opener.next() { opened += piece }
            #expect(opened == message)
        }
    }

    @Test func anIntakeGoesOnAtItsDurableOffset() async throws {
        let (payload, sealed) = try await seal(sample(5 << 20))
        let layout = try SegmentLayout(sealedSize: payload.identity.size)
        let received = MemoryFile()
        let bytes = sealed.bytes
        let first = try PayloadIntake(layout: layout, leaves: payload.leaves, into: received)
        try await first.append(bytes[..<2_500_000])
        let durable = try await first.sync()
        #expect(durable == layout.leaf(2).lowerBound)
        let second = try PayloadIntake(
            layout: layout, leaves: payload.leaves, into: received, resumingAt: durable)
        try await second.append(bytes[Int(durable)...])
        #expect(try await second.sync() == layout.sealedSize)
        try await second.finish()
        #expect(received.bytes == bytes)
    }

    @Test func anIntakeResumesAtSegmentBordersOnly() async throws {
        let (payload, _) = try await seal(sample(3 << 20))
        let layout = try SegmentLayout(sealedSize: payload.identity.size)
        #expect(throws: EnvelopeError.self) {
            try PayloadIntake(
                layout: layout, leaves: payload.leaves, into: MemoryFile(), resumingAt: 4_096)
        }
    }

    @Test(arguments: [0, 100, 1_049_656, 2_500_000])
    func anIntakeNamesTheSegmentThatDiffers(at: Int) async throws {
        let (payload, sealed) = try await seal(sample(3 << 20))
        let layout = try SegmentLayout(sealedSize: payload.identity.size)
        var bytes = sealed.bytes
        bytes[at] ^= 1
        let received = MemoryFile()
        let intake = try PayloadIntake(layout: layout, leaves: payload.leaves, into: received)
        let changed = bytes
        let expected = (0..<layout.count).first { layout.leaf($0).contains(UInt64(at)) } ?? 0
        await #expect(throws: EnvelopeError.segmentDiffers(index: expected)) {
            try await intake.append(changed)
            try await intake.finish()
        }
        #expect(!received.isFinished)
    }

    // MARK: Above 32 GiB, here with fewer hashes

    private func large(
        _ segments: Int, hashes: UInt64
    ) async throws -> (SegmentLayout, SealedPayload, [UInt8]) {
        let message = sample(segments << 20 - 7)
        let layout = try SegmentLayout(
            messageSize: UInt64(message.count), subtreesMax: hashes)
        let sink = MemoryFile()
        let sealer = try PayloadSealer(
            core: core, contentKey: key, messageSize: UInt64(message.count), sink: sink,
            subtreesMax: hashes)
        try await sealer.append(message)
        return (layout, try await sealer.finish(), sink.bytes)
    }

    @Test(arguments: [(5, 2, 2, 2), (5, 3, 1, 3), (8, 4, 1, 4), (9, 4, 2, 3), (7, 1, 3, 1)])
    func subtreesStandForLeaves(
        segments: Int, hashes: UInt64, level: Int, count: Int
    ) async throws {
        let (layout, payload, sealed) = try await large(segments, hashes: hashes)
        #expect(layout.level == level && payload.leaves.count == count)
        let leaves = (0..<layout.count).map { index in
            let range = layout.leaf(index)
            return MerkleHash.leaf(sealed[Int(range.lowerBound)..<Int(range.upperBound)])
        }
        var whole = MerkleFrontier()
        for leaf in leaves { whole.append(leafHash: leaf) }
        #expect(payload.identity.root == whole.root)
        for number in 0..<layout.subtreeCount {
            var subtree = MerkleFrontier()
            for segment in layout.segments(ofSubtree: number) {
                subtree.append(leafHash: leaves[Int(segment)])
            }
            #expect(
                Array(payload.leaves.bytes[Int(number) * 32..<Int(number + 1) * 32])
                    == subtree.root.bytes)
        }
        let received = MemoryFile()
        let intake = try PayloadIntake(layout: layout, leaves: payload.leaves, into: received)
        try await intake.append(sealed)
        try await intake.finish()
        #expect(received.bytes == sealed)
    }

    @Test func anUploadGoesOnAtTheBeginningOfASubtree() async throws {
        let (layout, payload, sealed) = try await large(7, hashes: 4)
        let received = MemoryFile()
        let first = try PayloadIntake(layout: layout, leaves: payload.leaves, into: received)
        // Three segments and a half: the second subtree is not whole.
        try await first.append(sealed[..<3_600_000])
        let durable = try await first.sync()
        #expect(durable == layout.leaf(2).lowerBound)
        #expect(throws: EnvelopeError.self) {
            try PayloadIntake(
                layout: layout, leaves: payload.leaves, into: received,
                resumingAt: layout.leaf(3).lowerBound)
        }
        let second = try PayloadIntake(
            layout: layout, leaves: payload.leaves, into: received, resumingAt: durable)
        try await second.append(sealed[Int(durable)...])
        #expect(try await second.sync() == layout.sealedSize)
        try await second.finish()
        #expect(received.bytes == sealed)
    }

    @Test(arguments: [(0, 0), (2_500_000, 2), (7_000_000, 6)])
    func aByteThatDiffersIsFoundWithItsSubtree(at: Int, first: UInt64) async throws {
        let (layout, payload, sealed) = try await large(7, hashes: 4)
        var changed = sealed
        changed[at] ^= 1
        let bytes = changed
        let received = MemoryFile()
        let intake = try PayloadIntake(layout: layout, leaves: payload.leaves, into: received)
        await #expect(throws: EnvelopeError.segmentDiffers(index: first)) {
            try await intake.append(bytes)
            try await intake.finish()
        }
        #expect(!received.isFinished)
    }

    @Test func aHeadOfTheLargestPayloadIsSmall() throws {
        for (size, level, hashes) in [
            // A whole number of segments ends in one more, of an empty chunk.
            (32 << 30 - 1, 0, 32_768), (32 << 30, 1, 16_385), (1 << 40 - 1, 5, 32_768),
            (1 << 40, 6, 16_385), (4 << 40, 8, 16_385),
        ] as [(UInt64, Int, UInt64)] {
            let layout = try SegmentLayout(messageSize: size)
            #expect(layout.level == level, "\(size)")
            #expect(layout.subtreeCount == hashes, "\(size)")
        }
        #expect(throws: EnvelopeError.self) { try SegmentLayout(messageSize: 4 << 40 + 1) }
    }

    @Test func anIntakeRefusesBytesBehindThePayload() async throws {
        let (payload, sealed) = try await seal([1, 2, 3])
        let layout = try SegmentLayout(sealedSize: payload.identity.size)
        let intake = try PayloadIntake(
            layout: layout, leaves: payload.leaves, into: MemoryFile())
        await #expect(throws: EnvelopeError.sizeDiffers(expected: 75, actual: 76)) {
            try await intake.append(sealed.bytes + [0])
        }
    }

    @Test func openRefusesReorderedChunks() async throws {
        let (payload, sealed) = try await seal(sample(50_000))
        var bytes = sealed.bytes
        let chunk = 16_400
        let first = Array(bytes[56..<56 + chunk])
        bytes.replaceSubrange(56..<56 + chunk, with: bytes[56 + chunk..<56 + 2 * chunk])
        bytes.replaceSubrange(56 + chunk..<56 + 2 * chunk, with: first)
        let opener = try PayloadOpener(
            MemoryFile(bytes), size: payload.identity.size, core: core, contentKey: key)
        await #expect(throws: EnvelopeError.crypto(.notAuthentic("chunk 0"))) {
            try await opener.next()
        }
    }

    @Test func openRefusesReorderedSegments() async throws {
        let (payload, sealed) = try await seal(sample(3 << 20))
        var bytes = sealed.bytes
        let layout = try SegmentLayout(sealedSize: payload.identity.size)
        let (one, two) = (layout.leaf(1), layout.leaf(2))
        let segment = Array(bytes[Int(one.lowerBound)..<Int(one.upperBound)])
        bytes.replaceSubrange(
            Int(one.lowerBound)..<Int(one.upperBound),
            with: bytes[Int(two.lowerBound)..<Int(two.upperBound)])
        bytes.replaceSubrange(Int(two.lowerBound)..<Int(two.upperBound), with: segment)
        let opened = MemoryFile()
        let source = MemoryFile(bytes)
        await #expect(throws: EnvelopeError.self) {
            try await PayloadOpener.open(
                source, size: payload.identity.size, core: core, contentKey: key, into: opened)
        }
    }

    @Test func openRefusesAPayloadThatIsCutAtAChunk() async throws {
        let (_, sealed) = try await seal(sample(50_000))
        let cut = Array(sealed.bytes[..<(56 + 2 * 16_400)])
        // The header names the size; a size without a short last chunk is no message's.
        #expect(throws: EnvelopeError.crypto(.sealedSizeInvalid(UInt64(cut.count)))) {
            try PayloadOpener(
                MemoryFile(cut), size: UInt64(cut.count), core: core, contentKey: key)
        }
        let opener = try PayloadOpener(
            MemoryFile(cut), size: UInt64(sealed.bytes.count), core: core, contentKey: key)
        await #expect(throws: EnvelopeError.self) {
            while try await opener.next() != nil {}
        }
    }

    @Test func openRefusesAnotherKeyAtTheCommitment() async throws {
        let (payload, sealed) = try await seal([1])
        let opener = try PayloadOpener(
            sealed, size: payload.identity.size, core: core,
            contentKey: try ContentKey(stored: Random.secret(32)))
        await #expect(throws: EnvelopeError.crypto(.commitmentMismatch)) {
            try await opener.next()
        }
        await #expect(throws: EnvelopeError.crypto(.commitmentMismatch)) {
            try await opener.next()
        }
    }
}
