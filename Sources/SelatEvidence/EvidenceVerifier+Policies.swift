import SelatCore
import SelatCrypto
import SelatFederation
import SelatPolicy

// The policy files: who signed them, and whether they give the verdicts.

extension EvidenceVerifier {
    /// A file whose signatures are bad is no member's law; one without any only proves less, and so does
    /// one that cannot be judged any more because documents of a member that signs are over.
    mutating func checkPolicies(_ federation: Federation) {
        var signed: [String] = []
        for (name, file) in evidence.policies.sorted(by: { $0.key < $1.key }) {
            guard let signatures = file.signatures else {
                report.unproven.append("that anybody signed the policy file `\(name)`")
                continue
            }
            var owner: EditionOwner?
            do {
                let head = try EditionHead(
                    PolicySource(name: "\(name).yaml", bytes: file.bytes))
                owner = EditionOwner(
                    of: head, content: file.bytes, signatures: signatures, in: federation)
                guard let owner else { throw EvidenceFault.differs("`\(name)` is no member") }
                _ = try federation.verifyEdition(
                    "\(name).yaml", content: file.bytes, signatures: signatures, owner: owner,
                    at: try moment())
                try federation.verifyAgreements(
                    in: head, file: "\(name).yaml", at: try moment())
                signed.append("\(name) (edition \(head.number))")
            } catch {
                let over = error is FederationError ? lapsed(federation, among: owner) : []
                guard over.isEmpty else {
                    report.unproven.append(
                        "that the policy file `\(name)` is signed as it must be: the documents of "
                            + "\(over.map(\.code).joined(separator: ", ")) were over, or are not "
                            + "here (\(error))")
                    continue
                }
                report.wrong.append("policy file `\(name)`: \(error)")
            }
        }
        guard !signed.isEmpty else { return }
        report.proven.append(
            "these policy files are signed by their members' policy signers: "
                + signed.joined(separator: ", "))
    }

    /// Countries whose policy signers cannot be judged at that moment although what they signed before
    /// stays good: they have no record here, it or their revocation lists were over, or they have
    /// left.
    /// - Parameter owner: whose file it is: another's lapse excuses no bad signature.
    private func lapsed(_ federation: Federation, among owner: EditionOwner?) -> [Country] {
        guard let moment = try? moment() else { return [] }
        let members = Set(federation.members.map(\.country))
        let over = members.filter { country in
            let end = federation.records[country].map {
                $0.expires + FederationLimits.graceSecondsMax
            }
            return end.map { moment >= $0 } ?? true
                || federation.areRevocationListsOver(of: country, at: moment)
        }
        let earlier = evidence.membership.lists.compactMap { der in
            try? MembershipList(content: CMS.unverifiedContent(der, type: .membershipList))
        }
        let left = Set(earlier.flatMap(\.members).map(\.country)).subtracting(members)
        let all = over.union(left).sorted()
        guard case .member(let country) = owner else { return all }
        return all.filter { $0 == country }
    }
}

extension Evidence {
    /// The instruments that count. Where nobody's signatures are here, which is said, those of the
    /// verdict.
    private func signedInstruments(
        _ verdict: Verdict, _ federation: Federation
    ) throws -> Set<String> {
        guard let file = policies["agreements"], let signatures = file.signatures else {
            return Set(verdict.instruments)
        }
        let head = try EditionHead(PolicySource(name: "agreements.yaml", bytes: file.bytes))
        return head.instruments(
            among: federation.signatories(
                of: head, content: file.bytes, signatures: signatures))
    }

    /// Judges again by the policy files that a verdict pins.
    /// - Returns: false where one is not here.
    /// - Throws: `EvidenceFault.differs` where they give another record; what loading them throws.
    func givesAgain(
        _ verdict: Verdict, _ record: [UInt8], _ federation: Federation
    ) throws -> Bool {
        let digests = policies.mapValues { SHA256.digest($0.bytes) }
        guard verdict.editions.allSatisfy({ digests[$0.key] == $0.value.digest }) else {
            return false
        }
        let files = policies.sorted { $0.key < $1.key }.map {
            PolicySource(name: "\($0.key).yaml", bytes: $0.value.bytes)
        }
        let set = try PolicySet.load(
            files: files, signed: try signedInstruments(verdict, federation))
        let isImport = verdict.judgements.allSatisfy { $0.flow != .export && $0.flow != .domestic }
        let again =
            isImport
            ? try set.decideImport(verdict.question) : try set.decide(verdict.question).verdict
        guard again.record == record else {
            throw EvidenceFault.differs("the policy files here give another verdict")
        }
        return true
    }
}
