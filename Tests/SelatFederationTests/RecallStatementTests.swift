import Foundation
import SelatCore
import SelatCrypto
import SelatFederation
import SelatTestSupport
import Testing

/// Contents of recalls and receipts as files, so that another implementation can read them.
struct StatementFile: Sendable, CustomTestStringConvertible {
    let name: String
    let expected: String
    let content: [UInt8]

    var testDescription: String { name }

    static func all(_ folder: String) throws -> [StatementFile] {
        var root = URL(filePath: #filePath)
        while !FileManager.default.fileExists(atPath: root.appending(path: "Package.swift").path())
        {
            root.deleteLastPathComponent()
        }
        return try FileManager.default.contentsOfDirectory(
            at: root.appending(path: "Tests/Vectors/\(folder)"), includingPropertiesForKeys: nil
        ).sorted { $0.path() < $1.path() }.map { url in
            let text = String(decoding: try Data(contentsOf: url), as: UTF8.self)
            let parts = text.split(separator: "\n\n", maxSplits: 1)
            let expected = try #require(parts[0].firstMatch(of: #/expect: ([a-z]+)/#)).1
            return StatementFile(
                name: url.lastPathComponent, expected: String(expected),
                content: Array(parts[1].utf8))
        }
    }
}

@Suite struct RecallStatementTests {
    let world: World
    let federation: Federation

    init() throws {
        world = try World("SG", "MY", "VN")
        federation = try world.federation()
    }

    @Test(arguments: try StatementFile.all("recalls"))
    func aRecallIsReadToTheByteOrRefused(_ file: StatementFile) throws {
        let recall = try? RecallStatement(content: file.content)
        let answer = try? RecallAnswer(content: file.content)
        #expect((recall != nil) == (file.expected == "recall"))
        #expect((answer != nil) == (file.expected == "answer"))
        for json in [recall?.json, answer?.json].compactMap({ $0 }) {
            #expect(json.canonical == file.content)
        }
        for bytes in [file.content + [0x20], Array(file.content.dropLast())] {
            #expect(throws: FederationError.self) { try RecallStatement(content: bytes) }
            #expect(throws: FederationError.self) { try RecallAnswer(content: bytes) }
        }
    }

    @Test func noMutatedContentIsReadAsAnotherForm() throws {
        for file in try StatementFile.all("recalls") where file.expected != "malformed" {
            for bytes in Mutations.of(file.content, count: 500, seed: 3) {
                let recall = try? RecallStatement(content: bytes)
                let answer = try? RecallAnswer(content: bytes)
                for json in [recall?.json, answer?.json].compactMap({ $0 }) {
                    #expect(json.canonical == bytes)
                }
            }
        }
    }

    private func recall(
        _ issued: Timestamp = World.now, federation other: Digest? = nil
    ) throws -> RecallStatement {
        RecallStatement(
            federation: other ?? federation.id, from: try NodeID("SG/hub"),
            to: try NodeID("VN/hub"), id: try TransferID("0198f3a2-7c41-7d2e-9b1a-0f6c2d8e4a11"),
            reason: "the wrong roster", issued: issued)
    }

    @Test func aRecallShowsItsOfficer() throws {
        let message = try recall().signed(by: world.member("SG").officer)
        let verified = try federation.verifyRecall(message, at: World.now)
        #expect(verified.officer.id.text == "SG/hub/lee")
        #expect(verified.statement == (try recall()))
        #expect(verified.digest == SHA256.digest(message))
    }

    @Test func neighboursOfAMessageAreRefused() throws {
        let message = try recall().signed(by: world.member("SG").officer)
        for bytes in Mutations.of(message, count: 300, seed: 5) where bytes != message {
            #expect(throws: FederationError.self) {
                try federation.verifyRecall(bytes, at: World.now)
            }
        }
        for bytes in [message + [0], Array(message.dropLast()), message + message, []] {
            #expect(throws: FederationError.self) {
                try federation.verifyRecall(bytes, at: World.now)
            }
        }
    }

    @Test func onlyAnOfficerOfTheRightEndSpeaks() throws {
        let (sg, vn) = (world.member("SG").officer, world.member("VN").officer)
        let good = try recall().signed(by: sg)
        let answer = RecallAnswer(
            federation: federation.id, recall: SHA256.digest(good), from: try NodeID("SG/hub"),
            to: try NodeID("VN/hub"), id: try recall().id, decision: .destroy, ground: nil,
            issued: World.now)
        #expect(
            try federation.verifyRecallAnswer(try answer.signed(by: vn), at: World.now).statement
                == answer)
        #expect(throws: FederationError.self) {
            try federation.verifyRecallAnswer(try answer.signed(by: sg), at: World.now)
        }
        let bad = [
            try recall().signed(by: vn), try recall().signed(by: world.member("SG").signing),
            try recall(federation: SHA256.digest([9])).signed(by: sg),
            try recall(World.now + 301).signed(by: sg),
            try CMS.sign(
                content: try recall().json.canonical, type: .recall, signer: sg,
                at: World.now + 1),
            try CMS.sign(
                content: try recall().json.canonical, type: .recallAnswer, signer: sg,
                at: World.now),
            try answer.signed(by: vn),
        ]
        for message in bad {
            #expect(throws: FederationError.self) {
                try federation.verifyRecall(message, at: World.now)
            }
        }
        let late = World.now + RecallStatement.lifeSecondsMax + 1
        #expect(throws: FederationError.self) { try federation.verifyRecall(good, at: late) }
        let revoking = try world.federation(revoking: [sg.certificate])
        #expect(throws: FederationError.self) { try revoking.verifyRecall(good, at: World.now) }
    }
}
