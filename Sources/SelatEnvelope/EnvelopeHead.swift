package import SelatCore
package import SelatCrypto
package import SelatPolicy

/// All of an envelope but the payload: what is offered to the next node and kept as `ID.head`.
package struct EnvelopeHead: Hashable, Sendable {
    package let headerCMS: [UInt8]
    package let keys: KeyParts
    /// The sealed manifest.
    package let manifest: [UInt8]
    package let leaves: Leaves
    package let payloadSize: UInt64

    private static let names = ["header.cms", "keys.cms", "keys.mlkem", "manifest", "leaves"]

    /// The package's bytes up to the payload's first.
    package func encoded() -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(leaves.bytes.count + manifest.count + Limits.headerBytesMax)
        let parts = [headerCMS, keys.cms, keys.mlkem, manifest, leaves.bytes]
        for (name, part) in zip(Self.names, parts) { bytes += Tar.member(name, part) }
        return bytes + Tar.payloadHeader(size: payloadSize)
    }

    /// - Throws: `EnvelopeError.malformed` unless the bytes are exactly a head: nothing is believed
    ///   yet.
    package init(parsing bytes: [UInt8]) throws(EnvelopeError) {
        var offset = 0
        try self.init { (count) throws(EnvelopeError) in
            guard bytes.count - offset >= count else { throw .malformed("package", "is cut off") }
            defer { offset += count }
            return Array(bytes[offset..<offset + count])
        }
        guard offset == bytes.count else {
            throw .malformed("head", "\(bytes.count - offset) bytes too many")
        }
    }

    /// - Parameter pull: gives exactly as many bytes as it is asked for, or throws.
    init(reading pull: @escaping (Int) throws(EnvelopeError) -> [UInt8]) throws(EnvelopeError) {
        try self.init(pull)
    }

    private init(_ pull: (Int) throws(EnvelopeError) -> [UInt8]) throws(EnvelopeError) {
        (headerCMS, keys, manifest, leaves, payloadSize) = try withoutActuallyEscaping(pull) {
            (pull) throws(EnvelopeError) in
            let tar = TarReader(malformed: { EnvelopeError.malformed("package", $0) }, pull: pull)
            let header = try tar.member("header.cms", sizes: 1...Limits.headerBytesMax)
            let cms = try tar.member("keys.cms", sizes: 1...Limits.keysBytesMax)
            let mlkem = try tar.member("keys.mlkem", sizes: 0...Limits.keysBytesMax)
            let manifest = try tar.member("manifest", sizes: 1...Limits.manifestBytesMax)
            let leaves = try tar.member("leaves", sizes: 32...Leaves.bytesMax)
            let size = try tar.payloadHeader()
            return (
                header, try KeyParts(cms: cms, mlkem: mlkem), manifest, try Leaves(leaves), size
            )
        }
        guard try SegmentLayout(sealedSize: payloadSize).subtreeCount == UInt64(leaves.count) else {
            throw .malformed(
                "leaves", "\(leaves.count) do not fit a payload of \(payloadSize) bytes")
        }
    }
}

extension EnvelopeHead {
    /// What a sender says about one attempt, besides the core.
    package struct Attempt: Hashable, Sendable {
        /// From 1.
        package let number: UInt64
        package let route: [NodeID]
        package let precedence: Precedence
        package let membershipSerial: UInt64
        package let membershipDigest: Digest
        package let transit: [Country: Digest]

        package init(
            number: UInt64, route: [NodeID], precedence: Precedence, membershipSerial: UInt64,
            membershipDigest: Digest, transit: [Country: Digest]
        ) {
            self.number = number
            self.route = route
            self.precedence = precedence
            self.membershipSerial = membershipSerial
            self.membershipDigest = membershipDigest
            self.transit = transit
        }
    }

    /// Seals the manifest and signs the header: after this the envelope may leave.
    /// - Parameters:
    ///   - release: the proof that policy and officers let this dataset go, now.
    ///   - approvals: the statements behind `release`'s approvals, each CMS.
    ///   - statements: the officers' statements that `release`'s verdict rests on, each CMS.
    ///   - series: what the transfers that hold the same persons have in common.
    ///   - signer: the sender's signing certificate and key.
    /// - Returns: the head, and the envelope's identity.
    package static func sign(
        release: Release, core: EnvelopeCore, keys: KeyParts, contentKey: ContentKey,
        dataset: DatasetDescription, approvals: [[UInt8]], statements: [[UInt8]] = [],
        series: String? = nil, payload: SealedPayload, attempt: Attempt, signer: CMS.Signer,
        at time: Timestamp
    ) throws(EnvelopeError) -> (head: EnvelopeHead, identity: Digest) {
        let manifest = Manifest(
            core: core, dataset: dataset, facts: release.verdict.facts,
            verdict: release.verdict.json, verdictRecord: release.verdict.record,
            approvals: approvals, statements: statements, series: series)
        return try sign(
            manifest, keys: keys, contentKey: contentKey, payload: payload, attempt: attempt,
            signer: signer, at: time)
    }

    /// Only `sign(release:…)` calls this, and tests that need an envelope without a policy.
    static func sign(
        _ manifest: Manifest, keys: KeyParts, contentKey: ContentKey, payload: SealedPayload,
        attempt: Attempt, signer: CMS.Signer, at time: Timestamp
    ) throws(EnvelopeError) -> (head: EnvelopeHead, identity: Digest) {
        let layout = try SegmentLayout(sealedSize: payload.identity.size)
        guard layout.messageSize == manifest.dataset.totalBytes else {
            throw .sizeDiffers(expected: manifest.dataset.totalBytes, actual: layout.messageSize)
        }
        let suite = manifest.core.suite
        guard signer.key.kind == suite.curve else {
            throw .suiteUnfit(suite, "a \(signer.key.kind.rawValue) key that signs")
        }
        try keys.requireFit(for: suite)
        let sealed = try manifest.sealed(under: contentKey)
        let header = try Header(
            core: manifest.core, attempt: attempt.number, route: attempt.route,
            precedence: attempt.precedence, payload: payload.identity,
            parts: Header.PartDigests(
                keysCMS: SHA256.digest(keys.cms), keysMLKEM: SHA256.digest(keys.mlkem),
                manifest: SHA256.digest(sealed), leaves: SHA256.digest(payload.leaves.bytes)),
            membershipSerial: attempt.membershipSerial,
            membershipDigest: attempt.membershipDigest, transit: attempt.transit,
            verdictCode: manifest.verdictCode)
        let content = header.json.canonical
        let cms = try withCrypto { () throws(CryptoError) in
            try CMS.sign(content: content, type: .header, signer: signer, at: time)
        }
        guard cms.count <= Limits.headerBytesMax else {
            throw .malformed("header", "over \(Limits.headerBytesMax) bytes")
        }
        let head = EnvelopeHead(
            headerCMS: cms, keys: keys, manifest: sealed, leaves: payload.leaves,
            payloadSize: payload.identity.size)
        return (head, SHA256.digest(content))
    }

    /// All but the manifest; no head that anybody would take.
    var withoutManifest: EnvelopeHead {
        EnvelopeHead(
            headerCMS: headerCMS, keys: keys, manifest: [], leaves: leaves,
            payloadSize: payloadSize)
    }

    private init(
        headerCMS: [UInt8], keys: KeyParts, manifest: [UInt8], leaves: Leaves, payloadSize: UInt64
    ) {
        self.headerCMS = headerCMS
        self.keys = keys
        self.manifest = manifest
        self.leaves = leaves
        self.payloadSize = payloadSize
    }
}
