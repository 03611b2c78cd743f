package import SelatCore
import SelatCrypto

extension Federation {
    /// The membership as people and programs read it (Control.docc, `GET /v1/membership`).
    package func report(at time: Timestamp) -> JSON {
        [
            "federation": .string(id.text), "serial": .integer(serial),
            "digest": .string(listDigest.text), "issued": .string(list.issued.text),
            "expires": .string(expires.text), "quorum": .integer(Int64(list.quorum)),
            "sandbox": .bool(isSandbox), "members": .array(members.map(report(of:))),
            "cuts": .array(list.cuts.map(\.report)), "forks": [],
            "warnings": .strings(warnings(at: time)),
        ]
    }

    private func report(of member: MembershipList.Member) -> JSON {
        let record = records[member.country]
        var fields: JSON.Object = [
            "country": .string(member.country.code), "sector": .string(member.sector.rawValue),
            "roles": .strings(member.roles.map(\.rawValue).sorted()),
            "threshold": .integer(Int64(member.threshold)),
            "authorities": .array(member.authorities.map(\.authorityReport)),
        ]
        fields["nodes"] = (record?.nodes).map { .array($0.map { $0.report(cutBy: list) }) }
        fields["officers"] = (record?.officers).map { .array($0.map(\.report)) }
        if let record {
            fields["record"] = [
                "serial": .integer(record.serial), "digest": .string(record.digest.text),
                "issued": .string(record.issued.text), "expires": .string(record.expires.text),
            ]
        }
        fields["crl"] = (try? tlsAnchors(for: member.country))?.revocationLists
            .min { $0.nextUpdate < $1.nextUpdate }.map { list in
                // Authorities number their lists as they like, some by the nanosecond.
                let number = Int64(exactly: list.number).flatMap {
                    $0 <= JSON.integerMax ? JSON.integer($0) : nil
                }
                return [
                    "number": number ?? .string("\(list.number)"),
                    "next_update": .string(list.nextUpdate.text),
                ]
            }
        return .object(fields)
    }

    /// What is over or soon will be, with what to do; the nearest end of each kind.
    package func warnings(at time: Timestamp) -> [String] {
        var warnings: [String] = []
        func warn(_ what: String, _ end: Timestamp, _ secondsBefore: Int64, _ remedy: String) {
            guard end - time < secondsBefore else { return }
            let when =
                end <= time
                ? "is over since \(end)" : "ends at \(end), in \((end - time) / 3_600) hours"
            warnings.append("\(what) \(when): \(remedy)")
        }
        warn(
            "the membership list", expires, Self.listWarningSeconds,
            "nothing new is sent afterwards; `selat members propose --renew`")
        for member in members {
            let country = member.country
            if let record = records[country] {
                warn(
                    "the record of \(country)", record.expires, Self.recordWarningSeconds,
                    "`selat members propose --record \(country) --renew`")
                warnings += Self.warnings(ofRolesIn: record, beyond: member.roles)
            } else {
                warnings.append(
                    "no record of \(country) is held that its authorities, as list \(serial) names "
                        + "them, have signed: its nodes are not known, and others refuse them; "
                        + "`selat members publish` at another member's node brings its next one")
            }
            let lists = (try? tlsAnchors(for: country))?.revocationLists ?? []
            for list in lists {
                warn(
                    "the revocation list of \(country)", list.nextUpdate,
                    Self.revocationWarningSeconds, "its authority must issue the next one")
            }
        }
        return warnings
    }

    private static func warnings(
        ofRolesIn record: MemberRecord, beyond allowed: Set<NodeRole>
    ) -> [String] {
        record.nodes.compactMap { node in
            let beyond = node.roles.subtracting(allowed).map { "`\($0.rawValue)`" }.sorted()
            guard !beyond.isEmpty else { return nil }
            return "the record gives `\(node.id)` the role \(beyond.joined(separator: ", ")), "
                + "which the list does not give the nodes of \(record.country): it does not count"
        }
    }

    private static let listWarningSeconds: Int64 = 14 * 86_400
    private static let recordWarningSeconds: Int64 = 7 * 86_400
    private static let revocationWarningSeconds: Int64 = 2 * 86_400
}

extension MembershipList.Cut {
    fileprivate var report: JSON {
        var fields: JSON.Object = [
            "subject": .string(subject.description), "distrust_from": .string(distrustFrom.text),
        ]
        fields["log_size"] = logSize.map { .string("\($0)") }
        return .object(fields)
    }
}

extension MemberRecord.Node {
    fileprivate func report(cutBy list: MembershipList) -> JSON {
        let certificates =
            tls.map { $0.report(for: "tls") } + signing.map { $0.report(for: "signing") }
            + agreement.map { $0.report(for: "agreement") }
        var fields: JSON.Object = [
            "id": .string(id.text), "host": .string(endpoint.host),
            "port": .integer(Int64(endpoint.port)),
            "roles": .strings(roles.map(\.rawValue).sorted()),
            "certificates": .array(certificates),
        ]
        if list.cut(of: id) != nil { fields["cut"] = true }
        return .object(fields)
    }
}

extension MemberRecord.Officer {
    fileprivate var report: JSON {
        [
            "id": .string(id.text), "roles": .strings(roles.sorted()),
            "not_after": .string(certificate.notAfter.text),
        ]
    }
}

extension Certificate {
    fileprivate var authorityReport: JSON {
        [
            "name": .string(description), "digest": .string(digest.text),
            "not_after": .string(notAfter.text),
        ]
    }

    fileprivate func report(for purpose: String) -> JSON {
        [
            "purpose": .string(purpose), "digest": .string(digest.text),
            "not_after": .string(notAfter.text),
        ]
    }
}
