import Foundation
import SelatCore
import SelatCrypto
import SelatFederation
import Testing

/// Contents of officers' statements as files, so that another implementation can read them.
struct StatementVector: Sendable, CustomTestStringConvertible {
    let name: String
    let type: CMSContentType
    let isStatement: Bool
    let content: [UInt8]

    var testDescription: String { name }

    static func all() throws -> [StatementVector] {
        var root = URL(filePath: #filePath)
        while !FileManager.default.fileExists(atPath: root.appending(path: "Package.swift").path())
        {
            root.deleteLastPathComponent()
        }
        let folder = root.appending(path: "Tests/Vectors/statements")
        return try FileManager.default.contentsOfDirectory(
            at: folder, includingPropertiesForKeys: nil
        ).sorted { $0.path() < $1.path() }.map { url in
            let text = String(decoding: try Data(contentsOf: url), as: UTF8.self)
            let parts = text.split(separator: "\n\n", maxSplits: 1)
            return StatementVector(
                name: url.lastPathComponent,
                type: parts[0].contains("type: declaration") ? .declaration : .attestation,
                isStatement: parts[0].contains("expect: statement"), content: Array(parts[1].utf8))
        }
    }
}

@Suite struct OfficerStatementTests {
    let world: World
    let federation: Federation

    init() throws {
        world = try World("SG", "MY", "VN")
        federation = try world.federation()
    }

    @Test(arguments: try StatementVector.all())
    func aVectorIsReadToTheByteOrRefused(_ vector: StatementVector) throws {
        guard vector.isStatement else {
            #expect(throws: FederationError.self) {
                try OfficerStatement(content: vector.content, type: vector.type)
            }
            return
        }
        let statement = try OfficerStatement(content: vector.content, type: vector.type)
        #expect(statement.json.canonical == vector.content)
        #expect(statement.type == vector.type)
    }

    private func attestation(
        issued: Timestamp = World.now, document: String = "SG:consent"
    ) throws -> OfficerStatement {
        .attestation(
            OfficerStatement.Attestation(
                federation: federation.id, document: document, from: try NodeID("SG/hub"),
                to: try NodeID("VN/hub"), paper: SHA256.digest([1]), issued: issued))
    }

    @Test func aStatementShowsItsOfficer() throws {
        let message = try attestation().signed(by: world.member("SG").officer)
        let verified = try federation.verifyStatement(message, at: World.now)
        #expect(verified.officer.id.text == "SG/hub/lee")
        #expect(verified.statement == (try attestation()))
        #expect(verified.digest == SHA256.digest(message))
        #expect(verified.statement.covers(try NodeID("VN/hub")))
        #expect(!verified.statement.covers(try NodeID("VN/other")))
    }

    @Test func anotherMomentThanTheSignaturesIsRefused() throws {
        let content = try attestation().json.canonical
        let message = try CMS.sign(
            content: content, type: .attestation, signer: world.member("SG").officer,
            at: World.now + 1)
        #expect(throws: FederationError.self) {
            try federation.verifyStatement(message, at: World.now)
        }
    }

    @Test func aMessageOfAnotherTypeIsRefused() throws {
        let content = try attestation().json.canonical
        for type in [CMSContentType.declaration, .approval, .header, .receipt] {
            let message = try CMS.sign(
                content: content, type: type, signer: world.member("SG").officer, at: World.now)
            #expect(throws: FederationError.self) {
                try federation.verifyStatement(message, at: World.now)
            }
        }
    }

    @Test func onlyAnOfficerOfTheDocumentsCountryMaySign() throws {
        let sg = world.member("SG")
        for signer in [world.member("VN").officer, sg.signing, sg.policySigners[0]] {
            let message = try attestation().signed(by: signer)
            #expect(throws: FederationError.self) {
                try federation.verifyStatement(message, at: World.now)
            }
        }
    }

    @Test func aRevokedOfficersStatementIsRefused() throws {
        let message = try attestation().signed(by: world.member("SG").officer)
        let revoking = try world.federation(revoking: [world.member("SG").officer.certificate])
        #expect(throws: FederationError.self) {
            try revoking.verifyStatement(message, at: World.now)
        }
    }
}
