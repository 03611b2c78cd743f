/// Of what arrives here, the newest attempt that was offered: a relay that was gone round must not take the upload
/// away from whoever brings it now.
///
/// An attempt goes one way only, so whoever brings the newest is the one to bring it, also where somebody has carried
/// an older one here meanwhile. What is lost with the process, rows make good.
package struct NewestAttempts<Upload: Hashable & Sendable>: Sendable {
    private var newest: [Upload: UInt64] = [:]
    private let uploadsMax: Int

    /// - Parameter uploadsMax: of how many it is known before all are forgotten.
    package init(uploadsMax: Int = 10_000) { self.uploadsMax = uploadsMax }

    /// Takes note of an offer whose payload would go on.
    /// - Parameters:
    ///   - first: the attempt whose head lies here.
    ///   - isSenders: whether the sender itself brings it, or somebody by hand, who may bring any attempt.
    /// - Returns: whether the upload is the one's who offers it.
    package mutating func admits(
        _ attempt: UInt64, of upload: Upload, first: UInt64, isSenders: Bool
    ) -> Bool {
        let last = newest[upload] ?? first
        if newest[upload] == nil, newest.count >= uploadsMax { newest = [:] }
        newest[upload] = max(attempt, last)
        return attempt >= last || isSenders
    }
}
