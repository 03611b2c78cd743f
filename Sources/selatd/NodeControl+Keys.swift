import SelatControl
import SelatCore
import SelatCrypto
import SelatExchange
import SelatFederation

// The node's keys at the control socket.
extension NodeControl {
    func keys() async throws -> JSON {
        let now = SystemClock().now()
        let country = exchange.identity.node.country
        let record = exchange.federation.records[country]
        let member = exchange.federation.members.first { $0.country == country }
        return [
            "node": .string(exchange.identity.node.text),
            "keys": .array(exchange.keyStandings().map { Self.document($0, at: now) }),
            "officers": .array(
                (record?.officers ?? []).map {
                    Self.document($0.certificate, id: $0.id.text, at: now)
                }),
            "policy_signers": Self.documents(record?.policySigners ?? [], at: now),
            "authorities": Self.documents(member?.authorities ?? [], at: now),
            "cas": Self.documents(member?.anchors ?? [], at: now),
            "crls": .array(try revocationLists(of: country, at: now)),
            "remove": .strings(exchange.keyLeftovers),
            "warnings": .strings(exchange.keyReminders(at: now).map(\.text)),
        ]
    }

    func rotate(_ purpose: String, kind: String?, by caller: Caller) async throws -> JSON {
        guard let purpose = KeyPurpose(rawValue: purpose) else {
            let words = KeyPurpose.allCases.map { "`\($0.rawValue)`" }.joined(separator: ", ")
            throw ServiceProblem.badFilter(
                "`\(purpose.prefix(40))` is no purpose of a key, must be one of \(words)")
        }
        let rotated = try await exchange.rotate(
            purpose, kind: try kind.map(Self.kind), by: caller.user)
        var members: JSON.Object = [
            "node": .string(exchange.identity.node.text),
            "purpose": .string(purpose.rawValue), "kind": .string(rotated.kind.description),
            "fingerprint": .string(rotated.fingerprint.text), "made": .bool(rotated.isNew),
        ]
        members["request"] = rotated.request.map { .string($0.pem) }
        members["listing"] = rotated.listing.map { .string($0) }
        return .object(members)
    }

    private static func kind(_ word: String) throws -> HeldKey.Kind {
        guard let kind = HeldKey.Kind(name: word) else {
            let words = KeyKind.allCases.map(\.rawValue) + MLKEMKind.allCases.map(\.rawValue)
            throw ServiceProblem.badFilter(
                "`\(word.prefix(40))` is no kind of key, must be one of "
                    + words.map { "`\($0)`" }.joined(separator: ", "))
        }
        return kind
    }

    private func revocationLists(of country: Country, at now: Timestamp) throws -> [JSON] {
        let lists = try? exchange.federation.tlsAnchors(for: country).revocationLists
        return (lists ?? []).map { list in
            [
                "this_update": .string(list.thisUpdate.text),
                "next_update": .string(list.nextUpdate.text),
                "days_left": .integer((list.nextUpdate - now).dividedDown(by: 86_400)),
            ]
        }
    }

    private static func documents(_ certificates: [Certificate], at now: Timestamp) -> JSON {
        .array(certificates.map { document($0, id: $0.description, at: now) })
    }

    private static func document(_ certificate: Certificate, id: String, at now: Timestamp) -> JSON
    {
        [
            "id": .string(id), "fingerprint": .string(certificate.publicKey.fingerprint.text),
            "not_after": .string(certificate.notAfter.text),
            "days_left": .integer((certificate.notAfter - now).dividedDown(by: 86_400)),
        ]
    }

    private static func document(_ standing: KeyStanding, at now: Timestamp) -> JSON {
        var members: JSON.Object = [
            "purpose": .string(standing.purpose.rawValue),
            "state": .string(standing.state.rawValue),
            "fingerprint": .string(standing.fingerprint.text),
        ]
        members["kind"] = standing.kind.map { .string($0.description) }
        members["place"] = standing.place.map { .string($0) }
        members["until"] = standing.until.map { .string($0.text) }
        members["made"] = standing.made.map { .string($0.text) }
        members["taken_up"] = standing.takenUp.map { .string($0.text) }
        if let end = standing.notAfter {
            members["not_after"] = .string(end.text)
            members["days_left"] = .integer((end - now).dividedDown(by: 86_400))
        }
        return .object(members)
    }
}
