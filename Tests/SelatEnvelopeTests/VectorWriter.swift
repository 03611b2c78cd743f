import Foundation
import SelatCore
import SelatCrypto

@testable import SelatEnvelope

/// Makes the files of `Tests/Vectors/envelope` anew, with fresh keys: only when the format changes.
/// Those of suite 1 stay as they are once they exist.
struct VectorWriter {
    let world: World
    let thief: World.Member

    init(_ suite: Suite = .p256) throws {
        world = try World(suite)
        thief = try World.Member("MY/hub", suite: suite, now: world.now)
    }

    func write() async throws {
        if Vector.all.isEmpty { try await writeClassical() }
        try await VectorWriter(.p384).writeSuite("suite-3")
        for (suite, name) in [(Suite.p256MLKEM768, "suite-2"), (.p384MLKEM1024, "suite-4")] {
            let writer = try VectorWriter(suite)
            try await writer.writeSuite(name)
            try await writer.writePostQuantum(name)
        }
    }

    private func writeSuite(_ name: String) async throws {
        let sealed = try await world.envelope(sample(1_000))
        try save(
            name, "1000 bytes of plaintext in \(world.suite)", "opened", try package(sealed),
            opened: sealed, size: 1_000)
        let other = try World.Member(
            "SG/hub", suite: world.suite.curve == .p256 ? .p384 : .p256, now: world.now)
        let cms = try CMS.sign(
            content: try world.verify(sealed.head).header.json.canonical, type: .header,
            signer: other.signer, at: world.now)
        try save(
            "\(name)-signed-on-the-other-curve", "a good signature that is not of the suite",
            "header", try repacked(sealed, header: cms), sender: other)
        try saveStolen(sealed, as: "\(name)-stolen")
    }

    /// What may be wrong with `keys.mlkem`, and with the suite's number.
    private func writePostQuantum(_ name: String) async throws {
        let sealed = try await world.envelope(sample(1_000))
        let own = sealed.head.keys.mlkem
        var flipped = own
        flipped[0] ^= 1
        try save(
            "\(name)-mlkem-flipped-unsigned", "one bit of keys.mlkem is another", "parts",
            try package(try sealed.head(mlkem: flipped).encoded(), sealed.payload))
        let other = try await world.envelope(sample(1_000)).head.keys.mlkem
        let signed: [(String, String, String, [UInt8])] = [
            (
                "flipped", "one bit of keys.mlkem is another, and the header names it",
                "commitment", flipped
            ),
            (
                "of-another", "keys.mlkem of another envelope, and the header names it",
                "commitment", other
            ),
            ("missing", "keys.mlkem is empty, and the header names it", "header", []),
            ("short", "the last byte of keys.mlkem is missing", "header", Array(own.dropLast())),
            ("long", "keys.mlkem has one byte more", "header", own + [0]),
        ]
        for (fault, comment, expect, part) in signed {
            try save(
                "\(name)-mlkem-\(fault)", comment, expect,
                try package(try world.signed(sealed, mlkem: part).encoded(), sealed.payload))
        }
        let classical: Suite = world.suite == .p256MLKEM768 ? .p256 : .p384
        let keys = OpeningKeys(
            certificate: world.recipient.agreement, key: world.recipient.agreementKey)
        let core = try world.core(suite: classical, toKeys: keys.recipient.digest)
        try save(
            "\(name)-stripped",
            "without keys.mlkem, and the header says suite \(classical.rawValue)",
            "commitment",
            try package(try world.signed(sealed, core: core, mlkem: []).encoded(), sealed.payload),
            withMLKEM: false)
    }

