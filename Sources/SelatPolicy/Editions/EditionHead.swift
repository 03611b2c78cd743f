package import SelatCore
import SelatCrypto

/// What a policy file says of itself: enough to ask for the right signatures, and to know when it
/// comes into force, before anything else in it is read.
package struct EditionHead: Hashable, Sendable {
    package enum Kind: Hashable, Sendable {
        case country(Country)
        case federation
        /// For each instrument, by id, whose signatures it needs: all parties, or the one it is `by`.
        case agreements([String: Set<Country>])
        case vocabulary
    }

    /// `SG`, `ASEAN`, `agreements`, `vocabulary`: the file's name without `.yaml`.
    package let name: String
    package let kind: Kind
    package let number: UInt64
    package let standing: Standing
    package let inForce: Timestamp
    /// Nil where the kind of file has none.
    package let reviewBy: Timestamp?
    /// Of `agreements.yaml`, the instruments that ask for signatures of their own.
    package let signings: [InstrumentSigning]
    /// SHA-256 of the file's bytes.
    package let digest: Digest

    /// - Throws: `PolicyErrors` for a file that has no such head, or another name than its
    ///   jurisdiction's; other faults in it are `PolicySet.load`'s.
    package init(_ source: PolicySource) throws(PolicyErrors) {
        let document = PolicyDocument(source)
        var reader = EditionHeadReader(document)
        guard let head = reader.read(document), reader.reader.problems.isEmpty else {
            throw PolicyErrors(diagnostics: reader.reader.problems)
        }
        self = head
    }

    fileprivate init(
        name: String, kind: Kind, number: UInt64, standing: Standing, inForce: Timestamp,
        reviewBy: Timestamp?, signings: [InstrumentSigning], digest: Digest
    ) {
        self.name = name
        self.kind = kind
        self.number = number
        self.standing = standing
        self.inForce = inForce
        self.reviewBy = reviewBy
        self.signings = signings
        self.digest = digest
    }
}

extension EditionHead {
    /// The instruments that count in an edition that is signed as it must be: those whose parties had
    /// to sign it, all of them, and which lack none of the signatures that they ask for. Empty for
    /// other files.
    /// - Parameters:
    ///   - members: the members of now.
    ///   - standing: those of whom no signature inside the instrument is asked.
    package func instruments(
        among members: Set<Country>, standing: Set<Country>
    ) -> Set<String> {
        guard case .agreements(let parties) = kind else { return [] }
        let lacking = signings.filter { !$0.missing.isEmpty }.map(\.instrument)
        let signed = parties.filter { instrument, countries in
            countries.isSubset(of: signatories(of: instrument, members, standing))
        }
        return Set(signed.keys).subtracting(lacking)
    }

    /// The same where all who are members have been so ever since the first list.
    package func instruments(among members: Set<Country>) -> Set<String> {
        instruments(among: members, standing: members)
    }

    /// The members who must sign the edition since they are a party of an instrument in it. Empty for
    /// other files.
    /// - Parameters: as for `instruments(among:standing:)`.
    package func signatories(
        among members: Set<Country>, standing: Set<Country>
    ) -> Set<Country> {
        guard case .agreements(let parties) = kind else { return [] }
        return parties.reduce(into: []) { all, one in
            all.formUnion(one.value.intersection(signatories(of: one.key, members, standing)))
        }
    }

    /// Who takes an edition verifies what a party has signed inside it, which it can only where that
    /// country is a member by then: so it asks for its signature of the edition too.
    private func signatories(
        of instrument: String, _ members: Set<Country>, _ standing: Set<Country>
    ) -> Set<Country> {
        let inside = signings.filter { $0.instrument == instrument }.flatMap(\.signatures)
        return members.intersection(standing.union(inside.map(\.statement.party)))
    }
}

private struct EditionHeadReader {
    var reader: DocumentReader
    let stem: String?
    private var signings: [InstrumentSigning] = []

    init(_ document: PolicyDocument) {
        reader = DocumentReader(file: document.name)
        stem = document.stem
    }

    mutating func read(_ document: PolicyDocument) -> EditionHead? {
        guard let node = reader.root(of: document), let root = reader.map(node, "the file"),
            let (name, kind) = nameAndKind(root)
        else { return nil }
        if stem != name {
            reader.report(
                .fileName, root.place, "the file of `\(name)` must be named `\(name).yaml`")
        }
        var standing: Standing? = .published
        var review: Timestamp?
        switch kind {
        case .country, .federation:
            standing = reader.choice(reader.required(root, "standing"), "standing")
            review = reader.date(reader.required(root, "review-by"), "review-by")
        case .agreements, .vocabulary: break
        }
        guard let number = reader.number(reader.required(root, "edition"), "edition"),
            let inForce = reader.moment(reader.required(root, "in-force"), "in-force"),
            let standing
        else { return nil }
        return EditionHead(
            name: name, kind: kind, number: number, standing: standing, inForce: inForce,
            reviewBy: review, signings: signings, digest: document.digest)
    }

    private mutating func nameAndKind(_ root: Section) -> (String, EditionHead.Kind)? {
        if root["vocabulary"] != nil { return ("vocabulary", .vocabulary) }
        if root["agreements"] != nil {
            return ("agreements", .agreements(instruments(root["instruments"])))
        }
        guard let node = reader.required(root, "jurisdiction"),
            let name = reader.word(node, "jurisdiction")
        else { return nil }
        guard name.utf8.count == 2 else { return (name, .federation) }
        return reader.country(Word(text: name, place: node.place)).map { (name, .country($0)) }
    }

    private mutating func instruments(_ node: DocumentNode?) -> [String: Set<Country>] {
        var parties: [String: Set<Country>] = [:]
        for element in reader.list(node, "instruments") ?? [] {
            guard let section = reader.map(element, "an instrument"),
                let id = reader.word(reader.required(section, "id"), "id")
            else { continue }
            let words = section["by"] ?? reader.required(section, "parties")
            let countries = (reader.words(words, "parties") ?? []).compactMap { word in
                (try? NodeID(word.text))?.country ?? reader.country(word)
            }
            let signing = InstrumentSigningReader(section: section, instrument: id)
            signings += signing.read(&reader).map { [$0] } ?? []
            // Of two with one id, both must be signed; the set itself is refused anyway.
            parties[id, default: []].formUnion(countries)
        }
        return parties
    }
}
