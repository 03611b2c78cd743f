import SelatCore

/// What a file declares before its rules: the other files' rules may need its names first.
struct JurisdictionHead: Sendable {
    let root: Section
    let name: String
    let country: Country?
    let number: UInt64
    let standing: Standing
    let inForce: Timestamp
    let digest: Digest
    var documents: [DocumentDefinition] = []
    var nationalCategories: [DocumentNode.Entry] = []
    var counters: [DocumentNode.Entry] = []
}

/// Reads the head of one file: everything but conditions and rules.
struct HeadReader {
    var reader: DocumentReader
    let roles: [String]
    let now: Timestamp?

    /// A head without a fault is complete; where one is reported, what is missing is filled in, so
    /// that the rules below it are checked too.
    mutating func read(_ source: PolicyDocument) -> JurisdictionHead? {
        guard let root = reader.section(reader.root(of: source), .jurisdiction)
        else { return nil }
        let nameNode = reader.required(root, "jurisdiction")
        let name = reader.word(nameNode, "jurisdiction") ?? source.stem ?? ""
        if let nameNode { checkName(source, name, nameNode.place) }
        _ = reader.quoted(reader.required(root, "title"), "title")
        let number = reader.number(reader.required(root, "edition"), "edition")
        let standing: Standing? = reader.choice(reader.required(root, "standing"), "standing")
        let inForce = reader.moment(reader.required(root, "in-force"), "in-force")
        readReview(root, inForce)
        var head = JurisdictionHead(
            root: root, name: name, country: try? Country(name), number: number ?? 1,
            standing: standing ?? .draft, inForce: inForce ?? Timestamp(seconds: 0),
            digest: source.digest)
        head.documents = readDocuments(root["documents"], name)
        head.nationalCategories = readNames(root["national-categories"], name)
        head.counters = readNames(root["counters"], name)
        checkFederation(head)
        return head
    }

    private mutating func checkName(_ source: PolicyDocument, _ name: String, _ place: Place) {
        let file = source.name.split(separator: "/").last ?? ""
        if file != "\(name).yaml" {
            reader.report(
                .fileName, place,
                "the file of `\(name)` must be named `\(name).yaml`, not `\(file)`")
        }
        if name.utf8.count == 2 { _ = reader.country(Word(text: name, place: place)) }
    }

    private mutating func readReview(_ root: Section, _ inForce: Timestamp?) {
        guard let node = reader.required(root, "review-by"),
            let review = reader.date(node, "review-by")
        else { return }
        if let inForce, review <= inForce {
            reader.report(
                .contradictoryDates, node.place, "`review-by` is not after `in-force`")
        }
        if let now, now >= review {
            reader.report(
                .review, node.place, "past its review date; still in force", severity: .warning)
        }
    }

    private mutating func checkFederation(_ head: JurisdictionHead) {
        let ofCountries = ["special", "markings", "national-categories", "documents", "counters"]
        for entry in head.root.entries where head.country == nil && ofCountries.contains(entry.key)
        {
            reader.report(.misplaced, entry.place, "`\(entry.key)` belongs in a country's file")
        }
        if head.country != nil { _ = reader.required(head.root, "special") }
    }

    /// Names with the country's prefix.
    mutating func readNames(_ node: DocumentNode?, _ country: String) -> [DocumentNode.Entry] {
        guard let node, let section = reader.map(node, "definitions") else { return [] }
        for entry in section.entries where !entry.key.hasPrefix("\(country):") {
            reader.report(
                .prefix, entry.place, "`\(entry.key)` must begin with `\(country):`")
        }
        return section.entries
    }

    private mutating func readDocuments(
        _ node: DocumentNode?, _ country: String
    ) -> [DocumentDefinition] {
        readNames(node, country).compactMap { entry in
            guard let section = reader.section(entry.value, .document),
                let title = reader.quoted(reader.required(section, "title"), "title"),
                let roleNode = reader.required(section, "attested-by"),
                let role = reader.word(roleNode, "attested-by"),
                let valid = reader.duration(reader.required(section, "valid-for"), "valid-for")
            else { return nil }
            if !roles.contains(role) {
                let hint = Nearest.hint(Nearest.word(to: role, in: roles))
                reader.report(
                    .unknownWord, roleNode.place, "`\(role)` is no role of the vocabulary\(hint)")
            }
            return DocumentDefinition(name: entry.key, title: title, role: role, validFor: valid)
        }
    }
}
