package import SelatCore
import SelatCrypto

/// Who must have signed a policy edition.
package enum EditionOwner: Hashable, Sendable {
    /// One member's own file.
    case member(Country)
    /// Vocabulary, agreements and the federation's file: `quorum` members, and each of `parties`.
    case members(parties: Set<Country>)
}

/// Whose good signatures an edition bears.
package struct EditionSignatures: Hashable, Sendable {
    /// The persons who signed, by country.
    package let persons: [Country: Set<OfficerID>]
    /// Members whose threshold of persons has signed, ordered.
    package let members: [Country]
    /// For `status`: signatures that count, and how many are needed.
    package let counted: Int
    package let needed: Int
}

// The signatures of policy editions (`Format.md`, *Policy editions*).
extension Federation {
    /// Verifies the signatures beside a policy file.
    /// - Parameters:
    ///   - file: the file's name, for messages.
    ///   - content: the file's bytes.
    ///   - signatures: DER of the detached message; nil where there is none.
    /// - Throws: `FederationError.editionNotSigned`, which names who has not signed;
    ///   `.editionSignerUnknown` for a signature that cannot be judged.
    package func verifyEdition(
        _ file: String, content: [UInt8], signatures: [UInt8]?, owner: EditionOwner,
        at time: Timestamp
    ) throws(FederationError) -> EditionSignatures {
        try requireListInForce(at: time)
        let persons = try signatures.map { der throws(FederationError) in
            try self.persons(file, content: content, der, owner, at: time)
        }
        switch owner {
        case .member(let country):
            return try requireMember(country, file, persons ?? [:], at: time)
        case .members(let parties):
            return try requireMembers(parties, file, persons ?? [:])
        }
    }

    /// The countries that every list names, from the first one on. Whoever took an edition asked them for
    /// their signatures, whichever lists it had by then; who has joined since, or come back, was perhaps
    /// not asked. By the lists' contents alone: their signatures may be others at another node.
    package var standingMembers: Set<Country> { members(byList: serial).standing }

    /// All members by the list of a serial, and those of them that every list up to it names; by the
    /// list in force where there is no such list yet.
    package func members(
        byList serial: UInt64
    ) -> (all: Set<Country>, standing: Set<Country>) {
        let lists = documents.lists.prefix(max(1, Int(clamping: serial))).map { der in
            Set(Self.countries(ofVerified: der))
        }
        let all = lists.last ?? []
        return (all, lists.reduce(all) { $0.intersection($1) })
    }

    /// Whom a list names that was verified when it was taken: there may be hundreds, and to decode each
    /// one's certificates takes milliseconds.
    private static func countries(ofVerified der: [UInt8]) -> [Country] {
        let content = try? unverifiedContent(der, .membershipList, MembershipList.document)
        let list = content.flatMap { try? JSON(parsing: $0) }
        return (list?["members"]?.arrayValue ?? []).compactMap { member in
            member["country"]?.stringValue.flatMap { try? Country($0) }
        }
    }

    private func persons(
        _ file: String, content: [UInt8], _ der: [UInt8], _ owner: EditionOwner,
        at time: Timestamp
    ) throws(FederationError) -> [Country: Set<OfficerID>] {
        guard der.count <= FederationLimits.editionSignaturesBytesMax else {
            throw .editionNotSigned(file, reason: "its signatures are larger than 64 KiB")
        }
        do {
            let found = try CMS.verifyDetached(
                der, content: content, type: .policyEdition, federation: id
            ) { name in try policySigner(name, file, owner, at: time) }
            return try sorted(found, file)
        } catch let error as FederationError {
            throw error
        } catch CryptoError.signatureInvalid(let signer) {
            throw .editionNotSigned(
                file,
                reason: "the signature of `\(signer)` is not over these bytes: it is of "
                    + "another edition, or the file was changed; sign the file as it is")
        } catch {
            throw .editionNotSigned(file, reason: "signatures: \(error)")
        }
    }

    func policySigner(
        _ name: CMS.SignerName, _ file: String, _ owner: EditionOwner, at time: Timestamp
    ) throws(FederationError) -> VerifiedCertificate {
        var first: Country?
        if case .member(let country) = owner { first = country }
        guard let signer = policySigner(name) else {
            throw .editionSignerUnknown(
                file,
                reason: "signed by somebody (\(name)) who is no policy signer of any member"
                    + whoMaySign(owner))
        }
        if let first, signer.country != first {
            throw .editionNotSigned(
                file,
                reason: "signed by `\(signer.certificate)`, who is no policy signer of "
                    + "`\(first)`" + whoMaySign(owner))
        }
        do throws(FederationError) {
            try requireRecord(of: signer.country, at: time)
            return try verified(
                signer.certificate, of: signer.country, for: .officer, at: time)
        } catch {
            throw .editionSignerUnknown(
                file, reason: "signature of `\(signer.certificate)`: \(error)")
        }
    }

