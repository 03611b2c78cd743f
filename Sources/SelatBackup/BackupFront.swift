package import SelatCore
package import SelatCrypto

/// Everything of a backup before its sealed content (Format.md, *File*).
package struct BackupFront: Sendable {
    package let header: BackupHeader
    /// CMS SignedData around the header.
    package let headerCMS: [UInt8]
    /// CMS AuthEnvelopedData around the content key.
    package let keysCMS: [UInt8]

    /// Makes a content key, seals it to the header's recipient, and signs.
    /// - Parameter header: given the digest of `keys.cms`.
    package static func make(
        signer: CMS.Signer, recipient: Certificate, at time: Timestamp,
        header: (_ keys: Digest) -> BackupHeader
    ) throws(BackupError) -> (front: BackupFront, key: ChunkKey) {
        let secret = Random.secret(AES256GCM.keyBytes)
        let keys = try withCrypto { () throws(CryptoError) in
            try CMS.encrypt(secret: secret, to: recipient)
        }
        let header = header(SHA256.digest(keys))
        let signed = try withCrypto { () throws(CryptoError) in
            try CMS.sign(content: header.json.canonical, type: .backup, signer: signer, at: time)
        }
        let key = try withCrypto { () throws(CryptoError) in
            try ChunkKey(
                secret, salt: Random.bytes(ChunkedEncryption.saltBytes), context: header.context)
        }
        return (BackupFront(header: header, headerCMS: signed, keysCMS: keys), key)
    }

    private init(header: BackupHeader, headerCMS: [UInt8], keysCMS: [UInt8]) {
        (self.header, self.headerCMS, self.keysCMS) = (header, headerCMS, keysCMS)
    }

    /// Reads a front; its signature proves nothing until `verify` has passed.
    /// - Parameter pull: gives exactly as many bytes as it is asked for, or throws.
    init(reading pull: (Int) throws(BackupError) -> [UInt8]) throws(BackupError) {
        let (signed, keys, size) = try withoutActuallyEscaping(pull) {
            (pull) throws(BackupError) in
            let tar = TarReader(malformed: { BackupError.malformed("front", $0) }, pull: pull)
            return (
                try tar.member("header.cms", sizes: 1...Limits.headerBytesMax),
                try tar.member("keys.cms", sizes: 1...Limits.keysBytesMax),
                try tar.payloadHeader()
            )
        }
        let content = try withCrypto { () throws(CryptoError) in
            try CMS.unverifiedContent(signed, type: .backup)
        }
        let header = try BackupHeader(parsing: content)
        guard SHA256.digest(keys) == header.keys else {
            throw .malformed("keys.cms", "it is not the one that the header names")
        }
        guard size == ChunkedEncryption.sealedSize(of: header.contentSize) else {
            throw .malformed("payload", "its size is not the one that the header names")
        }
        self.init(header: header, headerCMS: signed, keysCMS: keys)
    }

    /// Verifies the node's signature.
    /// - Parameter signer: finds the certificate that the message names, verified as the node's.
    /// - Throws: `CryptoError.signatureInvalid`, or what `signer` throws.
    package func verify(signer: (IssuerAndSerial) throws -> VerifiedCertificate) throws {
        _ = try CMS.verify(headerCMS, type: .backup, signer: signer)
    }

    /// The key of the content.
    /// - Parameter salted: the sealed content's first 56 bytes.
    func key(_ own: PrivateKey, salted: [UInt8]) throws(BackupError) -> ChunkKey {
        try withCrypto { () throws(CryptoError) in
            let secret = try CMS.decrypt(keysCMS, certificate: header.recipient, key: own)
            return try ChunkKey(secret, header: salted, context: header.context)
        }
    }

    var sealedSize: UInt64 { ChunkedEncryption.sealedSize(of: header.contentSize) }

    var bytes: [UInt8] {
        Tar.member("header.cms", headerCMS) + Tar.member("keys.cms", keysCMS)
            + Tar.payloadHeader(size: sealedSize)
    }

    /// What stands behind the sealed content.
    var trailer: [UInt8] { Tar.padding(after: sealedSize) + Tar.end }

    /// Bytes of the whole file.
    package var fileSize: UInt64 { UInt64(bytes.count + trailer.count) + sealedSize }
}
