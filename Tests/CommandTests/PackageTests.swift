import Foundation
import SelatCore
import Testing

extension CommandTests {
    /// Sealed packages that somebody has touched.
    @Suite struct PackageTests {
        let sandbox: Sandbox
        let scratch: Scratch

        init() throws {
            sandbox = try Sandbox.current()
            scratch = try Scratch()
        }

        /// The package of a fresh transfer, as its sender exports it.
        private func package(bytes: Int, to country: String = "VN") async throws -> [UInt8] {
            let file = try scratch.write(noise(bytes), to: "d.bin")
            let id = try await sandbox.delivered(file, to: country)
            let name = "\(country).selat"
            let ended = try await sandbox.selat(
                "package", "export", id, "\(scratch.path)/\(name)", on: country)
            try #require(ended.status == 0, "\(ended.words)")
            return try scratch.bytes(name)
        }

        private func verify(_ package: [UInt8], trust: String? = nil) async throws -> Ended {
            let file = try scratch.write(package, to: "p.selat")
            return try await Run.run(
                Run.selat,
                [
                    "package", "verify", file, "--membership", sandbox.membership, "--trust",
                    try trust ?? sandbox.trust(),
                ])
        }

        private func expectRefusal(_ package: [UInt8], _ what: String) async throws {
            let ended = try await verify(package)
            #expect(ended.status == 3, "\(what): \(ended.words)")
            #expect(ended.stderr.hasPrefix("selat: error: `"), "\(what): \(ended.words)")
            #expect(ended.stdout.isEmpty, "\(what)")
        }

        @Test func anUntouchedPackageVerifiesAndInspects() async throws {
            defer { scratch.remove() }
            let package = try await package(bytes: 2_500_000)
            let ended = try await verify(package)
            #expect(ended.status == 0)
            #expect(ended.stdout.contains("verified: "))
            #expect(ended.stdout.contains("from SG/hub to VN/hub"))
            let inspected = try await Run.run(
                Run.selat, ["package", "inspect", "\(scratch.path)/p.selat", "--json"])
            #expect(try inspected.json["verified"] == false)
            #expect(try inspected.json["header"]?["to"] == "VN/hub")
        }

        @Test func aCourierCarriesPackagesThereAndReceiptsBack() async throws {
            defer { scratch.remove() }
            try await Sandbox.fresh { sandbox in
                let bytes = noise(3_000_000)
                let file = try scratch.write(bytes, to: "levels.bin")
                try sandbox.crash("VN")
                let sent = try await sandbox.selat(
                    ["send", file, "--to", "VN/hub", "--json"] + Sandbox.harmless, on: "SG")
                try #require(sent.status == 0, "\(sent.words)")
                let id = try #require(try sent.json["id"]?.stringValue)
                let bag = "\(scratch.path)/bag"
                try FileManager.default.createDirectory(
                    atPath: bag, withIntermediateDirectories: false)
                try await sandbox.until("it can be exported") {
                    try await sandbox.selat(
                        "package", "export", id, "\(bag)/levels.selat", on: "SG"
                    ).status == 0
                }
                try scratch.write("no package", to: "bag/other.selat")
                let astray = try await sandbox.selat(
                    "package", "import", "\(bag)/levels.selat", on: "MY")
                #expect(astray.status == 2, "\(astray.words)")
                #expect(astray.stdout.contains("levels.selat  "), "\(astray.words)")

                try await sandbox.start()
                // The sender's own next try would be there before the courier.
                let sender = try sandbox.process("SG")
                kill(sender, SIGSTOP)
                defer { kill(sender, SIGCONT) }
                try await sandbox.until("VN's log is proven") {
                    let status = try await sandbox.selat("status", "--json", on: "VN")
                    return try status.json["log"]?["standing"] == "proven"
                }
                let taken = try await sandbox.selat(
                    "package", "import", bag, "--receipts", bag, "--json", on: "VN")
                #expect(taken.status == 3, "\(taken.words)")
                let packages = try taken.json["packages"]?.arrayValue ?? []
                #expect(packages.count == 2)
                #expect(try taken.json["arrived"] == 1, "\(taken.words)")
                #expect(packages[0]["state"] == "delivered" && packages[0]["from"] == "SG/hub")
                #expect(packages[1]["error"]?.stringValue?.contains("other.selat") == true)
                #expect(scratch.exists("bag/\(id).receipt"))
                let opened = try await sandbox.selat(
                    "open", id, "--out", "\(scratch.path)/opened", on: "VN")
                #expect(opened.status == 0, "\(opened.words)")
                #expect(try scratch.bytes("opened/levels.bin") == bytes)

                kill(sender, SIGCONT)
                try scratch.write("{}", to: "bag/zero.receipt")
                let back = try await sandbox.selat("receipt", "import", bag, on: "SG")
                #expect(back.status == 3, "\(back.words)")
                #expect(back.stdout.contains("\(id)  delivered by VN/hub: delivered"))
                let shown = try await sandbox.selat("show", id, "--json", on: "SG")
                #expect(try shown.json["state"] == "delivered")
                let again = try await sandbox.selat(
                    "receipt", "export", id, "\(bag)/\(id).receipt", on: "VN")
                #expect(again.status == 0, "\(again.words)")
                let none = try await sandbox.selat("package", "import", "/nowhere", on: "VN")
                #expect(none.status == 1, "\(none.words)")
            }
        }

