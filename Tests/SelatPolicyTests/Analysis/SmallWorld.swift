import SelatCore
import SelatTestSupport

@testable import SelatPolicy

/// A small federation whose files are drawn at random, and whose questions can all be asked.
struct SmallWorld {
    /// A fact with conditions on it and every value that they can tell apart.
    struct Dimension {
        let name: String
        /// As written in a rule; those in `open` not in a ground.
        let conditions: [String]
        var open: [String] = []
        let values: [Change]
    }

    /// One value of one fact, as it changes a question.
    typealias Change = @Sendable (inout Asked) -> Void

    /// A question with the instruments that are signed.
    struct Asked {
        var question: Question
        var signed: Set<String> = []
    }

    static func stated(_ fact: String, _ value: FactValue?) -> Change {
        { asked in asked.question.facts[fact] = value.map { Fact($0, .stated) } }
    }

    static func subsets(_ terms: [String]) -> [Set<String>] {
        terms.reduce([[]]) { sets, term in sets + sets.map { $0.union([term]) } }
    }

    private static func sets(_ fact: String, _ terms: [String]) -> [Change] {
        [stated(fact, nil)] + subsets(terms).map { stated(fact, .set($0)) }
    }

    static let dimensions: [Dimension] = [
        Dimension(
            name: "purpose",
            conditions: ["{only: [A]}", "{only: [A1, B]}", "{none-of: [A1]}"],
            open: ["{some-of: [A1]}", "{some-of: [B]}", "{all-of: [A, B]}"],
            values: sets("purpose", ["A", "A1", "B"])),
        Dimension(
            name: "categories",
            conditions: ["{only: [P]}", "{none-of: [P1]}", "{only: [P1, Q]}"],
            open: ["{some-of: [P]}", "{some-of: [P1]}"],
            values: sets("categories", ["P", "P1", "Q"])),
        Dimension(
            name: "personal-data", conditions: ["yes", "no"],
            values: [nil, .flag(true), .flag(false)].map { stated("personal-data", $0) }),
        Dimension(
            name: "data-subjects",
            conditions: ["{more-than: 10}", "{at-most: 99}", "{at-least: 5, less-than: 11}", "0"],
            values: [stated("data-subjects", nil)]
                + [0, 1, 5, 10, 11, 99, 100].map { stated("data-subjects", .number($0)) }),
        Dimension(
            name: "classification",
            conditions: ["{at-most: restricted}", "secret", "{at-least: secret}"],
            values: Classification.allCases.map { level in
                { $0.question.label?.classification = level }
            }),
        Dimension(
            name: "destination", conditions: ["VN", "[VN, TH]"],
            values: ["VN", "MY", "TH"].map { code in
                { asked in
                    guard asked.question.source.country.code == "SG" else { return }
                    asked.question.destination = node(code)
                    asked.question.sectors[asked.question.destination.country] = .public
                    asked.question.label?.releasableTo = [asked.question.destination.country]
                }
            }),
        Dimension(
            name: "document",
            conditions: ["{some-of: [\"SG:one\"]}", "{none-of: [\"SG:one\"]}"],
            values: [{ $0.question.documents = [] }, { $0.question.documents = ["SG:one"] }]),
        Dimension(
            name: "emergency", conditions: ["yes", "no"],
            values: [{ $0.question.isEmergency = false }, { $0.question.isEmergency = true }]),
        Dimension(
            name: "special-category", conditions: ["yes", "no"],
            values: sets("categories", ["P", "P1", "Q"])),
        Dimension(
            name: "national-category",
            conditions: ["{some-of: [\"SG:core\"]}", "{none-of: [\"SG:core\"]}"],
            values: sets("national-category", ["SG:core"])),
        Dimension(
            name: "safeguard",
            conditions: ["{some-of: [adequacy]}", "{none-of: [adequacy]}", "{only: [adequacy]}"],
            values: [
                [], ["adequacy"], ["adequacy-open"], ["certification"],
                ["adequacy", "certification-open"],
            ].map { signed in { $0.signed = signed } }),
        Dimension(
            name: "lineage", conditions: ["{some-of: [MY]}", "{only: [VN, SG]}"],
            values: subsets(["MY", "VN", "SG"]).map { codes in
                { $0.question.lineage.formUnion(codes.map { node($0).country }) }
            }),
        Dimension(
            name: "tlp", conditions: ["{at-most: \"TLP:GREEN\"}", "\"TLP:AMBER\""],
            values: TLP.allCases.map { tlp in { $0.question.label?.tlp = tlp } }),
        Dimension(
            name: "SG:counter", conditions: ["{at-least: 100}", "{less-than: 50}"],
            values: ([nil, 49, 50, 100] as [UInt64?]).map { count in
                { asked in
                    guard asked.question.source.country.code == "SG" else { return }
                    asked.question.counters["SG:counter"] = count
                }
            }),
        Dimension(
            name: "destination-sector", conditions: ["business", "[public, defence]"],
            values: Sector.allCases.map { sector in
                { $0.question.sectors[$0.question.destination.country] = sector }
            }),
        Dimension(
            name: "collected-in", conditions: ["{only: [SG]}", "{none-of: [MY]}"],
            values: sets("collected-in", ["SG", "MY", "VN"])),
        Dimension(
            name: "releasable-to", conditions: ["{only: [VN, MY]}", "{none-of: [TH]}"],
            values: subsets(["VN", "MY", "TH", "SG"]).map { codes in
                { $0.question.label?.releasableTo = codes.map { node($0).country }.sorted() }
            }),
        Dimension(
            name: "identifiability", conditions: ["pseudonymised"],
            values: [nil, .term("identified"), .term("pseudonymised")].map {
                stated("identifiability", $0)
            }),
    ]

