/// Where a fact comes from.
enum FactSource: String, CaseIterable, Sendable {
    case membership, route, label, manifest, derived, sender, declaration, agreements, attestation
    case ledger

    /// Whether a sender may state it.
    var isStated: Bool { self == .manifest || self == .sender }

    /// In words, for messages.
    var description: String {
        switch self {
        case .membership: "the membership list"
        case .route: "the route"
        case .label: "the label"
        case .manifest: "the manifest"
        case .derived: "the files' own lists"
        case .sender: "the sender"
        case .declaration: "an emergency officer's signed declaration"
        case .agreements: "the instruments in force"
        case .attestation: "an officer's signed attestation"
        case .ledger: "the node's ledger"
        }
    }
}

/// The shape of a fact's value.
enum FactType: Hashable, Sendable {
    case flag
    case number
    case one(Lexicon)
    /// Ordered values, lowest first.
    case ladder(Lexicon)
    case set(Lexicon)

    var lexicon: Lexicon? {
        switch self {
        case .flag, .number: nil
        case .one(let lexicon), .ladder(let lexicon), .set(let lexicon): lexicon
        }
    }

    var word: String {
        switch self {
        case .flag: "yes-no"
        case .number: "number"
        case .one: "one-of"
        case .ladder: "ladder"
        case .set: "set"
        }
    }
}

/// What it means that nobody stated a fact.
enum Silence: Hashable, Sendable {
    /// Not for silence: somebody else than the sender gives it.
    case computed
    case required
    case requiredIfPersonal
    case requiredIfSourceDefines
    /// The source's country alone.
    case sourceOnly
    /// The destination's country alone.
    case destinationOnly
    /// An empty set.
    case none
    case flag(Bool)
    case word(String)
}

/// A fact as the vocabulary defines it. One object, so that judging passes it on without copying.
final class FactDefinition: Hashable, Sendable {
    let name: String
    /// Its position among the set's facts.
    let index: Int
    let type: FactType
    let source: FactSource
    let silence: Silence
    let isSeenByRelay: Bool
    /// For counters, the file that declares it: no other file may use it.
    let owner: String?

    init(
        name: String, index: Int, type: FactType, source: FactSource, silence: Silence,
        isSeenByRelay: Bool, owner: String?
    ) {
        self.name = name
        self.index = index
        self.type = type
        self.source = source
        self.silence = silence
        self.isSeenByRelay = isSeenByRelay
        self.owner = owner
    }

    static func == (a: FactDefinition, b: FactDefinition) -> Bool {
        (a.name, a.index, a.type, a.source) == (b.name, b.index, b.type, b.source)
            && (a.silence, a.isSeenByRelay, a.owner) == (b.silence, b.isSeenByRelay, b.owner)
    }

    func hash(into hasher: inout Hasher) { hasher.combine(name) }
}

/// The facts that the semantics itself speaks of. The vocabulary must define each as stated here.
enum KnownFact: String, CaseIterable {
    case source, destination, relays, classification, tlp, categories, subjects, records, purpose
    case emergency, safeguard, document, lineage
    case sourceSector = "source-sector"
    case destinationSector = "destination-sector"
    case releasableTo = "releasable-to"
    case personalData = "personal-data"
    case subjectNationalities = "subject-nationalities"
    case dataSubjects = "data-subjects"
    case specialCategory = "special-category"
    case nationalCategory = "national-category"
    case collectedIn = "collected-in"
    case aiUse = "ai-use"

    var type: String {
        switch self {
        case .source, .destination, .sourceSector, .destinationSector: "one-of"
        case .classification, .tlp: "ladder"
        case .personalData, .specialCategory, .emergency: "yes-no"
        case .dataSubjects, .records: "number"
        default: "set"
        }
    }

    var source: FactSource {
        switch self {
        case .source, .destination, .sourceSector, .destinationSector: .membership
        case .relays: .route
        case .classification, .releasableTo, .tlp: .label
        case .personalData, .categories, .subjects, .subjectNationalities, .dataSubjects,
            .records, .nationalCategory, .collectedIn:
            .manifest
        case .specialCategory: .derived
        case .purpose, .aiUse: .sender
        case .emergency: .declaration
        case .safeguard: .agreements
        case .document: .attestation
        case .lineage: .ledger
        }
    }

    /// What the source, the type and `silence` leave no choice about.
    var silence: Silence? {
        switch self {
        case .personalData, .purpose: .required
        case .categories, .subjects, .subjectNationalities, .dataSubjects, .records:
            .requiredIfPersonal
        case .nationalCategory: .requiredIfSourceDefines
        case .collectedIn: .sourceOnly
        case .aiUse, .document, .lineage: Silence.none
        case .emergency: .flag(false)
        default: nil
        }
    }

    /// Its position in `allCases`, without a search by name.
    var ordinal: Int {
        switch self {
        case .source: 0
        case .destination: 1
        case .relays: 2
        case .classification: 3
        case .tlp: 4
        case .categories: 5
        case .subjects: 6
        case .records: 7
        case .purpose: 8
        case .emergency: 9
        case .safeguard: 10
        case .document: 11
        case .lineage: 12
        case .sourceSector: 13
        case .destinationSector: 14
        case .releasableTo: 15
        case .personalData: 16
        case .subjectNationalities: 17
        case .dataSubjects: 18
        case .specialCategory: 19
        case .nationalCategory: 20
        case .collectedIn: 21
        case .aiUse: 22
        }
    }

    /// A ground lists what it permits of these; `some-of` would permit everything beside.
    static let closedInGrounds: Set<String> = [
        "purpose", "categories", "subjects", "subject-nationalities", "ai-use",
    ]
}