        @Test func aPackageArrivesAlsoWhereItsReceiptCannotBeWritten() async throws {
            defer { scratch.remove() }
            _ = try await package(bytes: 2_000)
            let words = [
                "package", "import", "\(scratch.path)/VN.selat", "--receipts",
                try scratch.write("mine", to: "mine.txt"),
            ]
            let ended = try await sandbox.selat(words + ["--json"], on: "VN")
            #expect(ended.status == 1, "\(ended.words)")
            let taken = try #require(try ended.json["packages"]?.arrayValue?.first)
            #expect(taken["state"] == "delivered" && taken["id"] != nil, "\(ended.words)")
            #expect(taken["error"]?.stringValue?.contains("Not a directory") == true)
            #expect(try ended.json["arrived"] == 1)
            let line = try await sandbox.selat(words, on: "VN")
            #expect(line.status == 1, "\(line.words)")
            #expect(line.stdout.contains("  delivered; no receipt: making `"), "\(line.words)")
        }

        @Test func aDaemonThatGoesAwayIsNoArrival() async throws {
            defer { scratch.remove() }
            let package = try await package(bytes: 2_000)
            for name in ["a", "b", "c"] { try scratch.write(package, to: "bag/\(name).selat") }
            for (path, says) in [
                ("bag/a.selat", "a.selat`: the daemon went away before it answered"),
                ("bag", "; 2 of 3 files were not tried"),
            ] {
                let daemon = try FakeDaemon(
                    at: "\(scratch.path)/control.sock", status: "200 OK", type: "text/plain",
                    answers: 0, [])
                defer { daemon.end() }
                let ended = try await Run.run(
                    Run.selat,
                    [
                        "package", "import", "\(scratch.path)/\(path)", "--json", "--socket",
                        daemon.path,
                    ])
                #expect(ended.status == 69, "\(ended.words)")
                #expect(ended.stderr.contains(says), "\(ended.words)")
                #expect(try ended.json["packages"]?.arrayValue?.count == 1)
                #expect(try ended.json["arrived"] == 0)
            }
        }

        @Test func aDeliveredPackageLiesAtTheRecipientOnly() async throws {
            defer { scratch.remove() }
            let id = try await sandbox.delivered(try scratch.write("x", to: "x.txt"))
            let file = "\(scratch.path)/p.selat"
            let ended = try await sandbox.selat("package", "export", id, file, on: "SG")
            #expect(ended.status == 1)
            #expect(ended.stderr.contains("`\(id)` is delivered, its sealed parts are not kept"))
            #expect(ended.stderr.contains("selat: hint: export at the recipient"))
            #expect(scratch.files() == ["x.txt"])
        }