    /// A country's hub, or the node itself.
    static func node(_ country: String) -> NodeID {
        // The codes above are well formed.
        let text = country.contains("/") ? country : "\(country)/hub"
        guard let node = try? NodeID(text) else { fatalError(country) }
        return node
    }

    // MARK: Files

    static let vocabulary = """
        vocabulary: small
        edition: 1
        in-force: 2026-01-01
        roles:
          officer: {label: {en: Officer}}
          releasing-officer: {label: {en: Releasing officer}}
        facts:
          source: {type: one-of, values: countries, stated-by: membership, seen-by-relay: yes}
          destination: {type: one-of, values: countries, stated-by: membership, seen-by-relay: yes}
          source-sector: {type: one-of, values: [defence, public, business], stated-by: membership}
          destination-sector: {type: one-of, values: [defence, public, business], stated-by: membership}
          relays: {type: set, values: countries, stated-by: route, seen-by-relay: yes}
          classification: {type: ladder, values: [unclassified, restricted, confidential, secret, top-secret], stated-by: label, silence: required, seen-by-relay: yes}
          releasable-to: {type: set, values: countries, stated-by: label, silence: destination-only, seen-by-relay: yes}
          tlp: {type: ladder, values: ["TLP:CLEAR", "TLP:GREEN", "TLP:AMBER", "TLP:AMBER+STRICT", "TLP:RED"], stated-by: label, silence: "TLP:AMBER", seen-by-relay: yes}
          personal-data: {type: yes-no, stated-by: manifest, silence: required}
          categories: {type: set, terms: pd, stated-by: manifest, silence: required-if-personal, without: none}
          subjects: {type: set, terms: subject, stated-by: manifest, silence: required-if-personal, without: none}
          subject-nationalities: {type: set, values: countries, stated-by: manifest, silence: required-if-personal, without: none}
          data-subjects: {type: number, stated-by: manifest, silence: required-if-personal, without: 0}
          records: {type: number, stated-by: manifest, silence: required-if-personal, without: 0}
          identifiability: {type: one-of, values: [identified, pseudonymised], stated-by: manifest, silence: identified}
          special-category: {type: yes-no, stated-by: derived}
          national-category: {type: set, values: national-categories, stated-by: manifest, silence: required-if-source-defines}
          collected-in: {type: set, values: countries, stated-by: manifest, silence: source-only}
          purpose: {type: set, terms: purpose, stated-by: sender, silence: required}
          legal-basis: {type: set, terms: basis, stated-by: sender, silence: none}
          ai-use: {type: set, values: [evaluation, inference, training], stated-by: sender, silence: none}
          emergency: {type: yes-no, stated-by: declaration, silence: no}
          safeguard: {type: set, values: [adequacy, certification], stated-by: agreements}
          document: {type: set, values: documents, stated-by: attestation, silence: none}
          lineage: {type: set, values: countries, stated-by: ledger, silence: none}
        terms:
          purpose: {A: {}, A1: {under: [A]}, B: {}}
          pd: {P: {}, P1: {under: [P]}, Q: {}}
          subject: {S: {}}
          basis: {L: {}, L1: {under: [L]}}

        """

