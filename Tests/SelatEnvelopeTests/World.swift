import SelatCore
import SelatCrypto
import Synchronization

@testable import SelatEnvelope

/// Two members with certificates, and one envelope between them.
struct World {
    let sender: Member
    let recipient: Member
    let now: Timestamp

    let suite: Suite

    struct Member {
        let node: NodeID
        let anchors: TrustAnchors
        let signer: CMS.Signer
        let agreement: Certificate
        let agreementKey: PrivateKey
        /// In suites with ML-KEM.
        let mlkem: MLKEMPrivateKey?

        init(_ text: String, suite: Suite = .p256, now: Timestamp) throws {
            node = try NodeID(text)
            let until = now + 86_400 * 365
            let root = try CertificateIssuer(
                root: "Root", country: node.country, key: .generate(.p256), from: now, until: until)
            let signing = try PrivateKey.generate(suite.curve)
            agreementKey = try PrivateKey.generate(suite.curve)
            mlkem = try suite.mlkem.map { try MLKEMPrivateKey.generate($0) }
            anchors = try TrustAnchors(
                country: node.country, anchors: [root.certificate], revocationLists: [])
            signer = try CMS.Signer(
                certificate: root.issue(
                    for: .signing, uri: node.uri, to: signing.publicKey, from: now, until: until),
                key: signing)
            agreement = try root.issue(
                for: .agreement, uri: node.uri, to: agreementKey.publicKey, from: now, until: until)
        }

        var recipientKeys: RecipientKeys { openingKeys.recipient }

        var openingKeys: OpeningKeys {
            OpeningKeys(certificate: agreement, key: agreementKey, mlkem: mlkem)
        }

        func verified(at time: Timestamp) throws -> VerifiedCertificate {
            try anchors.verify(signer.certificate, purpose: .signing, at: time)
        }
    }

    init(_ suite: Suite = .p256) throws {
        self.suite = suite
        now = try Timestamp("2026-11-01T00:00:00Z")
        sender = try Member("SG/hub", suite: suite, now: now)
        recipient = try Member("VN/hub", suite: suite, now: now)
    }

    func core(
        from: Member? = nil, id: UInt64 = 1, suite other: Suite? = nil, toKeys: Digest? = nil
    ) throws -> EnvelopeCore {
        try EnvelopeCore(
            id: TransferID(milliseconds: id, entropy: [UInt8](repeating: 7, count: 10)),
            federation: SHA256.digest("federation".utf8), from: (from ?? sender).node,
            to: recipient.node, created: now, expires: now + 86_400,
            label: Label(
                classification: .restricted, releasableTo: [Country("VN")], marking: "Official"),
            suite: other ?? suite, toKeys: toKeys ?? recipient.recipientKeys.digest)
    }

    func attempt(_ from: Member? = nil) throws -> EnvelopeHead.Attempt {
        try EnvelopeHead.Attempt(
            number: 1, route: [(from ?? sender).node, NodeID("MY/hub"), recipient.node],
            precedence: .routine, membershipSerial: 3,
            membershipDigest: SHA256.digest("list".utf8),
            transit: [Country("MY"): SHA256.digest("MY".utf8)])
    }

    static func dataset(_ sizes: [UInt64]) throws -> DatasetDescription {
        try DatasetDescription(
            resources: sizes.enumerated().map { index, size in
                Resource(
                    name: "file-\(index)", path: try DatasetPath("folder/file-\(index).csv"),
                    bytes: size, others: ["mediatype": "text/csv"])
            }, others: ["title": "River gauges"])
    }

    /// A sealed and signed envelope around `message`.
    func envelope(_ message: [UInt8], from: Member? = nil) async throws -> Sealed {
        let core = try core(from: from)
        let (key, keys) = try ContentKey.make(for: core, to: recipient.recipientKeys)
        let sink = MemoryFile()
        let sealer = try PayloadSealer(
            core: core, contentKey: key, messageSize: UInt64(message.count), sink: sink)
        try await sealer.append(message)
        let payload = try await sealer.finish()
        let verdict: JSON = ["outcome": "permitted"]
        let manifest = Manifest(
            core: core, dataset: try Self.dataset([UInt64(message.count)]),
            facts: Facts(["records": Fact(.number(12), .stated)]),
            verdict: verdict, verdictRecord: verdict.canonical, approvals: [[1, 2, 3]])
        let (head, _) = try EnvelopeHead.sign(
            manifest, keys: keys, contentKey: key, payload: payload, attempt: try attempt(from),
            signer: (from ?? sender).signer, at: now)
        return Sealed(head: head, payload: sink, contentKey: key, manifest: manifest)
    }

    struct Sealed {
        let head: EnvelopeHead
        let payload: MemoryFile
        let contentKey: ContentKey
        let manifest: Manifest
    }

    func verify(_ head: EnvelopeHead) throws -> VerifiedHead {
        try head.verify { named, _ in
            for member in [sender, recipient]
            where member.signer.certificate.issuerAndSerial == named {
                return try member.verified(at: now)
            }
            throw Stranger()
        }
    }

    struct Stranger: Error {}
}

/// A file in memory that can fail, at both ends of an envelope.
final class MemoryFile: SegmentSink, SegmentSource {
    private struct State {
        var bytes: [UInt8] = []
        var isFinished = false
        var isDiscarded = false
        var capacity = Int.max
    }

    private let state: Mutex<State>

    init(_ bytes: [UInt8] = [], capacity: Int = .max) {
        state = Mutex(State(bytes: bytes, capacity: capacity))
    }

    var bytes: [UInt8] { state.withLock { $0.bytes } }
    var isFinished: Bool { state.withLock { $0.isFinished } }
    var isDiscarded: Bool { state.withLock { $0.isDiscarded } }

    func write(_ bytes: RawSpan, at offset: UInt64) throws(FileFault) {
        let piece = bytes.withUnsafeBytes { Array($0) }
        let isFull = state.withLock { state in
            let end = Int(offset) + piece.count
            if end > state.capacity { return true }
            if state.bytes.count < end {
                state.bytes += [UInt8](repeating: 0, count: end - state.bytes.count)
            }
            state.bytes.replaceSubrange(Int(offset)..<end, with: piece)
            return false
        }
        if isFull {
            throw FileFault("writing", "memory", code: 28, reason: "no space left on device")
        }
    }

    func sync() throws(FileFault) {}

    func finish(size: UInt64) throws(FileFault) {
        state.withLock { state in
            state.bytes.removeLast(state.bytes.count - Int(size))
            state.isFinished = true
        }
    }

    func discard() { state.withLock { $0.isDiscarded = true } }

    func read(
        _ range: Range<UInt64>, into memory: inout MutableRawSpan
    ) throws(FileFault) -> Int {
        let all = bytes
        guard range.upperBound <= UInt64(all.count) else {
            throw FileFault("reading", "memory", code: 0, reason: "ends too early")
        }
        memory.withUnsafeMutableBytes {
            $0.copyBytes(from: all[Int(range.lowerBound)..<Int(range.upperBound)])
        }
        return 0
    }
}

/// Bytes that are cheap to make and differ everywhere that matters.
func sample(_ count: Int) -> [UInt8] {
    var seed = SHA256.digest("sample".utf8).bytes
    var bytes: [UInt8] = []
    bytes.reserveCapacity(count + 32)
    let pattern = (0..<64).flatMap { _ in
        seed = SHA256.digest(seed).bytes
        return seed
    }
    while bytes.count < count { bytes += pattern }
    return Array(bytes[..<count])
}
