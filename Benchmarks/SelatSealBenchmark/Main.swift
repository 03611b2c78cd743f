import Foundation
import SelatCore
import SelatCrypto
import SelatEnvelope
import SelatPolicy
import SelatStore
import Synchronization

// Runs one job and prints its time and peak of private memory; `scripts/bench` runs the peers beside
// it and prints ratios. Keys are kept in a file beside the spool: these are benchmarks, not datasets.
//
//   SelatSealBenchmark seal INPUT SPOOL    the sealing threads read the file themselves
//   SelatSealBenchmark push INPUT SPOOL    the file comes in pieces, as from `selat send`
//   SelatSealBenchmark take SPOOL COPY     the sealed payload comes in pieces, as from a peer
//   SelatSealBenchmark open SPOOL OUTPUT   opened straight into a file
//   SelatSealBenchmark pull SPOOL OUTPUT   opened in order, through the page cache

@main
struct Main {
    static func main() async {
        do { try await run() } catch {
            FileHandle.standardError.write(Data("SelatSealBenchmark: error: \(error)\n".utf8))
            exit(1)
        }
    }

    static func run() async throws {
        let arguments = CommandLine.arguments
        guard arguments.count == 4 else {
            throw CocoaError(.fileNoSuchFile)
        }
        let (from, to) = (arguments[2], arguments[3])
        let peak = MemoryPeak()
        let start = ContinuousClock.now
        switch arguments[1] {
        case "seal": try await seal(from, to)
        case "push": try await push(from, to)
        case "take": try await take(from, to)
        case "pull": try await pull(from, to)
        default: try await open(from, to)
        }
        let elapsed = ContinuousClock.now - start
        let milliseconds =
            elapsed.components.seconds * 1_000
            + elapsed.components.attoseconds / 1_000_000_000_000_000
        print("\(arguments[1]) ms=\(milliseconds) rss_anon_kib=\(peak.stop())")
    }

    static func seal(_ input: String, _ spool: String) async throws {
        let file = try PlainFile(input)
        let job = try Job()
        let sink = try SpoolFile(
            creating: spool, size: try SegmentLayout(messageSize: file.size).sealedSize)
        let payload = try await PayloadSealer.seal(
            file, permit: try permit(), core: job.core, contentKey: job.key, messageSize: file.size,
            sink: sink)
        try job.save(payload, beside: spool)
    }

    static func push(_ input: String, _ spool: String) async throws {
        let file = try PlainFile(input)
        let job = try Job()
        let sink = try SpoolFile(
            creating: spool, size: try SegmentLayout(messageSize: file.size).sealedSize)
        let sealer = try PayloadSealer(
            permit: try permit(), core: job.core, contentKey: job.key, messageSize: file.size,
            sink: sink)
        try await file.pieces(of: 256 << 10) { try await sealer.append($0) }
        try job.save(try await sealer.finish(), beside: spool)
    }

    /// Sealing needs a permit, so even here policy decides: river gauges from SG to VN.
    static func decision() throws -> Decision {
        let root = URL(filePath: #filePath).deletingLastPathComponent()
            .deletingLastPathComponent().deletingLastPathComponent()
        let names = ["ASEAN", "MY", "SG", "VN", "agreements", "vocabulary"]
        let policies = try PolicySet.load(
            files: names.map { name in
                let file = root.appending(path: "Policies/\(name).yaml")
                return PolicySource(name: "\(name).yaml", bytes: Array(try Data(contentsOf: file)))
            })
        let (source, destination) = (try NodeID("SG/hub"), try NodeID("VN/hub"))
        return try policies.decide(
            Question(
                source: source, destination: destination,
                sectors: [source.country: .defence, destination.country: .defence],
                membershipSerial: 1, decided: try Timestamp("2026-11-01T00:00:00Z"),
                label: Label(
                    classification: .unclassified, releasableTo: [destination.country]),
                facts: Facts([
                    "personal-data": Fact(.flag(false), .stated),
                    "purpose": Fact(.set(["selat:EarlyWarning"]), .stated),
                ])))
    }

    static func permit() throws -> Permit {
        guard let permit = try decision().permit else { throw CocoaError(.userCancelled) }
        return permit
    }

    /// The sealed payload as it comes from a peer, under a head that a peer has signed.
    static func take(_ spool: String, _ copy: String) async throws {
        let (_, payload) = try Job.read(beside: spool)
        let head = try head(around: payload)
        let intake = try PayloadIntake(
            of: head, into: try SpoolFile(creating: copy, size: payload.identity.size))
        try await PlainFile(spool).pieces(of: 256 << 10) { try await intake.append($0) }
        try await intake.finish()
    }

    /// A verified head for a sealed payload; its keys open nothing, and an intake needs none.
    static func head(around payload: SealedPayload) throws -> VerifiedHead {
        let now = try Timestamp("2026-11-01T00:00:00Z")
        let until = now + 86_400
        let (from, to) = (try NodeID("SG/hub"), try NodeID("VN/hub"))
        let issuer = try CertificateIssuer(
            root: "Root", country: from.country, key: .generate(.p256), from: now, until: until)
        let keys = (try PrivateKey.generate(.p256), try PrivateKey.generate(.p256))
        let signing = try issuer.issue(
            for: .signing, uri: from.uri, to: keys.0.publicKey, from: now, until: until)
        let agreement = try issuer.issue(
            for: .agreement, uri: to.uri, to: keys.1.publicKey, from: now, until: until)
        let recipient = RecipientKeys(agreement: agreement)
        let core = try EnvelopeCore(
            id: TransferID(milliseconds: 1, entropy: Random.bytes(10)),
            federation: SHA256.digest("federation".utf8), from: from, to: to, created: now,
            expires: until, label: Label(classification: .unclassified, releasableTo: []),
            suite: .p256, toKeys: recipient.digest)
        let (contentKey, parts) = try ContentKey.make(for: core, to: recipient)
        guard let release = try permit().release(approvals: [], again: decision()) else {
            throw CocoaError(.userCancelled)
        }
        let size = try SegmentLayout(sealedSize: payload.identity.size).messageSize
        let (head, _) = try EnvelopeHead.sign(
            release: release, core: core, keys: parts, contentKey: contentKey,
            dataset: DatasetDescription(
                resources: [Resource(name: "x", path: try DatasetPath("x"), bytes: size)]),
            approvals: [], payload: payload,
            attempt: EnvelopeHead.Attempt(
                number: 1, route: [from, to], precedence: .routine, membershipSerial: 1,
                membershipDigest: SHA256.digest("list".utf8), transit: [:]),
            signer: CMS.Signer(certificate: signing, key: keys.0), at: now)
        let anchors = try TrustAnchors(
            country: from.country, anchors: [issuer.certificate], revocationLists: [])
        return try head.verify { _, _ in try anchors.verify(signing, purpose: .signing, at: now) }
    }

    static func open(_ spool: String, _ output: String) async throws {
        let (job, payload) = try Job.read(beside: spool)
        let layout = try SegmentLayout(sealedSize: payload.identity.size)
        let sink = try SpoolFile(creating: output, size: layout.messageSize)
        try await PayloadOpener.open(
            try SpoolReader(spool), size: layout.sealedSize, core: job.core, contentKey: job.key,
            into: sink)
        try sink.finish(size: layout.messageSize)
    }

    static func pull(_ spool: String, _ output: String) async throws {
        let (job, payload) = try Job.read(beside: spool)
        let opener = try PayloadOpener(
            try SpoolReader(spool), size: payload.identity.size, core: job.core,
            contentKey: job.key)
        let descriptor = Glibc.open(output, O_WRONLY | O_CREAT | O_EXCL, 0o600)
        while let bytes = try await opener.next() {
            guard write(descriptor, bytes, bytes.count) == bytes.count else { exit(1) }
        }
        fsync(descriptor)
    }
}

/// An envelope's core and key, and where a later run finds them.
struct Job {
    let core: EnvelopeCore
    let key: ContentKey

