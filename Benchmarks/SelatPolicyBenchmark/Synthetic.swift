import Foundation
import SelatCore
import SelatPolicy

/// Ten thousand rules that nobody wrote, over a small vocabulary of the language's own facts.
enum Synthetic {
    /// A thousand rules in each of ten files.
    case spread
    /// Five thousand in the source's file for export, as many in the destination's for import.
    case single

    private static let countries = ["BN", "ID", "KH", "LA", "MM", "MY", "PH", "SG", "TH", "VN"]
    private static let purposes = (0..<40).map { "selat:Purpose\($0)" }
    private static let categories = (0..<60).map { "pd:Category\($0)" }

    var files: [PolicySource] {
        var files = [Self.vocabulary, Self.federation, Self.agreements]
        for (index, country) in Self.countries.enumerated() {
            switch self {
            case .spread: files.append(Self.file(country, 1_000, ["export", "import"]))
            case .single:
                let flows = index == 0 ? ["export"] : ["import"]
                files.append(Self.file(country, index < 2 ? 5_000 : 1, flows))
            }
        }
        return files
    }

    func questions() throws -> [Question] {
        var random = Sequence(seed: 11)
        return try (0..<50).map { _ in
            let source = self == .single ? 0 : random.below(10)
            let destination = self == .single ? 1 : (source + 1 + random.below(9)) % 10
            let facts = Workload.persons(
                [Self.categories[random.below(60)], Self.categories[random.below(60)]],
                Self.purposes[random.below(40)])
            return try Workload.question(
                from: try Country(Self.countries[source]),
                to: try Country(Self.countries[destination]), facts)
        }
    }

    // MARK: Files

    private static func source(_ name: String, _ text: String) -> PolicySource {
        PolicySource(name: "\(name).yaml", bytes: Array(text.utf8))
    }

    /// Two editions of a set whose first file has 500 rules.
    static var editions: (old: [PolicySource], new: [PolicySource]) {
        let others =
            [vocabulary, federation, agreements]
            + countries.dropFirst().map { file($0, 1, ["import"]) }
        return (
            others + [file(countries[0], 500, ["export", "import"])],
            others + [file(countries[0], 500, ["export", "import"], isEdited: true)]
        )
    }

    private static func file(
        _ country: String, _ count: Int, _ flows: [String], isEdited: Bool = false
    ) -> PolicySource {
        var random = Sequence(seed: UInt64(country.utf8.reduce(0) { $0 * 7 + Int($1) }))
        var rules = (0..<count - 1).map { index in
            let own = rule(index, flow: flows[index % flows.count], &random)
            guard isEdited, index % 11 == 3 else { return own }
            return own.replacingOccurrences(of: "restricted", with: "secret")
                .replacingOccurrences(of: "more-than: 4", with: "more-than: 5")
                .replacingOccurrences(of: "Purpose1", with: "Purpose2")
                .replacingOccurrences(of: "Category1", with: "Category2")
        }
        if isEdited {
            rules = rules.enumerated().filter { $0.offset % 45 != 44 }.map(\.element)
        }
        return source(
            country,
            """
            jurisdiction: \(country)
            title: "\(country)"
            edition: 1
            standing: draft
            in-force: 2026-01-01
            review-by: 2027-01-01
            sources:
              own: {title: "Nobody's rules", cite: "none", kind: policy}
            special: {categories: [pd:Category0, pd:Category1]}
            markings: {restricted: [R], confidential: [C], secret: [S], top-secret: [T]}
            rules:
            \(rules.joined(separator: "\n"))
              - ground: otherwise
                flow: [export, import]
                when: always
                basis: {source: own, clause: "none"}

            """)
    }

    /// One of twenty forbids, one of ten asks for something, the others permit.
    private static func rule(_ index: Int, flow: String, _ random: inout Sequence) -> String {
        let kind = index % 20 == 0 ? "prohibition" : index % 10 == 1 ? "duty" : "ground"
        let destination = countries[random.below(10)]
        let purpose = purposes[random.below(40)]
        let category = categories[random.below(60)]
        let limit = random.below(5_000)
        let when: String
        switch index % 4 {
        case 0:
            when = "{destination: \(destination), data-subjects: {more-than: \(4_000 + limit)}}"
        case 1: when = "{destination: \(destination), purpose: {only: [\(purpose)]}}"
        case 2: when = "{personal-data: yes, categories: {only: [\(category)]}}"
        default: when = "{purpose: {only: [\(purpose)]}, classification: {at-most: restricted}}"
        }
        let obligations =
            kind == "duty" ? "\n    obligations: [{retention: {at-most: \(limit + 1) days}}]" : ""
        return """
              - \(kind): rule-\(index)
                flow: \(flow)
                when: \(when)
                basis: {source: own, clause: "none"}\(obligations)
            """
    }