        /// The bytes alone are not enough: after a crash the file must have its name.
        @Test func anExportIsDurableWithItsName() async throws {
            defer { scratch.remove() }
            let id = try await sandbox.delivered(try scratch.write("x", to: "x.txt"))
            let (ended, synced) = try await Run.synced(
                Run.selat,
                [
                    "package", "export", id, "\(scratch.path)/p.selat", "--socket",
                    sandbox.socket("VN"),
                ])
            try #require(ended.status == 0, "\(ended.words)")
            if let synced { #expect(synced.last == scratch.path, "\(synced)") }
        }

        @Test func anExportNeedsNoLinks() async throws {
            defer { scratch.remove() }
            let id = try await sandbox.delivered(try scratch.write("x", to: "x.txt"))
            let words = [
                "package", "export", id, "\(scratch.path)/p.selat", "--socket",
                sandbox.socket("VN"),
            ]
            guard let ended = try await Run.withoutLinks(Run.selat, words) else { return }
            #expect(ended.status == 0, "\(ended.words)")
            #expect(scratch.files() == ["p.selat", "x.txt"])
            let bytes = try scratch.bytes("p.selat")
            let again = try await Run.withoutLinks(Run.selat, words)
            #expect(again?.status == 1)
            #expect(again?.stderr.contains("exists already") == true)
            #expect(try scratch.bytes("p.selat") == bytes)
        }

        @Test func exportDoesNotReplaceAFile() async throws {
            defer { scratch.remove() }
            let id = try await sandbox.delivered(try scratch.write("x", to: "x.txt"))
            let file = try scratch.write("mine", to: "p.selat")
            let ended = try await sandbox.selat("package", "export", id, file, on: "VN")
            #expect(ended.status == 1)
            #expect(ended.stderr.contains("`\(file)` exists already"))
            #expect(try scratch.text("p.selat") == "mine")
            let nowhere = try await sandbox.selat(
                "package", "export", id, "\(scratch.path)/none/p.selat", on: "VN")
            #expect(nowhere.status == 1)
            #expect(nowhere.stderr.contains("making `\(scratch.path)/none/p.selat`: No such file"))
            #expect(scratch.files() == ["p.selat", "x.txt"])
            // Nothing left: the log tells of no copy.
            let log = try await sandbox.selat(
                "audit", "log", "--transfer", id, "--kind", "transfer.exported", "--json", on: "VN")
            #expect(try log.json["entries"]?.arrayValue == [], "\(log.words)")
        }

        @Test func aReceiptReplacesOnlyItsOwnBefore() async throws {
            defer { scratch.remove() }
            let dataset = try scratch.write("x", to: "x.txt")
            let id = try await sandbox.delivered(dataset)
            let other = try await sandbox.delivered(dataset)
            let mine = try scratch.write("mine", to: "mine.txt")
            let receipt = "\(scratch.path)/out.receipt"
            func export(_ id: String, _ path: String) async throws -> Ended {
                try await sandbox.selat("receipt", "export", id, path, on: "VN")
            }
            for _ in 1...2 {
                let ended = try await export(id, receipt)
                #expect(ended.status == 0, "\(ended.words)")
            }
            let bytes = try scratch.bytes("out.receipt")
            symlink(mine, "\(scratch.path)/link")
            for (id, path) in [
                (id, mine), (id, "\(scratch.path)/link"), (other, receipt),
            ] {
                let ended = try await export(id, path)
                #expect(ended.status == 1, "\(ended.words)")
                #expect(ended.stderr.contains("`\(path)` exists already"), "\(ended.words)")
            }
            #expect(try scratch.text("mine.txt") == "mine")
            #expect(try scratch.bytes("out.receipt") == bytes)
            #expect(scratch.files() == ["link", "mine.txt", "out.receipt", "x.txt"])
            let bag = "\(scratch.path)/bag"
            try FileManager.default.createDirectory(
                atPath: bag, withIntermediateDirectories: false)
            for _ in 1...2 {
                let all = try await export(id, bag)
                #expect(all.status == 0, "\(all.words)")
                #expect(scratch.files("bag") == ["\(id).delivered.receipt"])
            }
        }

        /// Its end would be waited for.
        @Test func aPipeIsNoPackage() async throws {
            defer { scratch.remove() }
            let path = "\(scratch.path)/p.selat"
            #expect(mkfifo(path, 0o600) == 0)
            let asked = [
                try await Run.run(Run.selat, ["package", "inspect", path]),
                try await sandbox.selat("package", "import", path, on: "VN"),
            ]
            for ended in asked {
                #expect(ended.status == 1 || ended.status == 3, "\(ended.words)")
                #expect("\(ended.words)".contains("opening `\(path)`: it is no file"))
            }
        }

        @Test func aPackageForAnotherSaysWhoseItIs() async throws {
            defer { scratch.remove() }
            _ = try await package(bytes: 2_000)
            let ended = try await sandbox.selat(
                "package", "import", "\(scratch.path)/VN.selat", on: "MY")
            #expect(ended.status == 2)
            #expect(ended.stdout.contains("goes to `VN/hub`, and not by way of `MY/hub`"))
            #expect(ended.stdout.contains("; bring it to a node of its route"))
        }

        @Test func aTouchedPackageThatIsImportedDoesNotVerify() async throws {
            defer { scratch.remove() }
            var touched = try await package(bytes: 2_000)
            let members = try Archive(touched).members
            let manifest = try #require(members.first { $0.name == "manifest" })
            touched[manifest.start + manifest.size / 2] ^= 0x10
            let file = try scratch.write(touched, to: "touched.selat")
            let ended = try await sandbox.selat("package", "import", file, on: "MY")
            #expect(ended.status == 3, "\(ended.words)")
            // The gravest end of several is the end of all.
            let all = try await sandbox.selat("package", "import", scratch.path, on: "MY")
            #expect(all.status == 3, "\(all.words)")
        }

        /// What can be done with a transfer, its other end can.
        @Test func theWrongEndIsToldSo() async throws {
            defer { scratch.remove() }
            let id = try await sandbox.delivered(try scratch.write("x", to: "x.txt"))
            let sent = [
                ["open", id, "--out", "\(scratch.path)/o"], ["destroy", id, "--yes"],
            ]
            for words in sent {
                let ended = try await sandbox.selat(words, on: "SG")
                #expect(ended.status == 1)
                #expect(ended.stderr.contains("`\(id)` was sent from here"), "\(ended.words)")
            }
            for words in [["cancel", id, "--reason", "r"], ["retry", id]] {
                let ended = try await sandbox.selat(words, on: "VN")
                #expect(ended.status == 1)
                #expect(
                    ended.stderr.contains("`\(id)` was received here, from `SG/hub`"),
                    "\(ended.words)")
            }
        }

