import SelatAudit
import SelatCore
import SelatCrypto
import SelatEnvelope
import SelatEvidence
import SelatFederation
import SelatPolicy
import SelatStore
import SelatTestSupport
import SelatTransport
import Testing

@testable import SelatExchange

/// Evidence of real transfers, verified from one digest, and everything that spoils it.
struct EvidenceTests {
    let trusted: Digest
    /// What the two ends show about the same transfer.
    let sent: [String: [UInt8]]
    let received: [String: [UInt8]]
    /// The sender's evidence of another transfer to the same recipient.
    let other: [String: [UInt8]]

    init() async throws {
        let world = try TestFederation()
        trusted = world.federation.id
        (sent, received, other) = try await world.recipient.serving {
            var files: [[String: [UInt8]]] = []
            for size in [5_000, 6_000] {
                let id = try await world.sender.send(world.request(size: size))
                await world.sender.exchange.pursue(id)
                for node in [world.sender, world.recipient] {
                    files.append(try await Self.files(of: id, at: node))
                }
            }
            return (files[0], files[1], files[2])
        }
    }

    private static func files(
        of id: TransferID, at node: TestNode
    ) async throws -> [String: [UInt8]] {
        var files = try await node.exchange.evidence(of: id).files
        for source in try TestPolicies.sources(changing: nil) {
            files["policies/\(source.name)"] = source.bytes
        }
        return files
    }

    private func report(_ files: [String: [UInt8]]) throws -> EvidenceReport {
        EvidenceVerifier.verify(try Evidence(files: files), trusted: trusted)
    }

    private func isSound(_ files: [String: [UInt8]]) -> Bool {
        (try? report(files).isSound) ?? false
    }

