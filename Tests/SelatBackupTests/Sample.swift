import Foundation
import SelatCore
import SelatCrypto
import Testing

@testable import SelatBackup

/// A node's signer, a key for backups, and what is backed up.
struct Sample {
    static let now = Timestamp(seconds: 1_793_500_000)

    let signer: CMS.Signer
    let key: PrivateKey
    let recipient: Certificate
    private let anchors: TrustAnchors

    init(_ kind: KeyKind = .p256) throws {
        let own = try PrivateKey.generate(.p256)
        let root = try CertificateIssuer(
            root: "SG root", country: Country("SG"), key: .generate(.p256), from: Self.now + -60,
            until: Self.now + 86_400)
        signer = try CMS.Signer(
            certificate: root.issue(
                for: .signing, uri: "selat://SG/hub", to: own.publicKey, from: Self.now + -60,
                until: Self.now + 86_400), key: own)
        anchors = try TrustAnchors(
            country: Country("SG"), anchors: [root.certificate], revocationLists: [])
        key = try PrivateKey.generate(kind)
        recipient = try Certificate.forBackups(
            named: "SG hub backup", key: key, from: Self.now + -60, until: Self.now + 86_400)
    }

    static let description = BackupDescription(
        configuration: "/etc/selat/selatd.yaml", state: "/var/lib/selat",
        control: "/run/selat/control.sock", membership: "/etc/selat/membership",
        policies: "/etc/selat/policies", backup: nil, keys: ["/etc/selat/keys/tls.key"],
        tokens: [], passphrase: nil)

    static func items(database: [UInt8] = Array("SQLite".utf8)) -> [BackupItem] {
        [
            BackupItem(.description, description.json.canonical),
            BackupItem(.configuration, Array("node: SG/hub\n".utf8)),
            BackupItem(.list(1), [1, 2, 3]), BackupItem(.key(0), [7, 7]),
            BackupItem(.storageKey, [UInt8](repeating: 9, count: 32)),
            BackupItem(.database, database), BackupItem(.spool("out.x.payload"), []),
        ]
    }

    func stream(_ items: [BackupItem]) throws -> BackupStream {
        try BackupStream(items, signer: signer, recipient: recipient, at: Self.now) {
            keys, size in
            header(keys, size)
        }
    }

    func header(_ keys: Digest, _ size: UInt64) -> BackupHeader {
        BackupHeader(
            node: try! NodeID("SG/hub"), federation: SHA256.digest([1]), created: Self.now,
            program: "0.1.0", schema: 12,
            log: .init(origin: "selat/ab/SG/hub/1", size: 5, root: SHA256.digest([2])),
            recipient: recipient, keys: keys, contentSize: size)
    }

    /// The whole file.
    func bytes(_ items: [BackupItem] = items()) throws -> [UInt8] {
        var stream = try stream(items)
        var bytes: [UInt8] = []
        while let piece = try stream.next() { bytes += piece }
        #expect(UInt64(bytes.count) == stream.size)
        #expect(SHA256.digest(bytes) == stream.digest())
        return bytes
    }

    /// The node's certificate, as its member's anchors vouch for it.
    func verified() throws -> VerifiedCertificate {
        try anchors.verify(signer.certificate, purpose: .signing, at: Self.now)
    }

    func front(of bytes: [UInt8]) throws -> BackupFront {
        let file = try File(bytes)
        defer { file.remove() }
        return try BackupFile(file.path).front
    }

    /// Reads and verifies a file as a restore does.
    @discardableResult
    func read(verifying bytes: [UInt8]) throws -> [String: [UInt8]] {
        try front(of: bytes).verify { name in
            let own = try verified()
            guard own.certificate.issuerAndSerial == name else {
                throw CryptoError.signatureInvalid(signer: name.description)
            }
            return own
        }
        return try parts(of: bytes)
    }

    /// Reads a content of these lines, without any bytes between them.
    func read(_ lines: [BackupLine], end: UInt64) throws {
        let content = lines.flatMap(\.bytes) + BackupLine.end(parts: end).bytes
        let (front, key) = try BackupFront.make(
            signer: signer, recipient: recipient, at: Self.now
        ) { header($0, UInt64(content.count)) }
        let cipher = try ChunkCipher(sealing: key)
        var sealed = [UInt8](repeating: 0, count: content.count + AES256GCM.tagBytes)
        var elements = sealed.mutableSpan
        var span = elements.mutableBytes
        var unused = SHA256()
        try cipher.seal(content.span.bytes, from: 0, into: &span, hashing: &unused)
        _ = try parts(of: front.bytes + key.header + sealed + front.trailer)
    }

    /// Every part of a file.
    func parts(of bytes: [UInt8]) throws -> [String: [UInt8]] {
        let file = try File(bytes)
        defer { file.remove() }
        let backup = try BackupFile(file.path)
        var reader = try BackupReader(backup, key: key)
        var parts: [String: [UInt8]] = [:]
        while let (path, size) = try reader.next() {
            let bytes = try reader.readAll()
            #expect(UInt64(bytes.count) == size)
            parts[path.text] = bytes
        }
        return parts
    }
}

/// A file of one test's own.
struct File {
    let path: String

    init(_ bytes: [UInt8]) throws {
        path = "/tmp/selat-backup-\(UUID().uuidString)"
        try Data(bytes).write(to: URL(filePath: path))
    }

    func remove() { try? FileManager.default.removeItem(atPath: path) }
}