        @Test func aFlippedBitInAnyPartIsFound() async throws {
            defer { scratch.remove() }
            let package = try await package(bytes: 2_000)
            let members = try Archive(package).members
            #expect(
                members.map(\.name) == [
                    "header.cms", "keys.cms", "keys.mlkem", "manifest", "leaves", "payload",
                ])
            for member in members where member.size > 0 {
                var touched = package
                touched[member.start + member.size / 2] ^= 0x10
                try await expectRefusal(touched, member.name)
            }
        }

        @Test func aPackageOfAnotherLengthIsFound() async throws {
            defer { scratch.remove() }
            let package = try await package(bytes: 2_000)
            try await expectRefusal(Array(package.dropLast()), "truncated by one")
            try await expectRefusal(package + [0], "extended by one")
            try await expectRefusal(package + package, "twice")
            try await expectRefusal([], "empty")
        }

        @Test func swappedSegmentsAreFound() async throws {
            defer { scratch.remove() }
            let package = try await package(bytes: 3_500_000)
            let payload = try #require(try Archive(package).members.last)
            let segment = 1 << 20
            let (first, second) = (payload.start, payload.start + segment)
            var swapped = package
            swapped.replaceSubrange(first..<second, with: package[second..<second + segment])
            swapped.replaceSubrange(second..<second + segment, with: package[first..<second])
            try await expectRefusal(swapped, "swapped")
        }