    private static let federation = source(
        "ASEAN",
        """
        jurisdiction: ASEAN
        title: "ASEAN"
        edition: 1
        standing: draft
        in-force: 2026-01-01
        review-by: 2027-01-01
        sources:
          own: {title: "Nobody's rules", cite: "none", kind: policy}
        rules:
          - prohibition: no-training
            flow: any
            when: {ai-use: {some-of: [training]}}
            basis: {source: own, clause: "none"}

        """)

    private static let agreements = source(
        "agreements",
        """
        agreements: nobody
        edition: 1
        in-force: 2026-01-01
        instruments:
          - id: none
            title: "None"
            kind: [adequacy]
            parties: [SG, VN]
            from: 2026-01-01
            text: sha256:0000000000000000000000000000000000000000000000000000000000000000
            covers: always

        """)

    private static var vocabulary: PolicySource {
        func terms(_ names: [String]) -> String {
            names.map { "    \($0): {}" }.joined(separator: "\n")
        }
        return source(
            "vocabulary", facts + terms(purposes) + "\n  pd:\n" + terms(categories) + "\n")
    }

    private static let facts = """
        vocabulary: nobody
        edition: 1
        in-force: 2026-01-01
        roles: {officer: {label: {en: Officer}}}
        facts:
          source: {type: one-of, values: countries, stated-by: membership, seen-by-relay: yes}
          destination: {type: one-of, values: countries, stated-by: membership, seen-by-relay: yes}
          source-sector: {type: one-of, values: [defence, public, business], stated-by: membership, seen-by-relay: yes}
          destination-sector: {type: one-of, values: [defence, public, business], stated-by: membership, seen-by-relay: yes}
          relays: {type: set, values: countries, stated-by: route, seen-by-relay: yes}
          classification: {type: ladder, values: [unclassified, restricted, confidential, secret, top-secret], stated-by: label, silence: required, seen-by-relay: yes}
          releasable-to: {type: set, values: countries, stated-by: label, silence: destination-only, seen-by-relay: yes}
          tlp: {type: ladder, values: ["TLP:CLEAR", "TLP:GREEN", "TLP:AMBER", "TLP:AMBER+STRICT", "TLP:RED"], stated-by: label, silence: "TLP:AMBER", seen-by-relay: yes}
          personal-data: {type: yes-no, stated-by: manifest, silence: required}
          categories: {type: set, terms: pd, stated-by: manifest, silence: required-if-personal}
          subjects: {type: set, values: ["dpv:Citizen"], stated-by: manifest, silence: required-if-personal}
          subject-nationalities: {type: set, values: countries, stated-by: manifest, silence: required-if-personal}
          data-subjects: {type: number, stated-by: manifest, silence: required-if-personal}
          records: {type: number, stated-by: manifest, silence: required-if-personal}
          special-category: {type: yes-no, stated-by: derived}
          national-category: {type: set, values: national-categories, stated-by: manifest, silence: required-if-source-defines}
          collected-in: {type: set, values: countries, stated-by: manifest, silence: source-only}
          purpose: {type: set, terms: purpose, stated-by: sender, silence: required}
          ai-use: {type: set, values: [evaluation, inference, training], stated-by: sender, silence: none}
          emergency: {type: yes-no, stated-by: declaration, silence: no}
          safeguard: {type: set, values: [adequacy, binding-instrument], stated-by: agreements}
          document: {type: set, values: documents, stated-by: attestation, silence: none}
          lineage: {type: set, values: countries, stated-by: ledger, silence: none}
        terms:
          purpose:

        """
}

/// A sequence of numbers that is the same every time (SplitMix64).
struct Sequence {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func below(_ bound: Int) -> Int {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ mixed >> 30) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ mixed >> 27) &* 0x94D0_49BB_1331_11EB
        return Int((mixed ^ mixed >> 31) % UInt64(bound))
    }
}