    private func writeClassical() async throws {
        for (name, size) in [("empty", 0), ("small", 1_000), ("chunk", 16_384)] {
            let sealed = try await world.envelope(sample(size))
            try save(
                name, "\(size) bytes of plaintext", "opened", try package(sealed), opened: sealed,
                size: size)
        }
        let sealed = try await world.envelope(sample(1_000))
        let bytes = try package(sealed)
        try save("truncated", "the last byte is missing", "package", Array(bytes.dropLast()))
        try save("extended", "one byte too many", "package", bytes + [0])
        var flipped = bytes
        flipped[flipped.count - 1_024 - 512] ^= 1
        try save(
            "payload-flipped", "one bit of the payload is another", "segment", flipped,
            contentKey: sealed.contentKey)
        var signature = sealed.head.headerCMS
        signature[signature.count - 1] ^= 1
        try save(
            "signature-flipped", "one bit of the signature is another", "header",
            try repacked(sealed, header: signature))
        let other = try await world.envelope(sample(1_000))
        try save(
            "manifest-of-another", "the manifest of another envelope", "parts",
            try package(
                Tar.front(
                    header: sealed.head.headerCMS, keys: sealed.head.keys.cms,
                    manifest: other.head.manifest, leaves: sealed.head.leaves.bytes,
                    size: sealed.head.payloadSize), sealed.payload))
        try save(
            "other-recipient", "sealed to another key than the one given", "recipient", bytes,
            agreement: world.sender)
        try saveStolen(sealed)
    }

    /// A thief's header over another's sealed parts.
    private func saveStolen(_ sealed: World.Sealed, as name: String = "stolen") throws {
        let victim = try world.verify(sealed.head).header
        let header = try Header(
            core: try world.core(from: thief), attempt: 1,
            route: [thief.node, world.recipient.node], precedence: .routine,
            payload: victim.payload, parts: victim.parts, membershipSerial: 3,
            membershipDigest: victim.membershipDigest, transit: [:],
            verdictCode: victim.verdictCode)
        let cms = try CMS.sign(
            content: header.json.canonical, type: .header, signer: thief.signer, at: world.now)
        try save(
            name, "another sender's header over sealed parts that it did not seal",
            "commitment", try repacked(sealed, header: cms), sender: thief)
    }

    private func package(_ sealed: World.Sealed) throws -> [UInt8] {
        try package(sealed.head.encoded(), sealed.payload)
    }

    private func repacked(_ sealed: World.Sealed, header: [UInt8]) throws -> [UInt8] {
        try package(sealed.head.encoded(replacingHeader: header), sealed.payload)
    }

    private func package(_ head: [UInt8], _ payload: MemoryFile) throws -> [UInt8] {
        let bytes = payload.bytes
        return head + bytes + Tar.padding(after: UInt64(bytes.count)) + Tar.end
    }

    private func save(
        _ name: String, _ comment: String, _ expect: String, _ package: [UInt8],
        opened: World.Sealed? = nil, size: Int = 0, contentKey: ContentKey? = nil,
        sender: World.Member? = nil, agreement: World.Member? = nil, withMLKEM: Bool = true
    ) throws {
        let sender = sender ?? world.sender
        let recipient = agreement ?? world.recipient
        var lines = [
            "comment: \(comment)", "expect: \(expect)", "time: \(world.now)",
            "root: \(Base64.encode(sender.anchors.anchors[0].der))",
            "signer: \(Base64.encode(sender.signer.certificate.der))",
            "agreement: \(Base64.encode(recipient.agreement.der))",
            "key: \(Base64.encode(try recipient.agreementKey.pem()))",
        ]
        if withMLKEM, let mlkem = recipient.mlkem {
            lines.append("mlkem: \(Base64.encode(mlkem.pem()))")
        }
        if let key = contentKey ?? opened?.contentKey {
            lines.append("content-key: \(Hex.encode(key.secret.revealed()))")
        }
        if let opened {
            lines.append("identity: \(try world.verify(opened.head).identity)")
            lines.append("plaintext: \(SHA256.digest(sample(size)))")
        }
        let body = Array(Base64.encode(package))
        for start in stride(from: 0, to: body.count, by: 96) {
            if start == 0 { lines.append("") }
            lines.append(String(body[start..<min(start + 96, body.count)]))
        }
        try FileManager.default.createDirectory(
            at: Vector.folder, withIntermediateDirectories: true)
        try Data((lines.joined(separator: "\n") + "\n").utf8)
            .write(to: Vector.folder.appending(path: "\(name).txt"))
    }
}
