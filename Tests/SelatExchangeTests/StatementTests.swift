import SelatAudit
import SelatCore
import SelatCrypto
import SelatFederation
import SelatHTTP
import SelatPolicy
import SelatStore
import SelatTestSupport
import SelatTransport
import Testing

@testable import SelatEnvelope
@testable import SelatExchange

/// Documents that officers attest, and emergencies that they declare, from the officer's key to the
/// recipient's verdict.
struct StatementTests {
    let world: TestFederation

    init() throws { world = try TestFederation() }

    private var sender: TestNode { world.sender }
    private var recipient: TestNode { world.recipient }

    // MARK: Documents

    @Test func anAttestedDocumentOpensAGroundAndTravels() async throws {
        let before = try await sender.exchange.begin(world.roster(), lifeSeconds: 60, by: 0)
        #expect(before.state == "refused")
        let message = try world.consent()
        _ = try await sender.exchange.take(statement: message, by: 7)
        _ = try await sender.exchange.take(statement: message, by: 7)
        #expect(try await sender.entries("statement.taken") == 1)
        let id = try await sender.send(world.roster())
        let exchange = sender.exchange
        try await recipient.serving { await exchange.pursue(id) }
        #expect(try await recipient.inbound(id, from: sender)?.state == "delivered")
        #expect(try await recipient.exchange.manifest(id).statements == [message])
    }

    @Test func anAttestationForAnotherDestinationOpensNothing() async throws {
        _ = try await sender.exchange.take(statement: try world.consent(to: "MY/hub"), by: 0)
        let begun = try await sender.exchange.begin(world.roster(), lifeSeconds: 60, by: 0)
        #expect(begun.state == "refused")
        #expect(begun.decision.verdict.question.documents == [])
    }

    @Test func anAttestationEndsWithItsTime() async throws {
        let world = try TestFederation(
            TestFederation.Plan(
                edit: (
                    file: "SG.yaml",
                    old: "attested-by: data-protection-officer, valid-for: 365 days",
                    new: "attested-by: data-protection-officer, valid-for: 2 hours"
                )))
        _ = try await world.sender.exchange.take(statement: try world.consent(), by: 0)
        let id = try await world.sender.send(try world.roster(), life: 86_400)
        world.clock.advance(seconds: 7_199)
        let early = try await world.sender.exchange.decide(try world.roster())
        #expect(early.verdict.outcome == .permitted)
        world.clock.advance(seconds: 1)
        let late = try await world.sender.exchange.decide(try world.roster())
        #expect(late.verdict.outcome == .refused)
        // Judged again at release: what was sealed under it goes nowhere.
        await world.sender.exchange.pursue(id)
        #expect(try await world.sender.outbound(id)?.state == "cancelled")
        let kept = try await world.sender.exchange.statements(limit: 10)
        #expect(kept.map { $0.fault?.contains("counted until") } == [true])
    }

    @Test func whatIsNotGoodIsNotTaken() async throws {
        let node = sender.identity.signer
        let stranger = try world.unlistedOfficer()
        let forgeries: [(String, [UInt8])] = [
            ("no data-protection-officer", try world.consent(by: "releasing-officer")),
            ("does not speak for SG", try world.consent(of: recipient)),
            ("it is for another federation", try world.consent(federation: SHA256.digest([2]))),
            ("it is about transfers from", try world.consent(from: "SG/other")),
            ("it counted until", try world.consent(issued: -366 * 86_400)),
            ("it is issued only at", try world.consent(issued: 3_600)),
            ("has a document", try world.consent(document: "SG:consents")),
            ("no listed certificate", try world.consent(signer: stranger)),
            ("no listed certificate", try world.consent(signer: node)),
            ("it is about transfers from", try world.typhoon()),
            ("larger than 64 KiB", [UInt8](repeating: 0x30, count: 65_537)),
            ("", []),
        ]
        for (reason, message) in forgeries {
            do {
                _ = try await sender.exchange.take(statement: message, by: 0)
                Issue.record("taken: \(reason)")
            } catch let problem as Problem {
                #expect(problem.type == "urn:selat:problem:bad-statement")
                #expect(problem.detail?.contains(reason) ?? false || reason.isEmpty, "\(problem)")
            }
        }
        #expect(try await sender.exchange.statements(limit: 10).isEmpty)
    }

