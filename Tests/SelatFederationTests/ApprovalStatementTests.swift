import Foundation
import SelatCore
import SelatCrypto
import SelatFederation
import SelatTestSupport
import Testing

/// Contents of approvals as files, so that another implementation can read them.
struct ApprovalVector: Sendable, CustomTestStringConvertible {
    let name: String
    let isApproval: Bool
    let content: [UInt8]

    var testDescription: String { name }

    static func all() throws -> [ApprovalVector] {
        var root = URL(filePath: #filePath)
        while !FileManager.default.fileExists(atPath: root.appending(path: "Package.swift").path())
        {
            root.deleteLastPathComponent()
        }
        let folder = root.appending(path: "Tests/Vectors/approvals")
        return try FileManager.default.contentsOfDirectory(
            at: folder, includingPropertiesForKeys: nil
        ).sorted { $0.path() < $1.path() }.map { url in
            let text = String(decoding: try Data(contentsOf: url), as: UTF8.self)
            let parts = text.split(separator: "\n\n", maxSplits: 1)
            return ApprovalVector(
                name: url.lastPathComponent, isApproval: parts[0].contains("expect: approval"),
                content: Array(parts[1].utf8))
        }
    }
}

@Suite struct ApprovalStatementTests {
    let world: World
    let federation: Federation

    init() throws {
        world = try World("SG", "MY", "VN")
        federation = try world.federation()
    }

    @Test(arguments: try ApprovalVector.all())
    func aVectorIsReadToTheByteOrRefused(_ vector: ApprovalVector) throws {
        guard vector.isApproval else {
            #expect(throws: FederationError.self) {
                try ApprovalStatement(content: vector.content)
            }
            return
        }
        let statement = try ApprovalStatement(content: vector.content)
        #expect(statement.json.canonical == vector.content)
        for bytes in [vector.content + [0x20], Array(vector.content.dropLast())] {
            #expect(throws: FederationError.self) { try ApprovalStatement(content: bytes) }
        }
    }

    @Test func noMutatedContentIsReadAsAnotherForm() throws {
        let content = try approval().json.canonical
        for bytes in Mutations.of(content, count: 2_000, seed: 3) {
            guard let read = try? ApprovalStatement(content: bytes) else { continue }
            #expect(read.json.canonical == bytes)
        }
    }

    private func subject(federation other: Digest? = nil) throws -> ApprovalStatement.Subject {
        ApprovalStatement.Subject(
            federation: other ?? federation.id,
            id: try TransferID("0198f3a2-7c41-7d2e-9b1a-0f6c2d8e4a11"), core: SHA256.digest([1]),
            root: SHA256.digest([2]), size: 72, description: SHA256.digest([3]),
            basis: SHA256.digest([4]), transit: [])
    }

    private func approval(
        _ subject: ApprovalStatement.Subject? = nil, role: String = "releasing-officer"
    ) throws -> ApprovalStatement {
        ApprovalStatement(
            .approve, of: try subject ?? self.subject(), role: role, side: .source,
            reason: "compared", review: .dataset, issued: World.now, notAfter: World.now + 3_600)
    }

    @Test func anApprovalShowsItsOfficer() throws {
        let message = try approval().signed(by: world.member("SG").officer)
        let verified = try federation.verifyApproval(message, at: World.now)
        #expect(verified.officer.id.text == "SG/hub/lee")
        #expect(verified.statement == (try approval()))
        #expect(verified.digest == SHA256.digest(message))
    }

    @Test(arguments: ["\u{061C}", "\u{200E}", "\u{200F}", "\u{2028}", "\u{2029}"])
    func whatWasSignedBeforeIsReadAndNotSignedAnew(mark: String) throws {
        let officer = world.member("SG").officer
        let old = ApprovalStatement(
            .approve, of: try subject(), role: "releasing-officer", side: .source,
            reason: "a\(mark)b", review: .dataset, issued: World.now, notAfter: World.now + 3_600)
        #expect(throws: FederationError.self) { try old.signed(by: officer) }
        let message = try CMS.sign(
            content: old.json.canonical, type: .approval, signer: officer, at: World.now)
        let verified = try federation.verifyApproval(message, at: World.now)
        #expect(verified.statement == old)
        #expect(throws: FederationError.self) { try verified.statement.requirePlainText() }
    }

    /// Else there would be officers who may approve, and cannot.
    @Test(arguments: [
        "releasing-officer", "dpo2", "Head_of.agency-2", "", "releasing officer", "a\u{202E}b",
        String(repeating: "a", count: 65),
    ])
    func aRoleOfARecordIsOneOfAnApproval(role: String) throws {
        let officer = MemberRecord.Officer(
            id: try OfficerID("SG/hub/lee"), certificate: world.member("SG").officer.certificate,
            roles: [role])
        let record = try world.record(of: "SG", federation: federation.id)
        let next = try? record.next(
            [.officer(officer)], issued: World.now,
            expires: World.now + 60)
        let content = try approval(role: role).json.canonical
        let read = try? ApprovalStatement(content: content)
        #expect((read != nil) == (next != nil))
        #expect(OfficerRole.isOne(role) == (next != nil))
    }

    @Test func neighboursOfAMessageAreRefused() throws {
        let message = try approval().signed(by: world.member("SG").officer)
        for bytes in Mutations.of(message, count: 300, seed: 5) where bytes != message {
            #expect(throws: FederationError.self) {
                try federation.verifyApproval(bytes, at: World.now)
            }
        }
        for bytes in [message + [0], Array(message.dropLast()), message + message, []] {
            #expect(throws: FederationError.self) {
                try federation.verifyApproval(bytes, at: World.now)
            }
        }
    }

    @Test func onlyAListedOfficersOwnMessageIsVerified() throws {
        let sg = world.member("SG")
        let content = try approval().json.canonical
        let messages = [
            try approval().signed(by: sg.signing),
            try approval(try subject(federation: SHA256.digest([9]))).signed(by: sg.officer),
            try CMS.sign(content: content, type: .approval, signer: sg.officer, at: World.now + 1),
            try CMS.sign(content: content, type: .attestation, signer: sg.officer, at: World.now),
            try CMS.sign(
                content: [0x7B, 0x7D], type: .approval, signer: sg.officer, at: World.now),
        ]
        for message in messages {
            #expect(throws: FederationError.self) {
                try federation.verifyApproval(message, at: World.now)
            }
        }
        let revoking = try world.federation(revoking: [sg.officer.certificate])
        let good = try approval().signed(by: sg.officer)
        #expect(throws: FederationError.self) { try revoking.verifyApproval(good, at: World.now) }
    }
}
