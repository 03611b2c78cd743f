package import SelatCore
package import SelatCrypto

/// A head whose header is signed by the sender that it names and whose parts are those of the
/// header.
///
/// Only `verify` makes one: whoever holds it need not ask again.
package struct VerifiedHead: Sendable {
    package let head: EnvelopeHead
    package let header: Header
    /// The envelope's identity.
    package let identity: Digest
    package let signer: VerifiedCertificate
    package let signingTime: Timestamp

    package var core: EnvelopeCore { header.core }
    package var layout: SegmentLayout
}

extension EnvelopeHead {
    /// The envelope's identity as the header says it, for a head that this node made itself.
    /// - Throws: `EnvelopeError.crypto` for a header that is no CMS of the profile.
    package func unverifiedIdentity() throws(EnvelopeError) -> Digest {
        try withCrypto { () throws(CryptoError) in
            SHA256.digest(try CMS.unverifiedContent(headerCMS, type: .header))
        }
    }

    /// Verifies the signature, then each part against the header, then the leaves against the root.
    /// - Parameter signer: finds the certificate that the header's signature names, verified for
    ///   signing, among those of the node that the header names as its sender; throws where there is none.
    /// - Throws: `EnvelopeError`, or what `signer` throws.
    package func verify(
        signer: (_ name: IssuerAndSerial, _ sender: NodeID) throws -> VerifiedCertificate
    ) throws -> VerifiedHead {
        let message = try withCrypto { () throws(CryptoError) in
            try CMS.Unverified(parsing: headerCMS, type: .header)
        }
        let header = try Header(parsing: message.content)
        let signed = try message.verify { try signer($0, header.core.from) }
        guard signed.signer.purpose == .signing,
            signed.signer.certificate.node == header.core.from,
            signed.signer.country == header.core.from.country
        else {
            throw EnvelopeError.wrongSigner(
                claimed: header.core.from, signer: signed.signer.certificate.description)
        }
        try check(against: header)
        let (suite, signing) = (header.core.suite, signed.signer.certificate.publicKey.kind)
        guard signing == suite.curve else {
            throw EnvelopeError.suiteUnfit(suite, "a signature by a \(signing.rawValue) key")
        }
        return VerifiedHead(
            head: self, header: header, identity: SHA256.digest(signed.content),
            signer: signed.signer, signingTime: signed.signingTime,
            layout: try SegmentLayout(sealedSize: payloadSize))
    }

    private func check(against header: Header) throws(EnvelopeError) {
        let parts: [(name: String, bytes: [UInt8], digest: Digest)] = [
            ("keys.cms", keys.cms, header.parts.keysCMS),
            ("keys.mlkem", keys.mlkem, header.parts.keysMLKEM),
            ("manifest", manifest, header.parts.manifest),
            ("leaves", leaves.bytes, header.parts.leaves),
        ]
        for part in parts where SHA256.digest(part.bytes) != part.digest {
            throw .partDiffers(part.name)
        }
        guard payloadSize == header.payload.size else {
            throw .sizeDiffers(expected: header.payload.size, actual: payloadSize)
        }
        guard leaves.root == header.payload.root else { throw .partDiffers("leaves") }
        try keys.requireFit(for: header.core.suite)
    }
}

extension VerifiedHead {
    /// What an intake needs of it, however long that takes: all but the sealed manifest, which may have 4 MiB.
    /// It can neither be opened nor be passed on.
    package var withoutManifest: VerifiedHead {
        VerifiedHead(
            head: head.withoutManifest, header: header, identity: identity, signer: signer,
            signingTime: signingTime, layout: layout)
    }

    /// Recovers the content key and opens the manifest.
    /// - Parameter keys: those that `to-keys` names.
    /// - Throws: `EnvelopeError.wrongRecipient` when the envelope is for other keys, `.suiteUnfit`
    ///   for keys of another kind than its suite's, `.crypto(.commitmentMismatch)` when the key
    ///   parts belong to another header: ML-KEM itself never says that a ciphertext is wrong.
    package func open(
        with keys: OpeningKeys
    ) throws(EnvelopeError) -> (contentKey: ContentKey, manifest: Manifest) {
        let recipient = keys.recipient
        guard recipient.digest == core.toKeys else { throw .wrongRecipient(to: core.to) }
        try recipient.requireFit(for: core.suite)
        let classical = try withCrypto { () throws(CryptoError) in
            try CMS.decrypt(head.keys.cms, certificate: keys.certificate, key: keys.key)
        }
        let shared = try withCrypto { () throws(CryptoError) in
            try keys.mlkem?.decapsulate(head.keys.mlkem)
        }
        let contentKey = try ContentKey(
            classical: classical, shared: shared, core: core, parts: head.keys)
        return (contentKey, try manifest(under: contentKey))
    }

    /// Opens the manifest with a content key that was kept.
    package func manifest(under contentKey: ContentKey) throws(EnvelopeError) -> Manifest {
        let manifest = try Manifest(opening: head.manifest, key: contentKey, core: core)
        guard constantTimeEqual(manifest.verdictCode.bytes, header.verdictCode.bytes) else {
            throw .contradiction("verdict")
        }
        guard manifest.dataset.totalBytes == layout.messageSize else {
            throw .contradiction("the dataset's size")
        }
        return manifest
    }
}