    /// The file of the first entry of a kind, without its ending.
    private func stem(_ kind: String, _ files: [String: [UInt8]]) throws -> String {
        let path = try #require(
            files.first {
                $0.key.hasSuffix(".entry.json")
                    && String(decoding: $0.value, as: UTF8.self).contains("\"\(kind)\"")
            }?.key, "no \(kind)")
        return String(path.dropLast(".entry.json".count))
    }

    // MARK: What is proven

    @Test func bothEndsProveTheTransfer() throws {
        for (files, verdicts) in [(sent, 3), (received, 3)] {
            let report = try report(files)
            #expect(report.wrong == [])
            #expect(report.proven.contains { $0.contains("that it took in whole this envelope") })
            #expect(report.proven.contains { $0.contains("SG/hub signed at") })
            // Each verdict of both ends is made again from the files: the recipient's where it took the offer, where
            // the dataset arrived, and as its receipt shows.
            #expect(report.proven.count { $0.contains("made again, byte for byte") } == verdicts)
        }
    }

    @Test func filesAreReadAsTheyAreWritten() throws {
        #expect(try Evidence(files: sent).files == sent)
        #expect(try Evidence(files: received).files == received)
    }

    @Test func erasedDetailsLeaveTheRestProven() throws {
        var files = sent
        for path in files.keys where path.hasSuffix(".details.json") || path.hasSuffix(".salt") {
            files[path] = nil
        }
        let report = try report(files)
        #expect(report.isSound)
        #expect(report.unproven.count { $0.contains("erased") } == 4)
    }

    @Test func whatIsNotHereIsNotClaimed() throws {
        var files = sent
        files["receipt.json"] = nil
        #expect(try report(files).unproven.contains { $0.contains("there is no receipt") })
        #expect(try !report(files).proven.contains { $0.contains("took in whole") })
        files = sent
        files["policies/VN.yaml"] = nil
        #expect(try report(files).unproven.count { $0.contains("not every file") } == 3)
        files["policies/VN.yaml"] = Array("jurisdiction: VN".utf8)
        #expect(try report(files).unproven.count { $0.contains("not every file") } == 3)
    }

    /// A node that was restored lost what it signed since its backup was made, and was told of the outcome.
    @Test func aReceiptWithoutItsHeaderProvesNothing() throws {
        let stem = try stem("transfer.released", sent)
        var files = sent
        files["header.cms"] = nil
        #expect(try report(files).wrong.contains { $0.hasPrefix("receipt:") })
        files = files.filter { !$0.key.hasPrefix(stem + ".") }
        let restored = try report(files)
        #expect(restored.wrong == [])
        #expect(restored.unproven.contains { $0.contains("nor an entry that names it") })
        #expect(!restored.proven.contains { $0.contains("took in whole") })
    }

    /// Of what it refused for good a recipient keeps the header, and no more.
    @Test func aRecipientProvesItsRefusal() async throws {
        let world = try TestFederation()
        let (recipient, sealing) = (world.recipient, try await world.seal())
        let owing = try world.verdict { $0.facts["ai-use"] = Fact(.set(["inference"]), .stated) }
        let answer = try await recipient.exchange.offer(
            head: try world.head(sealing, verdict: owing), payload: nil, from: world.sender.id)
        #expect(answer.state == "refused")
        let evidence = try await recipient.exchange.evidence(
            of: sealing.core.id, from: world.sender.id)
        var files = evidence.files
        func report() throws -> EvidenceReport {
            EvidenceVerifier.verify(try Evidence(files: files), trusted: world.federation.id)
        }
        let shown = try report()
        #expect(shown.wrong == [])
        #expect(shown.proven.contains { $0.contains("that it refused this envelope") })
        #expect(shown.proven.contains { $0.contains("SG/hub signed at") })
        // It cannot have taken in what it says that it refused.
        let taken = try await recipient.stated(
            .delivered, of: sealing.core.id, from: world.sender.id, 1, as: "transfer.arrived")
        files["receipt.json"] = taken
        #expect(try report().wrong.contains { $0.hasPrefix("header: no entry") })
        // Earlier versions kept no header of it.
        files = evidence.files
        files["header.cms"] = nil
        #expect(try report().wrong == [])
        #expect(try report().unproven.contains { $0.contains("neither the header is here") })
    }

    /// What a third country let lapse, or left behind, is no fault of these two.
    /// What is refused later under the same id is no matter of it, whatever the records say by then.
    @Test func aRefusalIsJudgedByTheRecordsOfThen() async throws {
        let world = try TestFederation()
        let (recipient, sealing) = (world.recipient, try await world.seal())
        try await recipient.register()
        let owing = try world.verdict { $0.facts["ai-use"] = Fact(.set(["inference"]), .stated) }
        let answer = try await recipient.exchange.offer(
            head: try world.head(sealing, verdict: owing), payload: nil, from: world.sender.id)
        #expect(answer.state == "refused")
        let entries = try await recipient.store.entries(EntryFilter(kind: "offer.refused"))
        let details = try JSON(parsing: try #require(entries.first?.details))
        #expect(details["from"]?.stringValue == world.sender.id.text)
        world.clock.advance(seconds: 600)
        _ = try await recipient.take(records: ["SG": try world.recordWithSigningRenewed()])
        world.clock.advance(seconds: 600)
        let later = EntryDraft(
            kind: "offer.refused", transfer: sealing.core.id, details: ["cause": "id-conflict"])
        _ = try await recipient.store.commit { try $0.append(later) }
        let evidence = try await recipient.exchange.evidence(
            of: sealing.core.id, from: world.sender.id)
        #expect(evidence.former.records[world.sender.id.country] != nil)
        let report = EvidenceVerifier.verify(evidence, trusted: world.federation.id)
        #expect(report.wrong == [])
        #expect(report.proven.contains { $0.contains("SG/hub signed at") })
    }

    @Test func othersDocumentsMayBeOver() async throws {
        let world = try TestFederation()
        let (sender, start) = (world.sender, TestFederation.start)
        world.clock.advance(seconds: 600)
        let id = try await sender.send(world.request())
        try await world.recipient.serving { await sender.exchange.pursue(id) }
        let my = try Country("MY")
        let held = try #require(world.federation.records[my])
        let record = try MemberRecord(
            federation: held.federation, country: my, issued: start, expires: start + 60,
            nodes: held.nodes, officers: held.officers, policySigners: held.policySigners
        ).signed(by: world.authority("MY").signers, at: start)
        let list = try world.authority("MY").root.revocationList(
            number: 1, from: start + -5 * 86_400, until: start + -3 * 86_400)
        // Everybody has signed it, and of MY that cannot be judged any more.
        let law = try #require(try world.editions().first { $0.file == "ASEAN.yaml" })
        for node in [sender, world.recipient] {
            var files = try await node.exchange.evidence(of: id).files
            files["policies/ASEAN.yaml"] = law.bytes
            files["policies/ASEAN.yaml.p7s"] = law.signatures
            files["membership/records/TH.cms"] = files["membership/records/MY.cms"]
            files["membership/crls/TH.crl"] = Array(list.pem.utf8)
            files["membership/records/MY.cms"] = record
            files["membership/crls/MY.crl"] = Array(list.pem.utf8)
            let report = EvidenceVerifier.verify(
                try Evidence(files: files), trusted: world.federation.id)
            #expect(report.wrong == [])
            #expect(report.proven.contains { $0.contains("that it took in whole this envelope") })
            #expect(report.unproven.contains { $0.contains("the documents of MY were over") })
            // As bad a signature as ever is wrong all the same.
            files["membership/records/MY.cms"] = files["membership/records/SG.cms"]
            #expect(
                !EvidenceVerifier.verify(
                    try Evidence(files: files), trusted: world.federation.id
                ).isSound)
        }
    }

    /// A node keeps an edition whose signers were replaced since, and so judges by it for years.
    @Test func whoSignedALawMayHaveLeftTheRecord() async throws {
        let world = try TestFederation()
        let (sender, start, sg) = (world.sender, TestFederation.start, try Country("SG"))
        let id = try await sender.send(world.request())
        try await world.recipient.serving { await sender.exchange.pursue(id) }
        let (authority, held) = (
            try world.authority("SG"), try #require(world.federation.records[sg])
        )
        let successors = try ["third", "fourth"].map { person in
            try authority.root.issue(
                for: .officer, uri: "selat://SG/hub/\(person)",
                to: PrivateKey.generate(.p256).publicKey, from: start + -60, until: held.expires)
        }
        let record = try MemberRecord(
            federation: held.federation, country: sg, issued: start, expires: held.expires,
            nodes: held.nodes, officers: held.officers, policySigners: successors
        ).signed(by: authority.signers, at: start)
        let laws = try world.editions()
        let law = try #require(laws.first { $0.file == "SG.yaml" })
        var files = try await sender.exchange.evidence(of: id).files
        files["policies/SG.yaml"] = law.bytes
        files["policies/SG.yaml.p7s"] = law.signatures
        func report(_ files: [String: [UInt8]]) throws -> EvidenceReport {
            EvidenceVerifier.verify(try Evidence(files: files), trusted: world.federation.id)
        }
        #expect(try report(files).proven.contains { $0.contains("signers: SG (edition") })
        let renewed = try report(files.merging(["membership/records/SG.cms": record]) { $1 })
        #expect(renewed.wrong == [])
        #expect(renewed.unproven.contains { $0.contains("file `SG` is signed as it must be") })
        // Whoever is in the records can be judged.
        files["policies/SG.yaml.p7s"] = laws.first { $0.file == "VN.yaml" }?.signatures
        #expect(try report(files).wrong.contains { $0.hasPrefix("policy file `SG`") })
    }

    /// A pact counted once as soon as its parties were members: where VN has left and come back before
    /// the verdict, it has not signed it. What became of VN later changes nothing.
    @Test func aPactCountsByTheListThatTheVerdictNames() async throws {
        let edit = (
            file: "agreements.yaml", old: "in-force: 2025-12-01",
            new: "in-force: \(TestFederation.start + 60)"
        )
        let world = try TestFederation(TestFederation.Plan(edit: edit))
        let pact = "sg-vn-relief-2026"
        let sources = try TestPolicies.sources(changing: edit)
        let text = try #require(sources.first { $0.name == "agreements.yaml" }?.bytes)
        let two = try world.list(after: world.federation, without: "VN")
        let left = try world.federation.taking(list: two, at: world.clock.now())
        world.clock.advance(seconds: 120)
        let member = try world.authority("VN").member
        let three = try world.list(after: left) { $0.append(member) }
        world.clock.advance(seconds: 60)
        func report(
            byList serial: UInt64, of lists: [[UInt8]], signedBy codes: [String]? = nil
        ) async throws -> EvidenceReport {
            var question = try world.question()
            question.membershipSerial = serial
            let verdict = try world.sender.policies.counting([pact]).decide(question).verdict
            var files = try await world.shown(try await world.seal(), verdict).files
            for source in sources { files["policies/\(source.name)"] = source.bytes }
            files["policies/agreements.yaml.p7s"] = try world.signed(
                "agreements", String(decoding: text, as: UTF8.self), by: codes
            ).signatures
            for (index, list) in lists.enumerated() {
                files["membership/lists/\(index + 2).cms"] = list
            }
            return EvidenceVerifier.verify(
                try Evidence(files: files), trusted: world.federation.id)
        }
        let back = try await report(byList: 3, of: [two, three], signedBy: ["MY", "SG"])
        #expect(
            back.unproven.count { $0.contains("`\(pact)` counts, which VN had not signed") } == 2)
        for lists in [[], [two], [two, three]] {
            let all = try await report(byList: 1, of: lists)
            #expect(all.proven.count { $0.contains("made again, byte for byte") } == 2)
            #expect(!lists.isEmpty || all.wrong == [])
        }
    }

    /// The revocation lists in a folder may be newer than what was signed by then.
    @Test func whatWasRevokedLaterCounts() async throws {
        let world = try TestFederation()
        let (sender, recipient) = (world.sender, world.recipient)
        func lists() throws -> [String: [UInt8]] {
            func list(_ code: String, _ node: TestNode) throws -> [UInt8] {
                try world.revocationList(
                    code, number: 1, revoking: [node.identity.signer.certificate])
            }
            return [
                "membership/crls/SG.crl": try list("SG", sender),
                "membership/crls/VN.crl": try list("VN", recipient),
            ]
        }
        let before = try lists()
        let id = try await sender.send(world.request())
        try await recipient.serving { await sender.exchange.pursue(id) }
        world.clock.advance(seconds: 3_600)
        let after = try lists()
        for node in [sender, recipient] {
            let files = try await node.exchange.evidence(of: id).files
            func report(_ lists: [String: [UInt8]]) throws -> EvidenceReport {
                EvidenceVerifier.verify(
                    try Evidence(files: files.merging(lists) { $1 }),
                    trusted: world.federation.id)
            }
            #expect(try report(after).wrong == [])
            let wrong = try report(before).wrong
            #expect(wrong.contains { $0.hasPrefix("header:") && $0.contains("revoked") })
            #expect(wrong.contains { $0.hasPrefix("receipt:") && $0.contains("revoked") })
        }
    }

    /// A transfer that waited for its officers is signed by the key of the day of its release.
    @Test func aHeaderIsJudgedWhenItWasSigned() async throws {
        let world = try TestFederation()
        let (sender, start) = (world.sender, TestFederation.start)
        let id = try await sender.send(world.request())
        try await world.recipient.serving { await sender.exchange.pursue(id) }
        let key = try PrivateKey.generate(.p256)
        let renewed = try CMS.Signer(
            certificate: world.authority("SG").root.issue(
                for: .signing, uri: sender.id.uri, to: key.publicKey, from: start + 100,
                until: start + 86_400), key: key)
        var files = try await sender.exchange.evidence(of: id).files
        files["membership/records/SG.cms"] = try world.record("SG", after: world.federation) {
            nodes in
            nodes = nodes.map { node in
                MemberRecord.Node(
                    id: node.id, endpoint: node.endpoint, tls: node.tls,
                    signing: [renewed.certificate] + node.signing, agreement: node.agreement,
                    mlkem: node.mlkem, logKey: node.logKey, roles: node.roles)
            }
        }
        let content = try CMS.unverifiedContent(
            try #require(files["header.cms"]), type: .header)
        func isSound(by signer: CMS.Signer, at time: Timestamp) throws -> Bool {
            var files = files
            files["header.cms"] = try CMS.sign(
                content: content, type: .header, signer: signer, at: time)
            return EvidenceVerifier.verify(
                try Evidence(files: files), trusted: world.federation.id
            ).isSound
        }
        #expect(try isSound(by: renewed, at: start + 200))
        #expect(try !isSound(by: renewed, at: start + 50))
        #expect(try isSound(by: sender.identity.signer, at: start))
        // Its own word does not reach beyond the transfer's beginning and the entry of its release.
        #expect(try !isSound(by: sender.identity.signer, at: start + -301))
        #expect(try !isSound(by: renewed, at: start + 301))
    }

    // MARK: What became of it

    /// What both ends show of a dataset that was opened, and destroyed then.
    private static func destroyed(
        in world: TestFederation? = nil
    ) async throws -> (
        sent: [String: [UInt8]], received: [String: [UInt8]], trusted: Digest
    ) {
        let world = try world ?? TestFederation()
        let (sender, recipient) = (world.sender, world.recipient)
        let id = try await sender.send(world.request())
        try await recipient.serving { await sender.exchange.pursue(id) }
        _ = try await recipient.opened(id)
        _ = try await recipient.exchange.destroy(id, reason: "the project is over", by: 0)
        let received = try await files(of: id, at: recipient)
        for (path, bytes) in received where path.hasPrefix("receipts/") {
            _ = try await sender.exchange.take(receipt: bytes, by: .user(0))
        }
        return (try await files(of: id, at: sender), received, world.federation.id)
    }

    private static let later = [
        "that it opened this envelope",
        "destroyed its copy of this envelope (operator: the project is over)",
    ]

    @Test func bothEndsProveWhatBecameOfIt() async throws {
        let (sent, received, trusted) = try await Self.destroyed()
        for files in [sent, received] {
            let evidence = try Evidence(files: files)
            #expect(evidence.laterReceipts.count == 2 && evidence.files == files)
            let report = EvidenceVerifier.verify(evidence, trusted: trusted)
            #expect(report.wrong == [])
            for sentence in Self.later {
                #expect(report.proven.count { $0.contains(sentence) } == 1, "\(report.proven)")
            }
            #expect(report.proven.contains { $0.contains("does not reach: opened 1 × by") })
            #expect(Set(report.unproven).count == report.unproven.count)
        }
    }

    /// Changed, under another number, or of another kind or transfer, it proves nothing.
    @Test func aLaterReceiptIsItsOwn() async throws {
        var (sent, _, trusted) = try await Self.destroyed()
        // Loading policy files takes long.
        sent = sent.filter { !$0.key.hasPrefix("policies/") }
        let (other, _, _) = try await Self.destroyed()
        func claims(_ files: [String: [UInt8]]) throws -> Int {
            let report = EvidenceVerifier.verify(try Evidence(files: files), trusted: trusted)
            guard report.isSound else { return 0 }
            return report.proven.count { line in Self.later.contains { line.contains($0) } }
        }
        #expect(try claims(sent) == 2)
        let paths = sent.keys.filter { $0.hasPrefix("receipts/") }.sorted()
        for path in paths {
            var files = sent
            for mutant in Mutations.of(sent[path] ?? [], count: 16, seed: 7)
            where mutant != sent[path] {
                files[path] = mutant
                #expect(try claims(files) < 2)
            }
            files[path] = nil
            #expect(try claims(files) == 1)
            for number in ["0", "999"] {
                var files = files
                files["receipts/\(number).json"] = sent[path]
                #expect(try claims(files) == 0)
            }
            files[path] = other[path]
            #expect(try claims(files) == 0)
            files[path] = nil
            for name in ["receipts/x.json", "receipts/01.json", "receipts/1.cms", "receipts/.json"]
            {
                files[name] = sent[path]
                #expect(throws: EvidenceError.unknown(file: name)) { try Evidence(files: files) }
                files[name] = nil
            }
        }
        let outcome = try Receipt(parsing: try #require(sent["receipt.json"]))
        var files = sent
        files["receipts/\(outcome.entry.sequence).json"] = sent["receipt.json"]
        #expect(try claims(files) == 0)
    }

    /// A recipient that has stated, and entered, what it liked of the header that was sent.
    private func wrong(
        _ kind: ReceiptKind, attempt: UInt64 = 1, after seconds: Int64 = 0, as entry: EntryKind
    ) async throws -> [String] {
        let world = try TestFederation()
        let (sender, recipient) = (world.sender, world.recipient)
        let id = try await sender.send(world.request())
        try await recipient.serving { await sender.exchange.pursue(id) }
        var files = try await sender.exchange.evidence(of: id).files
        world.clock.advance(seconds: seconds)
        files["receipt.json"] = try await recipient.stated(
            kind, of: id, from: sender.id, attempt, as: entry)
        return EvidenceVerifier.verify(
            try Evidence(files: files), trusted: world.federation.id
        ).wrong
    }

    @Test func aReceiptIsAboutTheAttemptOfItsHeader() async throws {
        #expect(try await wrong(.delivered, as: "transfer.arrived") == [])
        #expect(
            try await wrong(.delivered, attempt: 2, as: "transfer.arrived") == [
                "receipt: it is about attempt 2, the header is of 1"
            ])
    }

    @Test func nothingIsDeliveredOnceItHasExpired() async throws {
        #expect(try await wrong(.delivered, after: 3_599, as: "transfer.arrived") == [])
        let late = try await wrong(.delivered, after: 3_600, as: "transfer.arrived")
        #expect(late.count == 1 && late[0].contains("of no moment before the envelope expired"))
        // By hand it counts for nothing either.
        let world = try TestFederation()
        let id = try await world.sender.send(world.request())
        try await world.recipient.serving { await world.sender.exchange.pursue(id) }
        world.clock.advance(seconds: 3_600)
        let receipt = try await world.recipient.stated(
            .delivered, of: id, from: world.sender.id, 1, as: "transfer.arrived")
        #expect(
            await problem {
                _ = try await world.sender.exchange.take(receipt: receipt, by: .user(0))
            } == "verification-failed")
    }

    /// What became of a dataset later says nothing of how its transfer ended.
    @Test func aLaterReceiptIsNoOutcome() async throws {
        let (sent, _, trusted) = try await Self.destroyed()
        var files = sent.filter { !$0.key.hasPrefix("policies/") }
        let later = try #require(files.first { $0.key.hasPrefix("receipts/") })
        files[later.key] = nil
        files["receipt.json"] = later.value
        let report = EvidenceVerifier.verify(try Evidence(files: files), trusted: trusted)
        #expect(report.wrong.contains { $0.hasSuffix("tells of no outcome") })
    }

    /// As after a renewal: the key that signed it is none that the membership here names for the recipient.
    @Test func aLaterReceiptByAnUnknownKeyIsNotProven() async throws {
        let world = try TestFederation()
        var (files, _, trusted) = try await Self.destroyed(in: world)
        for (path, bytes) in files where path.hasPrefix("receipts/") {
            let receipt = try Receipt(parsing: bytes)
            let content = try CMS.unverifiedContent(receipt.statement, type: .receipt)
            let signed = try CMS.sign(
                content: content, type: .receipt, signer: world.sender.identity.signer,
                at: world.clock.now())
            files[path] =
                Receipt(
                    statement: signed, entry: receipt.entry, details: receipt.details,
                    salt: receipt.salt, proof: receipt.proof
                ).json.canonical
        }
        let report = EvidenceVerifier.verify(try Evidence(files: files), trusted: trusted)
        #expect(report.wrong == [])
        #expect(report.unproven.count { $0.contains("no certificate of its") } == 2)
        #expect(!report.proven.contains { line in Self.later.contains { line.contains($0) } })
        // What is said of a log's state stands there once.
        #expect(Set(report.unproven).count == report.unproven.count)
    }

    // MARK: What is wrong

    @Test func everyFileCounts() throws {
        for files in [sent, received] {
            // Policy files may be of another edition, which only proves less; loading them takes long.
            let files = files.filter { !$0.key.hasPrefix("policies/") }
            #expect(isSound(files))
            // Nobody signs when the evidence was made.
            for (path, bytes) in files where path != "evidence.json" {
                for (number, mutant) in Mutations.of(bytes, count: 2, seed: 7).enumerated()
                where mutant != bytes {
                    var changed = files
                    changed[path] = mutant
                    #expect(!isSound(changed), "\(path), mutation \(number)")
                }
            }
        }
    }

    @Test(arguments: ["header.cms", "receipt.json"])
    func anotherTransfersPartIsNotThisOnes(_ path: String) throws {
        var files = sent
        files[path] = other[path]
        #expect(!isSound(files))
    }

    @Test func anotherTransfersEntryIsNotThisOnes() throws {
        let stem = try stem("transfer.released", other)
        for files in [sent, received] {
            var files = files
            for suffix in [".entry.json", ".details.json", ".salt", ".tlog-proof"] {
                files[stem + suffix] = other[stem + suffix]
            }
            #expect(!isSound(files))
        }
    }

    @Test(arguments: ["transfer.permitted", "transfer.released"])
    func aReleaseNeedsItsVerdictBeforeIt(_ kind: String) throws {
        let stem = try stem(kind, sent)
        let files = sent.filter { !$0.key.hasPrefix(stem + ".") }
        #expect(!isSound(files))
    }

    @Test func anotherFederationsDigestProvesNothing() throws {
        let report = EvidenceVerifier.verify(try Evidence(files: sent), trusted: SHA256.digest([1]))
        #expect(report.proven == [])
        #expect(report.wrong.count == 1)
    }

    @Test func foreignFilesAreRefused() {
        for path in [
            "notes.txt", "log/x.entry.json", "policies/.yaml", "membership/records/sg.cms",
            // The first list is the only one here: the next is 2, wherever it lies.
            "membership/lists/1.cms", "membership/lists/3.cms", "membership/lists/02.cms",
            "membership/later/1.cms", "membership/later/3.cms",
        ] {
            var files = sent
            files[path] = [1]
            #expect(throws: EvidenceError.self) { try Evidence(files: files) }
        }
        #expect(throws: EvidenceError.self) {
            try Evidence(files: sent.filter { $0.key != "evidence.json" })
        }
    }
}
