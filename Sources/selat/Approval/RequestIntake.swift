import NIOCore
import SelatCore
import SelatCrypto
import SelatEnvelope
import SelatEvidence

/// A request that was read, and what was found in the sealed payload behind it.
struct ReviewedRequest {
    let request: ApprovalRequest
    /// Nil where the request holds no payload: then only the description was looked at.
    let summary: DatasetSummary?
}

/// Takes an approval request piece by piece, from the daemon or a file, and opens the payload as it
/// comes by: nothing of it is believed that was not checked here.
struct RequestIntake {
    private let samples: Int
    private var line: [UInt8] = []
    private var request: ApprovalRequest?
    private var review: PayloadReview?
    private var summary: DatasetSummary?

    init(samples: Int) { self.samples = samples }

    /// The sealed payload's size, once it is known.
    var size: UInt64? { review == nil ? nil : request?.payload.size }

    mutating func take(_ piece: ByteBuffer) throws {
        var bytes = piece.readableBytesView[...]
        if request == nil {
            guard let end = bytes.firstIndex(of: 0x0A) else { return try keep(bytes) }
            try keep(bytes[..<end])
            try begin()
            bytes = bytes[(end + 1)...]
        }
        guard !bytes.isEmpty else { return }
        guard review != nil else {
            throw Ending(.verificationFailed, "bytes stand behind a request without a payload")
        }
        for opened in try verified({ try review?.append(bytes) }) ?? [] {
            try summary?.update(opened)
        }
    }

    /// - Throws: `Ending` for a payload that is cut short, or not the one that the request names.
    consuming func finish() throws -> ReviewedRequest {
        guard let request else {
            throw Ending(.verificationFailed, "the request is cut short: it has no first line")
        }
        guard let review, let summary else {
            return ReviewedRequest(request: request, summary: nil)
        }
        let found = try verified { try review.finish() }
        guard found == request.payload else {
            throw Ending(
                .verificationFailed,
                "the payload is another one: its tree root is \(found.root), the request says "
                    + "\(request.payload.root)",
                hint: "sign nothing; tell the node's auditor")
        }
        try summary.finish()
        return ReviewedRequest(request: request, summary: summary)
    }

    private mutating func keep(_ bytes: some Collection<UInt8>) throws {
        guard line.count + bytes.count <= Limits.approvalRequestBytesMax else {
            throw Ending(
                .verificationFailed,
                "the request's first line is over \(Limits.approvalRequestBytesMax) bytes")
        }
        line.append(contentsOf: bytes)
    }

    private mutating func begin() throws {
        let request = try verified { try ApprovalRequest(parsing: line) }
        line = []
        self.request = request
        guard let key = request.contentKey else { return }
        let size = request.payload.size
        review = try verified {
            try PayloadReview(size: size, core: request.core, contentKey: key)
        }
        summary = DatasetSummary(of: request.dataset, samples: samples)
    }

    private func verified<Value>(_ work: () throws -> Value) throws -> Value {
        do { return try work() } catch {
            throw Ending(
                .verificationFailed, "the approval request: \(error)",
                hint: "sign nothing; fetch the request again, and tell the node's auditor")
        }
    }
}
