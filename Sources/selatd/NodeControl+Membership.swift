import SelatAudit
import SelatControl
import SelatCore
import SelatCrypto
import SelatExchange
import SelatFederation
import SelatTransport

// Who is a member, as this node has it, and documents that an administrator hands over.
extension NodeControl {
    func membership(withDocuments: Bool) async throws -> JSON {
        let view = exchange.membership.current
        let federation = view.federation
        var document: [String: JSON] = [
            "federation": .string(federation.id.text), "serial": .integer(federation.serial),
            "digest": .string(federation.listDigest.text),
            "issued": .string(federation.list.issued.text),
            "expires": .string(federation.expires.text),
            "quorum": .integer(Int64(federation.list.quorum)),
            "sandbox": .bool(federation.isSandbox),
            "members": .array(federation.members.map { member($0, view) }),
            "cuts": .array(
                federation.list.cuts.map { cut in
                    [
                        "subject": .string(cut.subject.description),
                        "distrust_from": .string(cut.distrustFrom.text),
                    ]
                }),
            "forks": .array(exchange.membership.forks.map { .integer($0) }),
            "warnings": .strings(exchange.membership.warnings(at: exchange.clock.now())),
        ]
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

    private func member(
        _ member: MembershipList.Member, _ view: MembershipRegister.View
    ) -> JSON {
        var document: [String: JSON] = [
            "country": .string(member.country.code), "sector": .string(member.sector.rawValue),
            "roles": .strings(member.roles.map(\.rawValue).sorted()),
            "threshold": .integer(Int64(member.threshold)),
            "authorities": .array(
                member.authorities.map { certificate in
                    [
                        "name": .string(certificate.description),
                        "digest": .string(certificate.digest.text),
                        "not_after": .string(certificate.notAfter.text),
                    ]
                }),
        ]
        if let record = view.federation.records[member.country] {
            document["record"] = self.record(record, view)
            document["nodes"] = .array(record.nodes.map { node($0, view.federation) })
            document["officers"] = .array(record.officers.map(officer))
        }
        document["crl"] = revocationLists(of: member.country, view)
        return .object(document)
    }

    private func record(_ record: MemberRecord, _ view: MembershipRegister.View) -> JSON {
        var document: [String: JSON] = [
            "serial": .integer(record.serial), "issued": .string(record.issued.text),
            "expires": .string(record.expires.text),
        ]
        document["digest"] = view.index.records[record.country].map { .string($0.digest.text) }
        return .object(document)
    }

    private func revocationLists(
        of country: Country, _ view: MembershipRegister.View
    ) -> JSON? {
        let lists = (try? view.federation.tlsAnchors(for: country))?.revocationLists ?? []
        guard let end = lists.map(\.nextUpdate).min(), let number = lists.map(\.number).max()
        else { return nil }
        return ["number": .integer(number), "next_update": .string(end.text)]
    }

    private func node(_ node: MemberRecord.Node, _ federation: Federation) -> JSON {
        let certificates =
            node.tls.map { ("tls", $0) } + node.signing.map { ("signing", $0) }
            + node.agreement.map { ("agreement", $0) }
        var document: [String: JSON] = [
            "id": .string(node.id.text), "host": .string(node.endpoint.host),
            "port": .integer(Int64(node.endpoint.port)),
            "roles": .strings(node.roles.map(\.rawValue).sorted()),
            "certificates": .array(
                certificates.map { purpose, certificate in
                    [
                        "purpose": .string(purpose), "digest": .string(certificate.digest.text),
                        "not_after": .string(certificate.notAfter.text),
                    ]
                }),
        ]
        if federation.list.cut(of: node.id) != nil { document["cut"] = true }
        return .object(document)
    }

    private func officer(_ officer: MemberRecord.Officer) -> JSON {
        [
            "id": .string(officer.id.text), "roles": .strings(officer.roles.sorted()),
            "not_after": .string(officer.certificate.notAfter.text),
        ]
    }

    private func documents(_ documents: MembershipDocuments) -> JSON {
        func byCountry(_ documents: [Country: [UInt8]]) -> JSON {
            .object(
                Dictionary(
                    uniqueKeysWithValues: documents.map {
                        ($0.key.code, .string(Base64.encode($0.value)))
                    }))
        }
        return [
            "list": .string(Base64.encode(documents.list)),
            "lists": .strings(documents.lists.map { Base64.encode($0) }),
            "records": byCountry(documents.records),
            "crls": byCountry(documents.revocationLists),
        ]
    }
}
