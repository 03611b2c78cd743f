import SelatCore

// What holds between the facts of every question that no built-in rule refuses by itself.
extension FactSpace {
    mutating func coherence() -> [Signal] {
        var constraints: [Signal] = []
        for name in names {
            guard let fact = facts[name] else { continue }
            constraints += shape(fact)
        }
        constraints += persons() + ends() + label()
        if let purpose = self[.purpose] { constraints.append(stated(purpose, isEmpty: false)) }
        return constraints
    }

    // MARK: One fact

    /// What its wires mean together.
    private mutating func shape(_ fact: FactVariables) -> [Signal] {
        var constraints: [Signal] = []
        switch fact.values {
        case .flag(let signal): constraints.append(!reasoner.circuit.and(fact.missing, signal))
        case .number(let bounds):
            for (low, high) in zip(bounds, bounds.dropFirst()) {
                constraints.append(reasoner.circuit.implies(high.isReached, low.isReached))
            }
            constraints += nothing(of: bounds.map(\.isReached), where: fact.missing)
        case .one(let classes):
            let values = classes.map(\.holds) + (fact.missing == .no ? [] : [fact.missing])
            constraints.append(reasoner.circuit.exactlyOne(values))
        case .set(let classes):
            constraints += nothing(of: classes.map(\.holds), where: fact.missing)
            for (element, maybe) in zip(classes, fact.maybe) {
                constraints.append(!reasoner.circuit.and(element.holds, maybe))
            }
        }
        return constraints
    }

    private mutating func nothing(of signals: [Signal], where missing: Signal) -> [Signal] {
        guard missing != .no else { return [] }
        return signals.map { !reasoner.circuit.and(missing, $0) }
    }

    /// Whether it has a value beside the empty one, or none.
    private mutating func stated(_ fact: FactVariables, isEmpty: Bool) -> Signal {
        let value: Signal =
            switch fact.values {
            case .flag(let signal): signal
            case .number(let bounds): bounds.first?.isReached ?? .yes
            case .one: .yes
            case .set(let classes): reasoner.circuit.any(classes.map(\.holds))
            }
        return isEmpty
            ? reasoner.circuit.and(!value, !fact.missing)
            : reasoner.circuit.or(value, fact.missing)
    }

    // MARK: Persons

    /// Not personal: no persons. Personal: each fact on persons has a value or is missing.
    private mutating func persons() -> [Signal] {
        guard let personal = self[.personalData], case .flag(let isPersonal) = personal.values
        else { return [] }
        let isNot = reasoner.circuit.and(!isPersonal, !personal.missing)
        var constraints: [Signal] = []
        for definition in definitions where definition.silence == .requiredIfPersonal {
            guard let fact = facts[definition.name] else { continue }
            var empty = stated(fact, isEmpty: true)
            // No single term is empty: such a fact stays open where there are no persons.
            if case .one = fact.values { empty = fact.missing }
            let filled = stated(fact, isEmpty: false)
            constraints.append(reasoner.circuit.implies(isNot, empty))
            constraints.append(reasoner.circuit.implies(isPersonal, filled))
        }
        return constraints
    }

    // MARK: The ends

    /// Whether an end, or some country of a set, is this one.
    func holds(_ fact: KnownFact, _ country: Country) -> Signal {
        switch self[fact]?.values {
        case .one(let classes), .set(let classes):
            classes.first { $0.terms.names == [country.code] }?.holds ?? .no
        default: .no
        }
    }

    /// The classes of countries, with the wires of some facts.
    private func byCountry(_ facts: [KnownFact]) -> [(terms: TermClass, wires: [Signal])] {
        var result: [(terms: TermClass, wires: [Signal])] = []
        for fact in facts {
            guard case .one(let classes) = self[fact]?.values ?? .one([]) else { continue }
            for (position, element) in classes.enumerated() {
                if result.count <= position { result.append((element.terms, [])) }
                result[position].wires.append(element.holds)
            }
        }
        return result
    }

    private mutating func ends() -> [Signal] {
        // A class of one country cannot be two different ones.
        let same = reasoner.circuit.any(
            byCountry([.source, .destination]).filter { $0.terms.names.count == 1 }
                .map { reasoner.circuit.all($0.wires) })
        var constraints = route(same) + counters()
        if let source = self[.sourceSector], let destination = self[.destinationSector] {
            for (a, b) in zip(source.signals, destination.signals) {
                let differ = reasoner.circuit.differ(a, b)
                constraints.append(!reasoner.circuit.and(same, differ))
            }
        }
        return constraints
    }

    private mutating func route(_ same: Signal) -> [Signal] {
        switch route {
        case .abroad: return [!same]
        case .between(let source, let destination):
            return [holds(.source, source), holds(.destination, destination)]
        case .asked(let flow, let country):
            let (source, destination) = (holds(.source, country), holds(.destination, country))
            switch flow {
            case .export: return [source, !destination]
            case .import: return [!source, destination]
            case .domestic: return [source, destination]
            case .onward: return [!source, !destination, !same, holds(.lineage, country)]
            case .transit:
                // Within one country its own relays are not asked.
                return [!reasoner.circuit.and(source, destination), holds(.relays, country)]
            }
        }
    }

    /// A node knows the counters of its own country's file only.
    private mutating func counters() -> [Signal] {
        var constraints: [Signal] = []
        for definition in definitions {
            guard let owner = definition.owner.flatMap({ try? Country($0) }),
                let counter = facts[definition.name]
            else { continue }
            let isSource = holds(.source, owner)
            constraints.append(reasoner.circuit.implies(!isSource, counter.missing))
        }
        return constraints
    }

    // MARK: The label

    private mutating func label() -> [Signal] {
        var constraints: [Signal] = []
        if case .set(let released) = self[.releasableTo]?.values {
            for (end, element) in zip(byCountry([.destination]), released) {
                constraints.append(reasoner.circuit.implies(end.wires[0], element.holds))
            }
        }
        guard case .set(let lineage) = self[.lineage]?.values,
            case .one(let levels) = self[.tlp]?.values
        else { return constraints }
        // From TLP:AMBER on, nothing that came from a third country goes on.
        let isAmber = reasoner.circuit.any(levels.dropFirst(TLP.amber.rank).map(\.holds))
        for (ends, element) in zip(byCountry([.source, .destination]), lineage) {
            let isEnd = reasoner.circuit.any(ends.wires)
            let isThird = reasoner.circuit.and(element.holds, !isEnd)
            constraints.append(!reasoner.circuit.and(isAmber, isThird))
        }
        return constraints
    }
}
