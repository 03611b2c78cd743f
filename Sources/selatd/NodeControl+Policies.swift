import SelatAudit
import SelatControl
import SelatCore
import SelatExchange
import SelatStore

// Policy editions at the control socket.
extension NodeControl {
    func policies(withDocuments: Bool) async throws -> JSON {
        let editions = try await exchange.editions.status()
        guard withDocuments else { return ["editions": editions] }
        var documents: JSON.Object = [:]
        for (name, edition) in editions.objectValue ?? [:] {
            guard let digest = try edition["digest"]?.stringValue.map({ try Digest($0) }),
                let row = try await exchange.editions.edition(digest)
            else { continue }
            documents["\(name).yaml"] = .string(Base64.encode(row.bytes))
        }
        return ["editions": editions, "documents": .object(documents)]
    }

    func activate(_ request: ActivationRequest, by caller: Caller) async throws -> JSON {
        let editions = request.editions.map {
            SignedEdition(file: $0.file, bytes: $0.bytes, signatures: $0.signatures)
        }
        await exchange.lookAtClock()
        do {
            let taken = try await exchange.editions.take(
                editions, from: .user(caller.user), together: true)
            return ["editions": .array(taken.map(Self.document))]
        } catch let refused as EditionsRefused {
            throw ServiceProblem.policyRefused(refused.reasons)
        }
    }

    private static func document(_ taken: TakenEdition) -> JSON {
        [
            "name": .string(taken.name), "edition": .integer(taken.number),
            "digest": .string(taken.digest.text), "in_force": .string(taken.inForce.text),
            "result": .string(taken.standing.rawValue),
        ]
    }
}