    /// For each safeguard an instrument that covers everything, and one of which it is open what
    /// it covers: the legal basis is stated too broadly.
    static let agreements =
        "agreements: small\nedition: 1\nin-force: 2026-01-01\ninstruments:\n"
        + ["adequacy", "certification"].flatMap { kind in
            [("", "always"), ("-open", "{legal-basis: {only: [L1]}}")].map { suffix, covers in
                """
                  - id: \(kind)\(suffix)
                    title: "\(kind)"
                    kind: [\(kind)]
                    parties: [SG/hub, SG/other, VN, MY, TH]
                    from: 2026-01-01
                    text: sha256:\(String(repeating: "0", count: 64))
                    covers: \(covers)

                """
            }
        }.joined()

    private static let head = """
        title: "A country"
        edition: 1
        standing: published
        in-force: 2026-01-01
        review-by: 2027-01-01
        sources:
          own: {title: "Own", cite: "Own", kind: policy}

        """

    /// A file that permits everything.
    private static func open(_ country: String) -> String {
        let rules = Flow.allCases.map { flow in
            "  - {ground: \(flow.rawValue), flow: \(flow.rawValue), when: always, "
                + "basis: {source: own, clause: \"1\"}}\n"
        }
        return "jurisdiction: \(country)\n\(head)special: none\nrules:\n\(rules.joined())"
    }

    private static let federation = """
        jurisdiction: ASEAN
        \(head)rules:
          - duty: nothing
            flow: any
            when: {emergency: yes}
            basis: {source: own, clause: "1"}
            obligations: [human-review: {of: ai-output}]

        """

    /// - Parameter flow: the flow of the rules; a rule of another flow uses every definition.
    static func file(
        _ rules: [String], _ flow: Flow, special: String, alsoWhen: String?
    ) -> String {
        let also = alsoWhen.map { ", also-when: \($0)" } ?? ""
        return """
            jurisdiction: SG
            \(head)special: \(special)
            markings: {restricted: [R], secret: [S]}
            documents: {"SG:one": {title: "One", attested-by: officer, valid-for: 9 days}}
            counters: {"SG:counter": {adds: records, to: anywhere, over: 9 days}}
            national-categories: {"SG:core": {title: "Core"\(also)}}
            rules:
            \(rules.joined())  - prohibition: elsewhere
                flow: \(flow == .onward ? "import" : "onward")
                when:
                  any:
                    - {"SG:counter": {at-least: 7}}
                    - {"document": {some-of: ["SG:one"]}}
                    - {"national-category": {some-of: ["SG:core"]}}
                basis: {source: own, clause: "1"}

            """
    }

    static func load(_ file: String) throws -> PolicySet {
        let files = [
            ("SG", file), ("VN", open("VN")), ("MY", open("MY")), ("TH", open("TH")),
            ("ASEAN", federation), ("agreements", agreements), ("vocabulary", vocabulary),
        ]
        return try PolicySet.load(
            files: files.map { PolicySource(name: "\($0).yaml", bytes: Array($1.utf8)) })
    }
}