    /// By the whole name: another country's CA may have given one of its own the same issuer and
    /// serial. No record lists a signer of another country.
    private func policySigner(
        _ name: CMS.SignerName
    ) -> (country: Country, certificate: Certificate)? {
        for (country, record) in records {
            if let signer = record.policySigners.first(where: { CMS.SignerName(of: $0) == name }) {
                return (country, signer)
            }
        }
        return nil
    }

    private func sorted(
        _ signatures: [CMS.Signature], _ file: String
    ) throws(FederationError) -> [Country: Set<OfficerID>] {
        var persons: [Country: Set<OfficerID>] = [:]
        for signature in signatures {
            let certificate = signature.certificate.certificate
            guard let person = certificate.officer else {
                throw .editionNotSigned(file, reason: "`\(certificate)` names no officer")
            }
            // An old and a new certificate of one person are one signature.
            persons[signature.certificate.country, default: []].insert(person)
        }
        return persons
    }

    private func requireMember(
        _ country: Country, _ file: String, _ persons: [Country: Set<OfficerID>],
        at time: Timestamp
    ) throws(FederationError) -> EditionSignatures {
        guard let record = records[country] else {
            throw .editionNotSigned(
                file, reason: "no member record of `\(country)` is in force, so nobody can sign it")
        }
        try requireRecord(of: country, at: time)
        let signed = persons[country] ?? []
        guard signed.count >= record.policyThreshold else {
            let missing = record.policySignerNames.subtracting(signed)
            throw .editionNotSigned(
                file,
                reason: "\(signed.count) of \(record.policyThreshold) signatures"
                    + whoMaySign(.member(country))
                    + (signed.isEmpty ? "" : "; not yet signed: \(Self.list(missing))"))
        }
        return EditionSignatures(
            persons: persons, members: [country], counted: signed.count,
            needed: record.policyThreshold)
    }

    private func requireMembers(
        _ parties: Set<Country>, _ file: String, _ persons: [Country: Set<OfficerID>]
    ) throws(FederationError) -> EditionSignatures {
        let signed = list.members.map(\.country).filter { country in
            guard let record = records[country] else { return false }
            return (persons[country]?.count ?? 0) >= record.policyThreshold
        }
        guard signed.count >= list.quorum else {
            throw .editionNotSigned(
                file,
                reason: "signed for \(signed.count) of \(list.quorum) members"
                    + unsigned(list.members.map(\.country), signed))
        }
        let missing = parties.intersection(list.members.map(\.country)).subtracting(signed)
        guard missing.isEmpty else {
            throw .editionNotSigned(
                file,
                reason: "it holds instruments of members who have not signed it"
                    + unsigned(missing.sorted(), []))
        }
        return EditionSignatures(
            persons: persons, members: signed, counted: signed.count, needed: list.quorum)
    }

    private func requireRecord(
        of country: Country, at time: Timestamp
    ) throws(FederationError) {
        guard let record = records[country] else { throw .unknownMember(country) }
        guard time < record.expires + FederationLimits.graceSecondsMax else {
            throw .notInForce(
                MemberRecord.document(of: country), from: record.issued, until: record.expires)
        }
    }

    // MARK: Words

    private func whoMaySign(_ owner: EditionOwner) -> String {
        guard case .member(let country) = owner, let record = records[country] else { return "" }
        let names = record.policySignerNames
        return "; signers named by the member record of `\(country)` are "
            + (names.isEmpty ? "none" : Self.list(names))
    }

    private func unsigned(_ countries: [Country], _ signed: [Country]) -> String {
        let missing = countries.filter { !signed.contains($0) }.map { country in
            let threshold = records[country]?.policyThreshold
            return "`\(country)` (\(threshold.map { "\($0) of " } ?? "")"
                + "\(Self.list(records[country]?.policySignerNames ?? [])))"
        }
        return "; not yet signed for " + missing.joined(separator: ", ")
    }

    private static func list(_ names: Set<OfficerID>) -> String {
        names.isEmpty ? "none" : names.sorted().map { "`\($0)`" }.joined(separator: ", ")
    }
}

extension MemberRecord {
    /// The persons who may sign the member's policy editions.
    package var policySignerNames: Set<OfficerID> { Set(policySigners.compactMap(\.officer)) }
}
