import SelatAudit
import SelatControl
import SelatCore
import SelatExchange
import SelatFederation

// Who is a member, as this node has it, and documents that an administrator hands over.
extension NodeControl {
    func membership(withDocuments: Bool) async throws -> JSON {
        let register = exchange.membership
        let (federation, now) = (register.federation, exchange.clock.now())
        var document = federation.report(at: now).objectValue ?? [:]
        document["forks"] = .array(register.forks.map { .integer($0) })
        document["warnings"] = .strings(register.warnings(at: now))
        if withDocuments { document["documents"] = documents(federation.documents) }
        return .object(document)
    }

    func publish(_ request: MembershipRequest, by caller: Caller) async throws -> JSON {
        do {
            let taken = try await exchange.membership.take(
                MembershipBundle(
                    lists: request.lists, records: request.records,
                    revocationLists: request.revocationLists),
                from: .user(caller.user), together: true)
            return [
                "taken": .strings(taken), "membership": try await membership(withDocuments: false),
            ]
        } catch let refused as MembershipRefused {
            throw ServiceProblem.membershipRefused(refused.reasons)
        }
    }

    private func documents(_ documents: MembershipDocuments) -> JSON {
        let request = MembershipRequest(
            lists: documents.lists, records: documents.records,
            revocationLists: documents.revocationLists)
        var members = request.json.objectValue ?? [:]
        members["list"] = .string(Base64.encode(documents.list))
        return .object(members)
    }
}
