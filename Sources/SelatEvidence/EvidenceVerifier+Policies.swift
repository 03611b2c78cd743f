import SelatCore
import SelatCrypto
import SelatFederation
import SelatPolicy

// The policy files: who signed them, and whether they give the verdicts.

extension EvidenceVerifier {
    /// A file whose signatures are bad is no member's law; one without any only proves less, and so does
    /// one that cannot be judged any more because documents of a member that signs are over, or
    /// who signed it is no policy signer any more.
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
                owner = EditionOwner(of: head, in: federation)
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
                // A node keeps what it accepted; who signed may have other certificates by now.
                if case FederationError.editionSignerUnknown? = error as? FederationError {
                    report.unproven.append(
                        "that the policy file `\(name)` is signed as it must be: no record here lists "
                            + "who signed it, with a certificate that is good then (\(error))")
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
    /// What a verdict is when it is made again from the policy files here.
    enum Again {
        /// With what it permits; nil of a recipient's, which permits nothing by itself.
        case same(Permit?)
        /// Not every file that it pins is here.
        case filesMissing
        /// The same, as long as instruments count that some parties have not signed in it, who have not been
        /// members ever since the first list. So it was before that was asked.
        case unsigned([String: Set<Country>])
    }

    /// Judges again by the policy files that a verdict pins.
    /// - Throws: `EvidenceFault.differs` where they give another record; what loading them throws.
    func madeAgain(
        _ verdict: Verdict, _ record: [UInt8], _ federation: Federation
    ) throws -> Again {
        let digests = policies.mapValues { SHA256.digest($0.bytes) }
        guard verdict.editions.allSatisfy({ digests[$0.key] == $0.value.digest }) else {
            return .filesMissing
        }
        let files = policies.sorted { $0.key < $1.key }.map {
            PolicySource(name: "\($0.key).yaml", bytes: $0.value.bytes)
        }
        let set = try PolicySet.load(files: files)
        // Where nobody's signatures are here, which is said, the verdict says what counts.
        let pact = try pact()
        // By the list that it names: who was a party may have left since, or come.
        let members = federation.members(byList: verdict.question.membershipSerial)
        let signed = pact.map { $0.instruments(among: members.all, standing: members.standing) }
        let again = try set.counting(signed ?? Set(verdict.instruments)).judged(verdict)
        if again.record == record { return .same(again.permit) }
        if let pact, let signed, case .agreements(let parties) = pact.kind {
            let among = pact.instruments(among: members.all)
            let added = among.subtracting(signed)
            if !added.isEmpty, try set.counting(among).judged(verdict).record == record {
                let resting = added.intersection(verdict.instruments)
                let named = resting.isEmpty ? added : resting
                return .unsigned(
                    parties.filter { named.contains($0.key) }
                        .mapValues { $0.subtracting(members.standing) })
            }
        }
        throw EvidenceFault.differs("the policy files here give another verdict")
    }

    /// The agreements here; nil where no signatures lie beside them.
    private func pact() throws -> EditionHead? {
        guard let file = policies["agreements"], file.signatures != nil else { return nil }
        return try EditionHead(PolicySource(name: "agreements.yaml", bytes: file.bytes))
    }
}

extension PolicySet {
    /// The record of a verdict on the same question, and a sender's permit.
    fileprivate func judged(_ verdict: Verdict) throws -> (record: [UInt8], permit: Permit?) {
        let isImport = verdict.judgements.allSatisfy { $0.flow != .export && $0.flow != .domestic }
        if isImport { return (try decideImport(verdict.question).record, nil) }
        let again = try decide(verdict.question)
        return (again.verdict.record, again.permit)
    }
}
