import Foundation
import SelatCore
import SelatCrypto
import SelatPolicy
import Testing

@testable import SelatEnvelope

/// From the policies as they ship to an opened envelope: permit, sealing, release, header.
struct ReleaseTests {
    private static let policies: PolicySet? = {
        let root = URL(filePath: #filePath).deletingLastPathComponent()
            .deletingLastPathComponent().deletingLastPathComponent()
        return try? PolicySet.load(
            files: ["ASEAN", "MY", "SG", "VN", "agreements", "vocabulary"].map { name in
                let file = root.appending(path: "Policies/\(name).yaml")
                return PolicySource(name: "\(name).yaml", bytes: Array(try Data(contentsOf: file)))
            })
    }()

    @Test func aPermittedDatasetIsReleasedAndOpensWithItsVerdict() async throws {
        let world = try World()
        let policies = try #require(Self.policies)
        let question = Question(
            source: world.sender.node, destination: world.recipient.node,
            sectors: [
                world.sender.node.country: .defence, world.recipient.node.country: .defence,
            ], membershipSerial: 3, decided: world.now,
            label: Label(
                classification: .unclassified, releasableTo: [world.recipient.node.country]),
            facts: Facts([
                "personal-data": Fact(.flag(false), .stated),
                "purpose": Fact(.set(["selat:EarlyWarning"]), .stated),
            ]))
        let decision = try policies.decide(question)
        let permit = try #require(decision.permit)

        let core = try world.core()
        let (key, keys) = try ContentKey.make(for: core, to: world.recipient.recipientKeys)
        let sink = MemoryFile()
        let sealer = try PayloadSealer(
            permit: permit, core: core, contentKey: key, messageSize: 5, sink: sink)
        try await sealer.append(Array("gauge".utf8))
        let payload = try await sealer.finish()

        let again = try policies.decide(question)
        let release = try #require(permit.release(approvals: [], again: again))
        let (head, identity) = try EnvelopeHead.sign(
            release: release, core: core, keys: keys, contentKey: key,
            dataset: try World.dataset([5]), approvals: [], payload: payload,
            attempt: try world.attempt(), signer: world.sender.signer, at: world.now)
        #expect(try world.verify(head).identity == identity)
        #expect(try head.unverifiedIdentity() == identity)
        let opened = try world.verify(head).open(with: world.recipient.openingKeys)
        #expect(opened.manifest.verdictRecord == again.verdict.record)
        #expect(try Verdict(record: opened.manifest.verdictRecord) == again.verdict)
        #expect(opened.manifest.facts == again.verdict.facts)
    }
}
