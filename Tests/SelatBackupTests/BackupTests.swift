import Foundation
import SelatCore
import SelatCrypto
import Testing

@testable import SelatBackup

/// The file of a backup: what goes in comes out, and nothing else does.
struct BackupTests {
    static let chunk = ChunkedEncryption.chunkBytes
    static let run = 64 * chunk

    @Test(arguments: [0, 1, chunk, run - 1, run, run + 1, 3 * run])
    func whatGoesInComesOut(databaseBytes: Int) throws {
        let sample = try Sample(.p384)
        let database = (0..<databaseBytes).map { UInt8(truncatingIfNeeded: $0 &* 31) }
        let parts = try sample.parts(of: sample.bytes(Sample.items(database: database)))
        #expect(parts["state/selat.sqlite"] == database)
        #expect(parts.count == 7 && parts["state/spool/out.x.payload"] == [])
        let description = try BackupDescription(parsing: try #require(parts["description"]))
        #expect(description == Sample.description)
    }

    /// The content ends at every place within a run of chunks, on its border among them.
    @Test func theContentMayEndOnTheBorderOfARun() throws {
        let sample = try Sample()
        let rest = Int(BackupContent.size(of: Sample.items(database: [])))
        // The line before the database grows by the digits of its size.
        for size in (Self.run - rest - 16)...(Self.run - rest) {
            let items = Sample.items(database: [UInt8](repeating: 5, count: size))
            let parts = try sample.parts(of: sample.bytes(items))
            #expect(parts["state/selat.sqlite"]?.count == size)
        }
    }

    @Test func aFileIsReadUpToItsSizeAndNoFurther() throws {
        let sample = try Sample()
        let file = try File([UInt8](repeating: 3, count: Self.run + 9))
        defer { file.remove() }
        let all = Sample.items().dropLast(2)
        let cut = BackupItem(.database, file: file.path, size: 17)
        #expect(
            try sample.parts(of: sample.bytes(all + [cut]))["state/selat.sqlite"]
                == [UInt8](repeating: 3, count: 17))
        let long = BackupItem(.database, file: file.path, size: UInt64(Self.run) + 10)
        #expect(throws: BackupError.self) { try sample.bytes(all + [long]) }
    }

    // MARK: Neighbours

    @Test func cutsAndAdditionsAreSeenBeforeAnythingIsOpened() throws {
        let sample = try Sample()
        let bytes = try sample.bytes()
        for changed in [
            Array(bytes.dropLast()), bytes + [0], bytes + bytes, [], Array(bytes.dropLast(512)),
            Array(bytes.prefix(600)), Array(bytes.dropFirst()),
        ] {
            let file = try File(changed)
            defer { file.remove() }
            #expect(throws: BackupError.self) { try BackupFile(file.path) }
        }
    }

