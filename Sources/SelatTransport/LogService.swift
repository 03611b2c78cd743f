package import SelatCore

/// What a node does with logs: as a witness of others', and as the keeper of its own; the transport
/// calls it (Audit.docc, *Witnesses*).
///
/// Each call may throw a `Problem` (of SelatHTTP), which the peer receives as it is.
package protocol LogService: Sendable {
    /// Judges a checkpoint and cosigns it.
    /// - Parameter body: as the peer sent it.
    /// - Throws: `Problem` with the status of C2SP `tlog-witness` for everything that is not
    ///   cosigned, except for a conflict.
    func addCheckpoint(_ body: [UInt8], from peer: NodeID) async throws -> WitnessAnswer

    /// The checkpoint that this node has cosigned last, of a log.
    /// - Parameter origin: the SHA-256 of its origin, in hexadecimal.
    /// - Returns: nil for a log that was never cosigned.
    func cosignedCheckpoint(origin: String) async throws -> [UInt8]?

    /// The newest checkpoint of the own log for others to see.
    func checkpoint() async throws -> [UInt8]

    /// A tile of the own log's hashes.
    /// - Parameter elements: of the path behind `tile`.
    /// - Returns: nil where there is none.
    func tile(_ elements: [Substring]) async throws -> [UInt8]?

    /// The proof between two sizes of the own log, a line of base64 for each hash.
    /// - Returns: nil unless both were signed.
    func consistency(from old: UInt64, to size: UInt64) async throws -> [UInt8]?

    /// Proofs of entries of the own log against the newest witnessed checkpoint.
    func proofs(_ request: JSON) async throws -> JSON
}

/// What a witness answers to a checkpoint that it may one day cosign.
package enum WitnessAnswer: Hashable, Sendable {
    /// 200: signature lines, each with its newline.
    case cosigned([UInt8])
    /// 409: the size that was cosigned last is another than the log believes.
    case conflict(size: UInt64)
}

/// What a node says about itself in every request and answer, beside its membership edition.
package struct PeerNews: Hashable, Sendable {
    /// Base64 of the newest checkpoint of its log that a witness has cosigned.
    package var checkpoint: String?
    /// The digest of the program it runs.
    package var program: String?

    package init(checkpoint: String? = nil, program: String? = nil) {
        self.checkpoint = checkpoint
        self.program = program
    }
}

/// What both ends say and hear of that.
package struct NewsExchange: Sendable {
    package let ours: @Sendable () -> PeerNews
    /// Called for every message; believed in nothing.
    package let heard: @Sendable (PeerNews, NodeID) -> Void

    package init(
        ours: @escaping @Sendable () -> PeerNews,
        heard: @escaping @Sendable (PeerNews, NodeID) -> Void
    ) {
        self.ours = ours
        self.heard = heard
    }

    /// Says and hears nothing.
    package static let silent = NewsExchange(ours: { PeerNews() }, heard: { _, _ in })
}
