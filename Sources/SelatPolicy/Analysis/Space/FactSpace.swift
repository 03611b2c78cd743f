import SelatCore

/// All questions that can be put to a file, as far as its editions tell them apart: a circuit's
/// inputs, and what must hold between them (Analysis, *The space*).
struct FactSpace: Sendable {
    let readings: [Reading]
    let flows: [Flow?]
    let route: Route
    var reasoner = Reasoner()
    private(set) var facts: [String: FactVariables] = [:]
    /// The facts, in the vocabulary's order.
    private(set) var names: [String] = []
    /// The moments at which a rule begins or ends, after the beginning, and whether each is past.
    private(set) var times: [(moment: Timestamp, isPast: Signal)] = []
    /// From when on all editions are in force.
    let beginning: Timestamp

    /// - Parameter flows: the flow that each reading is asked about; nil for the federation's.
    init(_ readings: [Reading], _ flows: [Flow?], _ route: Route) {
        self.readings = readings
        self.flows = flows
        self.route = route
        beginning = readings.compactMap(\.file?.inForce).max() ?? Timestamp(seconds: 0)
        let distinctions = Distinctions(readings, flows, route)
        addTimes(distinctions)
        let wanted = needed(distinctions)
        for definition in definitions where wanted.contains(definition.name) {
            add(definition, distinctions)
        }
        for constraint in coherence() { reasoner.require(constraint) }
    }

    subscript(fact: KnownFact) -> FactVariables? { facts[fact.rawValue] }

    /// The facts of all editions, the last edition's first.
    var definitions: [FactDefinition] {
        var seen: Set<String> = []
        return readings.reversed().flatMap(\.set.table.definitions)
            .filter { seen.insert($0.name).inserted }
    }

    /// The facts that conditions name, and those on which they depend.
    private func needed(_ distinctions: Distinctions) -> Set<String> {
        var needed = distinctions.named
        needed.formUnion(["source", "destination"])
        if case .asked(.transit, _) = route { needed.insert("relays") }
        if case .asked(.onward, _) = route { needed.insert("lineage") }
        if needed.contains("lineage") { needed.insert("tlp") }
        let isPersonal = definitions.contains {
            needed.contains($0.name) && $0.silence == .requiredIfPersonal
        }
        if isPersonal { needed.insert("personal-data") }
        // Derived in each file; not facts of the question.
        needed.remove("special-category")
        return needed
    }

    private mutating func addTimes(_ distinctions: Distinctions) {
        for moment in distinctions.times.sorted() where moment > beginning {
            let isPast = reasoner.circuit.input()
            if let last = times.last {
                reasoner.require(reasoner.circuit.implies(isPast, last.isPast))
            }
            times.append((moment, isPast))
        }
    }

    private mutating func add(_ definition: FactDefinition, _ distinctions: Distinctions) {
        let values: FactVariables.Values
        switch definition.type {
        case .flag: values = .flag(reasoner.circuit.input())
        case .number:
            var bounds = distinctions.bounds(definition.name)
            if definition.silence == .requiredIfPersonal, bounds.first != 1 {
                bounds.insert(1, at: 0)
            }
            values = .number(bounds.map { ($0, reasoner.circuit.input()) })
        case .ladder(let lexicon):
            values = .one(lexicon.names.map { (TermClass(names: [$0]), reasoner.circuit.input()) })
        case .one:
            values = .one(
                distinctions.classes(definition.name).map { ($0, reasoner.circuit.input()) })
        case .set:
            values = .set(
                distinctions.classes(definition.name).map { ($0, reasoner.circuit.input()) })
        }
        var maybe: [Signal] = []
        if definition.name == "safeguard", case .set(let classes) = values {
            maybe = classes.map { _ in reasoner.circuit.input() }
        }
        names.append(definition.name)
        facts[definition.name] = FactVariables(
            name: definition.name, values: values,
            missing: canBeMissing(definition) ? reasoner.circuit.input() : .no, maybe: maybe)
    }

    /// Whether a question can leave it open: the sender keeps silent, or nobody counted.
    private func canBeMissing(_ definition: FactDefinition) -> Bool {
        switch definition.silence {
        case .required: definition.source.isStated
        case .requiredIfPersonal, .requiredIfSourceDefines: true
        case .computed: definition.owner != nil
        case .sourceOnly, .destinationOnly, .none, .flag, .word: false
        }
    }
}