        @Test func anotherRecipientsHeaderIsFound() async throws {
            defer { scratch.remove() }
            let mine = try Archive(try await package(bytes: 2_000, to: "VN"))
            let other = try Archive(try await package(bytes: 2_000, to: "MY"))
            try await expectRefusal(mine.replacing("header.cms", by: other), "header")
        }

        @Test func anotherTrustIsRefused() async throws {
            defer { scratch.remove() }
            let trust = "sha256:" + String(repeating: "a", count: 64)
            let ended = try await verify(try await package(bytes: 10), trust: trust)
            #expect(ended.status == 3)
            #expect(ended.stderr.contains("selat: error: membership `\(sandbox.membership)`"))
            #expect(ended.stderr.contains(trust))
        }

        @Test(arguments: ["verify", "inspect"])
        func aFileThatIsNotThereIsNoVerdict(_ verb: String) async throws {
            defer { scratch.remove() }
            let more =
                verb == "inspect"
                ? [] : ["--membership", sandbox.membership, "--trust", try sandbox.trust()]
            let absent = "\(scratch.path)/absent.selat"
            for (path, says) in [(absent, "No such file"), (scratch.path, "directory")] {
                let ended = try await Run.run(Run.selat, ["package", verb, path] + more)
                #expect(ended.status == 1)
                #expect(ended.stderr.contains(says), "\(ended.words)")
            }
        }

        /// Nor is a membership that is not there; one that does not verify is, as a document too.
        @Test func aMembershipThatIsNotThereIsNoVerdict() async throws {
            defer { scratch.remove() }
            let file = try scratch.write("x", to: "p.selat")
            func verify(_ membership: String, _ trust: String) async throws -> Ended {
                try await Run.run(
                    Run.selat,
                    [
                        "package", "verify", file, "--membership", membership, "--trust", trust,
                        "--json",
                    ])
            }
            let absent = try await verify("\(scratch.path)/absent", try sandbox.trust())
            #expect(absent.status == 1 && absent.stdout.isEmpty, "\(absent.words)")
            #expect(
                absent.stderr.contains("absent/membership.cms`: No such file or directory"),
                "\(absent.words)")
            let other = "sha256:" + String(repeating: "a", count: 64)
            let wrong = try await verify(sandbox.membership, other)
            #expect(wrong.status == 3 && wrong.stderr.isEmpty, "\(wrong.words)")
            #expect(try wrong.json["verified"] == false)
            #expect(try wrong.json["error"]?.stringValue?.contains(other) == true, "\(wrong.words)")
        }
    }
}

/// The members of a plain tar, where they lie.
struct Archive {
    struct Member {
        let name: String
        /// Offset of the member's own header block.
        let block: Int
        let size: Int
        var start: Int { block + 512 }
        var end: Int { start + (size + 511) / 512 * 512 }
    }

    let bytes: [UInt8]
    let members: [Member]

    init(_ bytes: [UInt8]) throws {
        self.bytes = bytes
        var members: [Member] = []
        var offset = 0
        var longSize: Int?
        while offset + 512 <= bytes.count, bytes[offset] != 0 {
            let name = String(decoding: bytes[offset...].prefix { $0 != 0 }, as: UTF8.self)
            let digits = bytes[offset + 124..<offset + 136].prefix { (48...55).contains($0) }
            let own = try #require(Int(String(decoding: digits, as: UTF8.self), radix: 8))
            let member = Member(name: name, block: offset, size: longSize ?? own)
            offset = member.end
            longSize = nil
            if bytes[member.block + 156] == UInt8(ascii: "x") {
                // An extended header: the size of the member behind it, in decimal.
                let record = bytes[member.start..<member.start + member.size]
                longSize = Int(
                    String(decoding: record, as: UTF8.self).drop { $0 != "=" }.filter(\.isNumber))
            } else {
                members.append(member)
            }
        }
        self.members = members
    }

    /// This archive with one member, header block and all, from another.
    func replacing(_ name: String, by other: Archive) throws -> [UInt8] {
        let mine = try #require(members.first { $0.name == name })
        let theirs = try #require(other.members.first { $0.name == name })
        return Array(bytes[..<mine.block]) + other.bytes[theirs.block..<theirs.end]
            + bytes[mine.end...]
    }
}
