import NIOCore
import SelatCore
import SelatCrypto
import SelatEvidence
import SelatFederation
import SelatHTTP
import SelatPolicy
import SelatStore
import SelatTestSupport
import SelatTransport

@testable import SelatEnvelope
@testable import SelatExchange

/// A sealed payload with its key, from which heads of any kind can be signed.
struct Sealing: Sendable {
    let core: EnvelopeCore
    let key: ContentKey
    let parts: KeyParts
    let sealed: SealedPayload
    /// The sealed bytes.
    let payload: [UInt8]
    let dataset: DatasetDescription

    var upload: UploadID { UploadID(from: core.from, transfer: core.id) }
}

extension TestFederation {
    static func dataset(_ size: Int) throws -> DatasetDescription {
        try DatasetDescription(resources: [
            Resource(name: "gauges", path: try DatasetPath("gauges.csv"), bytes: UInt64(size))
        ])
    }

    func request(
        size: Int = 5_000, to: String = "VN/hub", personal: Bool = false,
        precedence: Precedence = .routine
    ) throws -> OutboundRequest {
        OutboundRequest(
            to: try NodeID(to), label: try label(), facts: Self.facts(personal: personal),
            ground: nil, precedence: precedence, dataset: try Self.dataset(size))
    }

    func label() throws -> Label {
        Label(classification: .unclassified, releasableTo: [try Country("VN"), try Country("MY")])
    }

    static func facts(personal: Bool = false) -> Facts {
        Facts([
            "personal-data": Fact(.flag(personal), .stated),
            "purpose": Fact(.set(["selat:EarlyWarning"]), .stated),
        ])
    }

    /// The question that an honest sender asks.
    func question() throws -> Question {
        Question(
            source: sender.id, destination: recipient.id, sectors: federation.sectors,
            membershipSerial: federation.serial, decided: clock.now(), label: try label(),
            facts: Self.facts())
    }

    func verdict(_ change: (inout Question) throws -> Void = { _ in }) throws -> Verdict {
        var question = try question()
        try change(&question)
        return try sender.policies.decide(question).verdict
    }

    /// Seals `size` bytes, as a sender that may lie about anything would.
    func seal(
        _ size: Int = 5_000, id: TransferID? = nil, federation other: Digest? = nil,
        from: NodeID? = nil, to: NodeID? = nil, created: Int64 = 0, life: Int64 = 3_600,
        suite: Suite = .p256MLKEM768
    ) async throws -> Sealing {
        let now = clock.now()
        let id =
            id
            ?? TransferID(
                milliseconds: UInt64(now.seconds) * 1_000, entropy: Random.bytes(10))
        let keys = try federation.recipientKeys(of: recipient.id, suite: suite, at: Self.start)
        let core = try EnvelopeCore(
            id: id, federation: other ?? federation.id, from: from ?? sender.id,
            to: to ?? recipient.id, created: now + created, expires: now + created + life,
            label: try label(), suite: suite, toKeys: keys.digest)
        let (key, parts) = try ContentKey.make(for: core, to: keys)
        let folder = try TestFolder()
        let path = "\(folder.path)/payload"
        let size64 = UInt64(size)
        let sink = try SpoolFile(
            creating: path, size: try SegmentLayout(messageSize: size64).sealedSize)
        let sealer = try PayloadSealer(core: core, contentKey: key, messageSize: size64, sink: sink)
        try await sealer.append(Self.bytes(size))
        let sealed = try await sealer.finish()
        return Sealing(
            core: core, key: key, parts: parts, sealed: sealed, payload: try read(path),
            dataset: try Self.dataset(size))
    }

    /// A head over a sealing, signed with `signer`'s key.
    func head(
        _ sealing: Sealing, attempt: UInt64 = 1, verdict: Verdict? = nil, record: [UInt8]? = nil,
        facts: Facts? = nil, signer: TestNode? = nil, serial: UInt64? = nil, relay: NodeID? = nil,
        transit: [Country: Digest]? = nil, precedence: Precedence = .routine,
        statements: [[UInt8]] = [], approvals: [[UInt8]] = []
    ) throws -> [UInt8] {
        let verdict = try verdict ?? self.verdict()
        let manifest = Manifest(
            core: sealing.core, dataset: sealing.dataset, facts: facts ?? verdict.facts,
            verdict: try record.map { try JSON(parsing: $0) } ?? verdict.json,
            verdictRecord: record ?? verdict.record, approvals: approvals, statements: statements)
        let route = [sealing.core.from] + (relay.map { [$0] } ?? []) + [sealing.core.to]
        return try EnvelopeHead.sign(
            manifest, keys: sealing.parts, contentKey: sealing.key, payload: sealing.sealed,
            attempt: EnvelopeHead.Attempt(
                number: attempt, route: route,
                precedence: precedence, membershipSerial: serial ?? federation.serial,
                membershipDigest: federation.listDigest,
                transit: transit ?? verdict.transitEditions),
            signer: try (signer ?? sender).identity.signer(for: sealing.core.suite),
            at: clock.now()
        ).head.encoded()
    }

    /// 0, 1, … 255, 0, … A loop over each byte takes seconds without the optimizer.
    static func bytes(_ count: Int) -> [UInt8] {
        var bytes = (UInt8.min...UInt8.max).map(\.self)
        while bytes.count < count { bytes += bytes }
        return Array(bytes.prefix(count))
    }

    private func read(_ path: String) throws -> [UInt8] {
        let reader = try SpoolReader(path)
        var bytes: [UInt8] = []
        var offset: UInt64 = 0
        while offset < reader.size {
            let end = min(offset + 1 << 20, reader.size)
            let memory = UnsafeMutableRawBufferPointer.allocate(
                byteCount: (1 << 20) + 8_192, alignment: 4_096)
            defer { memory.deallocate() }
            var span = memory.mutableBytes
            let start = try reader.read(offset..<end, into: &span)
            bytes += memory[start..<start + Int(end - offset)]
            offset = end
        }
        return bytes
    }
}

extension TestNode {
    /// Takes a request through judging and sealing, as `selat send` does.
    func send(_ request: OutboundRequest, life: Int64 = 3_600) async throws -> TransferID {
        let begun = try await exchange.begin(request, lifeSeconds: life, by: 0)
        let bytes = TestFederation.bytes(Int(request.dataset.totalBytes))
        _ = try await exchange.seal(begun.id, Pieces(pieces: [bytes]), by: 0)
        return begun.id
    }

    /// All of a delivered dataset in plain.
    func opened(_ id: TransferID) async throws -> [UInt8] {
        let opening = try await exchange.open(id, by: 0)
        var bytes: [UInt8] = []
        while let piece = try await opening.next() { bytes += piece.readableBytesView }
        return bytes
    }

    /// Takes the whole payload of a sealing as its upload.
    func take(_ sealing: Sealing, from offset: UInt64 = 0) async throws -> UploadState {
        try await exchange.append(
            sealing.upload, from: sealing.core.from, offset: offset,
            length: UInt64(sealing.payload.count), complete: true,
            body: UploadBody(Pieces(pieces: [Array(sealing.payload[Int(offset)...])])))
    }
}

/// The type of the problem that `body` is answered with, after the URN's prefix.
func problem(_ body: () async throws -> Void) async -> String? {
    do {
        try await body()
        return nil
    } catch let problem as Problem {
        return problem.type.split(separator: ":").last.map(String.init) ?? "untyped"
    } catch {
        return "\(error)"
    }
}