    @Test func neighboursOfAStatementAreRefused() async throws {
        let message = try world.consent()
        for bytes in Mutations.of(message, count: 300, seed: 5) where bytes != message {
            #expect(throws: FederationError.self) {
                try world.federation.verifyStatement(bytes, at: world.clock.now())
            }
        }
        for bytes in [message + [0], Array(message.dropLast()), message + message] {
            #expect(throws: FederationError.self) {
                try world.federation.verifyStatement(bytes, at: world.clock.now())
            }
        }
    }

    // MARK: What the recipient finds out

    private func answer(_ statements: [[UInt8]], documents: Set<String>) async throws -> String {
        let sealing = try await world.seal()
        var question = try world.question()
        question.facts = try world.roster().facts
        question.documents = documents
        let verdict = try sender.policies.decide(question).verdict
        let head = try world.head(sealing, verdict: verdict, statements: statements)
        let answer = try await recipient.exchange.offer(head: head, payload: nil, from: sender.id)
        #expect(answer.state == "receiving" || answer.receipt != nil)
        return answer.state
    }

    @Test func theRecipientVerifiesEachStatement() async throws {
        let good = try world.consent()
        let wanted: Set = ["SG:consent"]
        #expect(try await answer([good], documents: wanted) == "receiving")
        // They contradict the verdict, whatever is listed here.
        let contradictions: [[[UInt8]]] = [
            [], [good, good], [good, try world.consent(issued: -60)],
            [try world.consent(to: "MY/hub")], [try world.consent(from: "SG/other")],
            [try world.consent(issued: -366 * 86_400)], [try world.consent(issued: 60)],
            [good, try world.typhoon()],
        ]
        for statements in contradictions {
            #expect(try await answer(statements, documents: wanted) == "refused")
        }
        // A record that is on its way here may list the officer, or another role: that is not for good.
        let forgeries: [[[UInt8]]] = [
            [try world.consent(by: "releasing-officer")], [try world.consent(of: recipient)],
            [try world.consent(signer: try world.unlistedOfficer())],
            [Array(good.dropLast())], [[]],
        ]
        for statements in forgeries {
            #expect(
                await problem { _ = try await answer(statements, documents: wanted) }
                    == "approval-invalid")
        }
        #expect(
            try await recipient.entries("offer.refused") == contradictions.count + forgeries.count)
    }

    // MARK: Emergencies

    @Test func anEmergencyCountsWhereItIsNamed() async throws {
        let exchange = recipient.exchange
        let over = try world.health(150_000)
        let named = try world.health(150_000, emergency: "2026/17")
        #expect(try await exchange.decide(over).verdict.outcome == .refused)
        #expect(await problem { _ = try await exchange.decide(named) } == "bad-facts")
        _ = try await exchange.take(statement: try world.typhoon(), by: 0)
        #expect(try await exchange.decide(over).verdict.outcome == .refused)
        #expect(try await exchange.decide(named).verdict.outcome == .permitted)
        let id = try await recipient.send(named)
        try await sender.serving { await exchange.pursue(id) }
        #expect(try await sender.inbound(id, from: recipient)?.state == "delivered")
        world.clock.advance(seconds: 7_200)
        #expect(await problem { _ = try await exchange.decide(named) } == "bad-facts")
    }

    @Test func declarationsThatMeanNothingHereAreNotTaken() async throws {
        for message in [
            try world.typhoon(by: "releasing-officer"),
            try world.typhoon(issued: -7_200), try world.typhoon(issued: 3_600),
        ] {
            let exchange = recipient.exchange
            #expect(
                await problem { _ = try await exchange.take(statement: message, by: 0) }
                    == "bad-statement")
        }
    }

    @Test func declarationsOutsideTheirLimitsAreNotEvenSigned() throws {
        #expect(throws: FederationError.self) { try world.typhoon(seconds: 72 * 3_600 + 1) }
        #expect(throws: FederationError.self) { try world.typhoon(seconds: 0) }
        #expect(throws: FederationError.self) { try world.typhoon(to: []) }
        #expect(throws: FederationError.self) { try world.typhoon(reference: "") }
        #expect(throws: FederationError.self) { try world.typhoon(reference: "a\u{1B}[2J") }
    }
}

extension TestFederation {
    /// An officer certified by another authority of the same name, whom no record lists.
    func unlistedOfficer() throws -> CMS.Signer {
        let authority = try Authority(sender.id.country, from: Self.start)
        let key = try PrivateKey.generate(.p256)
        let certificate = try authority.root.issue(
            for: .officer, uri: OfficerID("SG/hub/data-protection-officer").uri,
            to: key.publicKey, from: Self.start + -86_400, until: Self.start + 86_400)
        return try CMS.Signer(certificate: certificate, key: key)
    }
}