    init(key: Secret = Random.secret(32)) throws {
        let now = try Timestamp("2026-11-01T00:00:00Z")
        core = try EnvelopeCore(
            id: TransferID(milliseconds: 1, entropy: [UInt8](repeating: 7, count: 10)),
            federation: SHA256.digest("federation".utf8), from: NodeID("SG/hub"),
            to: NodeID("VN/hub"), created: now, expires: now + 86_400,
            label: Label(classification: .restricted, releasableTo: []), suite: .p256,
            toKeys: SHA256.digest("keys".utf8))
        self.key = try ContentKey(stored: key)
    }

    func save(_ payload: SealedPayload, beside spool: String) throws {
        var bytes = key.secret.revealed()
        withUnsafeBytes(of: payload.identity.size.bigEndian) { bytes += $0 }
        bytes += payload.leaves.bytes
        try Data(bytes).write(to: URL(filePath: spool + ".job"))
    }

    static func read(beside spool: String) throws -> (Job, SealedPayload) {
        let bytes = Array(try Data(contentsOf: URL(filePath: spool + ".job")))
        let size = bytes[32..<40].reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
        let leaves = try Leaves(Array(bytes[40...]))
        return (
            try Job(key: Secret(copying: bytes[..<32])),
            try SealedPayload(
                identity: PayloadIdentity(size: size, root: leaves.root), leaves: leaves)
        )
    }
}

/// An operator's file, read through the page cache as any program reads it.
final class PlainFile: SegmentSource {
    let size: UInt64
    private let descriptor: Int32

    init(_ path: String) throws {
        descriptor = Glibc.open(path, O_RDONLY)
        let end = lseek(descriptor, 0, SEEK_END)
        guard descriptor >= 0, end >= 0 else { throw CocoaError(.fileReadNoSuchFile) }
        size = UInt64(end)
    }

    deinit { close(descriptor) }

    func read(
        _ range: Range<UInt64>, into memory: inout MutableRawSpan
    ) throws(FileFault) -> Int {
        let count = memory.withUnsafeMutableBytes {
            pread(descriptor, $0.baseAddress, range.count, off_t(range.lowerBound))
        }
        guard count == range.count else {
            throw FileFault("reading", "input", code: errno, reason: "short read")
        }
        return 0
    }

    func pieces(of bytes: Int, _ body: ([UInt8]) async throws -> Void) async throws {
        var offset: UInt64 = 0
        while offset < size {
            let count = Int(min(UInt64(bytes), size - offset))
            let piece = [UInt8](unsafeUninitializedCapacity: count) { room, filled in
                filled = max(0, pread(descriptor, room.baseAddress, count, off_t(offset)))
            }
            try await body(piece)
            offset += UInt64(count)
        }
    }
}

/// Watches RssAnon of this process until it ends.
final class MemoryPeak: Sendable {
    private let kibibytes = Atomic(0)

    init() {
        Thread.detachNewThread { [self] in
            while true {
                note()
                Thread.sleep(forTimeInterval: 0.01)
            }
        }
    }

    func stop() -> Int { kibibytes.load(ordering: .relaxed) }

    private func note() {
        let status = try? String(contentsOfFile: "/proc/self/status", encoding: .utf8)
        let line = status?.split(separator: "\n").first { $0.hasPrefix("RssAnon:") }
        let now = line?.split(whereSeparator: \.isWhitespace).compactMap { Int($0) }.first ?? 0
        kibibytes.max(now, ordering: .relaxed)
    }
}