    /// One bit of each of many bytes, those of every border among them.
    @Test func aFlippedBitIsRefusedWhereverItIs() throws {
        let sample = try Sample()
        let bytes = try sample.bytes()
        let places = Array(stride(from: 0, to: bytes.count, by: 97)) + [bytes.count - 1]
        for place in places {
            var changed = bytes
            changed[place] ^= 1
            #expect(throws: (any Error).self, "byte \(place)") {
                try sample.read(verifying: changed)
            }
        }
        _ = try sample.read(verifying: bytes)
    }

    @Test func chunksKeepTheirPlaces() throws {
        let sample = try Sample()
        let bytes = try sample.bytes(
            Sample.items(database: [UInt8](repeating: 1, count: 4 * Self.chunk)))
        let start = try sample.front(of: bytes).bytes.count + ChunkedEncryption.headerBytes
        let size = ChunkedEncryption.sealedChunkBytes
        let (first, second) = (start..<start + size, start + size..<start + 2 * size)
        var swapped = bytes
        swapped.replaceSubrange(first, with: bytes[second])
        swapped.replaceSubrange(second, with: bytes[first])
        var repeated = bytes
        repeated.replaceSubrange(second, with: bytes[first])
        for changed in [swapped, repeated] {
            #expect(throws: BackupError.self) { try sample.parts(of: changed) }
        }
    }

    @Test func aContentBelongsToItsHeader() throws {
        let (sample, other) = (try Sample(), try Sample())
        let bytes = try sample.bytes()
        let file = try File(bytes)
        defer { file.remove() }
        // Sealed to another key.
        let backup = try BackupFile(file.path)
        #expect(throws: BackupError.self) { _ = try BackupReader(backup, key: other.key) }
        // Signed by another node.
        #expect(throws: (any Error).self) {
            try backup.front.verify { _ in try other.verified() }
        }
        // Another header over the same keys: its own signer's, and it opens nothing.
        let header = BackupHeader(
            node: try NodeID("MY/hub"), federation: backup.front.header.federation,
            created: Sample.now, program: "0.1.0", schema: 12, log: backup.front.header.log,
            recipient: sample.recipient, keys: backup.front.header.keys,
            contentSize: backup.front.header.contentSize)
        let signed = try CMS.sign(
            content: header.json.canonical, type: .backup, signer: other.signer, at: Sample.now)
        let stolen =
            Tar.member("header.cms", signed) + Tar.member("keys.cms", backup.front.keysCMS)
            + Tar.payloadHeader(size: backup.front.sealedSize)
        let rest = bytes.dropFirst(backup.front.bytes.count)
        #expect(throws: BackupError.crypto(.commitmentMismatch)) {
            try sample.parts(of: stolen + rest)
        }
    }

    @Test func aLaterFormatIsCalledThat() throws {
        let sample = try Sample()
        var json = sample.header(SHA256.digest([3]), 5).json.objectValue ?? [:]
        json["format"] = 2
        json["unheard-of"] = true
        #expect {
            _ = try BackupHeader(parsing: JSON.object(json).canonical)
        } throws: { error in
            if case BackupError.newer = error { true } else { false }
        }
        json["format"] = 1
        #expect(throws: BackupError.self) {
            _ = try BackupHeader(parsing: JSON.object(json).canonical)
        }
    }

    @Test(arguments: [
        "", "/", "keys", "keys/", "keys/-1", "keys/01", "keys/x", "state", "state/other",
        "state/spool/", "state/spool/..", "state/spool/.hidden", "state/spool/a/b",
        "state/spool/a b", "state/keys/../x", "membership/lists/1.cms", "membership/lists/02.cms",
        "membership/records/sg.cms", "membership/records/SG.crl", "membership/crls/../x.crl",
        "../configuration", "configuration/", "description/x",
    ])
    func foreignPathsAreNone(path: String) {
        #expect(throws: BackupError.self) { _ = try BackupPath(path) }
    }

    @Test(arguments: [
        "{\"end\":1,\"path\":\"description\"}", "{\"path\":\"description\"}", "{\"end\":-1}",
        "{ \"end\":1}", "{\"end\":1.0}", "", "[]", "{\"path\":\"description\",\"size\":1048577}",
        "{\"path\":\"state/storage.key\",\"size\":65537}", "{\"end\":1,\"more\":2}",
    ])
    func foreignLinesAreNone(line: String) {
        #expect(throws: BackupError.self) { _ = try BackupLine(parsing: Array(line.utf8)) }
    }

    @Test(arguments: [
        "etc/x", "", "/", "/a/../b", "/a/./b", "/x/../\u{200D}/../\u{200D}y", "/\u{301}a/../b",
        "/" + String(repeating: "a", count: 4_096),
    ])
    func aPathThatLeadsElsewhereIsNoDescription(path: String) {
        var description = Sample.description
        description.keys = [path]
        #expect(throws: BackupError.self) {
            _ = try BackupDescription(parsing: description.json.canonical)
        }
    }

    @Test func aDescriptionHasOneForm() throws {
        let canonical = Sample.description.json.canonical
        #expect(try BackupDescription(parsing: canonical) == Sample.description)
        #expect(throws: BackupError.self) {
            _ = try BackupDescription(parsing: [canonical[0], 0x20] + canonical.dropFirst())
        }
    }

    /// What holds the key may still write nonsense: the order of the parts is part of the format.
    @Test func partsStandInTheirOrderAndOnce() throws {
        let paths: [BackupPath] = [
            .description, .configuration, .recipient, .list(1), .list(2), .list(10),
            .record(try Country("MY")), .record(try Country("SG")),
            .revocationLists(try Country("MY")), .key(0), .key(2), .key(10), .storageKey,
            .stateKey("a.key"), .database, .spool("a"), .spool("b"),
        ]
        #expect(zip(paths, paths.dropFirst()).allSatisfy { $0 < $1 && !($1 < $0) })
        for path in paths { #expect(try BackupPath(path.text) == path) }
        #expect(throws: BackupError.self) {
            try Sample().read([.part(.database, size: 0), .part(.storageKey, size: 0)], end: 2)
        }
        #expect(throws: BackupError.self) {
            try Sample().read([.part(.database, size: 0), .part(.database, size: 0)], end: 2)
        }
        #expect(throws: BackupError.self) {
            try Sample().read([.part(.database, size: 0)], end: 2)
        }
        #expect(throws: BackupError.self) {
            try Sample().read([.part(.database, size: 90)], end: 1)
        }
        try Sample().read([.part(.database, size: 0)], end: 1)
    }

    /// The header's recipient alone gets the key, by the command line tool as well.
    @Test func opensslOpensTheKey() throws {
        guard FileManager.default.isExecutableFile(atPath: "/usr/bin/openssl") else { return }
        let sample = try Sample()
        let file = try File(try sample.bytes())
        defer { file.remove() }
        let folder = "\(file.path).d"
        try FileManager.default.createDirectory(
            atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        try Data(sample.key.pem()).write(to: URL(filePath: "\(folder)/key.pem"))
        try Data(sample.recipient.pem.utf8).write(to: URL(filePath: "\(folder)/cert.pem"))
        let shell = Process()
        shell.executableURL = URL(filePath: "/bin/sh")
        shell.arguments = [
            "-ec",
            """
            cd \(folder) && tar xf \(file.path)
            openssl cms -decrypt -inform DER -in keys.cms -inkey key.pem -recip cert.pem -out z
            openssl cms -verify -noverify -inform DER -in header.cms -certfile cert.pem \
              -out header 2>/dev/null || true
            test "$(wc -c <z)" = 32 && test -s payload
            """,
        ]
        try shell.run()
        shell.waitUntilExit()
        #expect(shell.terminationStatus == 0)
    }
}
