import Foundation
import SelatCore
import SelatTestSupport
import Testing

@testable import SelatAudit

extension Vector {
    func cosigner() throws -> CosignerKey { try CosignerKey(try #require(fields["key"])) }

    func policy() throws -> LogPolicy {
        try LogPolicy(parsing: try #require(Base64.decode(fields["policy"] ?? "missing")))
    }
}

/// Cosignatures, policies, requests and proofs that another program made from the C2SP pages.
@Suite struct WitnessVectorTests {
    @Test func thereAreVectorsOfEveryKind() {
        #expect(Vector.all("cosignature").count == 14)
        #expect(Vector.all("policy").count == 24)
        #expect(Vector.all("quorum").count == 9)
        #expect(Vector.all("add-checkpoint").count == 30)
        #expect(Vector.all("witnessed-proof").count == 4)
    }

    @Test(arguments: Vector.all("cosignature"))
    func cosignaturesAreJudgedAsExpected(vector: Vector) throws {
        let key = try vector.cosigner()
        let found = try? SignedNote(parsing: vector.body).cosignatures(by: [key]).first
        #expect((found != nil) == vector.isValid)
        #expect(!vector.isValid || found?.time.seconds == Int64(vector.fields["time"] ?? ""))
        #expect(key.text == vector.fields["key"])
    }

    @Test(arguments: Vector.all("policy"))
    func policiesAreJudgedAsExpected(vector: Vector) throws {
        let policy = try? LogPolicy(parsing: vector.body)
        #expect((policy != nil) == vector.isValid)
        guard let policy else { return }
        #expect(try LogPolicy(parsing: Array(policy.text.utf8)) == policy)
    }

    @Test(arguments: Vector.all("quorum"))
    func quorumsAreJudgedAsExpected(vector: Vector) throws {
        let policy = try vector.policy()
        let checkpoint = try? policy.verify(vector.body)
        #expect((checkpoint != nil) == vector.isValid)
    }

    @Test(arguments: Vector.all("add-checkpoint"))
    func requestsAreAnsweredAsExpected(vector: Vector) throws {
        let key = try vector.key()
        let last = try vector.fields["last"].map { text in
            let words = text.split(separator: " ")
            return Checkpoint(
                origin: key.name, size: try #require(UInt64(words[0])),
                root: try Digest(bytes: try #require(Base64.decode(words[1]))))
        }
        #expect(Self.answer(vector.body, key, last) == vector.fields["answer"])
        guard vector.isValid else { return }
        #expect(try WitnessRequest(parsing: vector.body).bytes == vector.body)
    }

    private static func answer(_ body: [UInt8], _ key: VerifierKey, _ last: Checkpoint?) -> String {
        guard let request = try? WitnessRequest(parsing: body) else { return "400" }
        guard request.checkpoint.origin == key.name else { return "404" }
        guard (try? request.note.verify(key)) != nil else { return "403" }
        return switch request.judge(after: last) {
        case .consistent: "200"
        case .oldAboveSize: "400"
        case .conflict(let size), .behind(let size): "409 \(size)"
        case .forked, .unproven: "422"
        }
    }

    @Test(arguments: Vector.all("add-checkpoint").filter(\.isValid))
    func mutatedRequestsAreNeverBelieved(vector: Vector) throws {
        let key = try vector.key()
        let good = try WitnessRequest(parsing: vector.body).checkpoint
        for mutation in Mutations.of(vector.body, count: 300, seed: 5) {
            guard let request = try? WitnessRequest(parsing: mutation),
                (try? request.note.verify(key)) != nil
            else { continue }
            #expect(request.checkpoint == good)
        }
    }

    @Test(arguments: Vector.all("quorum").filter(\.isValid))
    func mutatedCheckpointsKeepTheirTextOrFail(vector: Vector) throws {
        let policy = try vector.policy()
        let text = try SignedNote(parsing: vector.body).text
        for mutation in Mutations.of(vector.body, count: 200, seed: 6) {
            guard let checkpoint = try? policy.verify(mutation) else { continue }
            #expect(checkpoint.checkpoint.text == text)
        }
    }

    @Test(arguments: Vector.all("policy").filter(\.isValid))
    func mutatedPoliciesAreReadOrRefusedAndWrittenBack(vector: Vector) throws {
        for mutation in Mutations.of(vector.body, count: 500, seed: 7) {
            guard let policy = try? LogPolicy(parsing: mutation) else { continue }
            #expect(try LogPolicy(parsing: Array(policy.text.utf8)) == policy)
        }
    }

    @Test(arguments: Vector.all("witnessed-proof"))
    func proofsAreHeldAgainstTheQuorum(vector: Vector) throws {
        let (policy, leaf) = (try vector.policy(), try Digest(bytes: try vector.bytes("leaf")))
        let checkpoint = try? TLogProof(parsing: vector.body).verify(leaf: leaf, policy: policy)
        #expect((checkpoint != nil) == vector.isValid)
    }
}
