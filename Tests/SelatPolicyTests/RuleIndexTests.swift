import SelatCore
import SelatTestSupport
import Testing

@testable import SelatPolicy

/// The index may leave out only rules that certainly do not apply.
@Suite("The index of rules")
struct RuleIndexTests {
    /// A sequence of numbers that is the same every time.
    private struct Random {
        var state: UInt64

        mutating func below(_ bound: Int) -> Int {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Int((state >> 33) % UInt64(bound))
        }
    }

    /// Any state that a fact of this type can have: known, unknown, open, with terms in doubt.
    private static func state(
        of type: FactType, _ random: inout Random
    ) -> FactState {
        guard random.below(8) > 0 else { return FactState(content: .unknown) }
        switch type {
        case .flag: return FactState(content: .flag(random.below(2) == 0))
        case .number: return FactState(content: .number(UInt64(random.below(200_000))))
        case .one(let lexicon), .ladder(let lexicon):
            guard !lexicon.names.isEmpty else { return FactState(content: .unknown) }
            return FactState(content: .one(random.below(lexicon.names.count)))
        case .set(let lexicon):
            var set = KnownSet(isOpen: random.below(6) == 0)
            guard !lexicon.names.isEmpty else { return FactState(content: .set(set)) }
            for _ in 0..<random.below(4) { set.certain.append(random.below(lexicon.names.count)) }
            if random.below(4) == 0 { set.maybe.append(random.below(lexicon.names.count)) }
            return FactState(content: .set(set))
        }
    }

    /// Rules over every kind of condition, more than one word of bits of them.
    private static func rules(_ table: FactTable, _ random: inout Random) -> [Rule] {
        let basis = Basis(title: "t", cite: "c", kind: .policy, clause: "c", binds: [])
        return (0..<150).map { index in
            let leaves = (0...random.below(3)).compactMap { _ in
                leaf(table.definitions[random.below(table.definitions.count)], &random)
            }
            let when: Condition =
                switch random.below(5) {
                case 0: .always
                case 1: .any(leaves.map { .leaf($0) } + [.always])
                case 2 where leaves.count == 1: .leaf(leaves[0])
                default: .all(leaves.map { .leaf($0) })
                }
            return Rule(
                kind: .ground, name: "rule-\(index)", place: Place(line: 1, column: 1),
                flows: [.export], ladder: nil, from: nil, until: nil, when: when, unless: nil,
                basis: basis, exemption: nil, obligations: [])
        }
    }

    private static func leaf(
        _ fact: FactDefinition, _ random: inout Random
    ) -> Condition.Leaf? {
        func bits(_ lexicon: Lexicon) -> Bits {
            var bits = Bits(count: lexicon.names.count)
            for _ in 0...random.below(3) { bits.insert(random.below(lexicon.names.count)) }
            return bits
        }
        func match(_ lexicon: Lexicon) -> TermMatch {
            var match = lexicon.match(random.below(lexicon.names.count))
            if random.below(2) == 0 {
                match = match.joined(lexicon.match(random.below(lexicon.names.count)))
            }
            return match
        }
        let test: Condition.Test
        switch fact.type {
        case .flag: test = .flag(random.below(2) == 0)
        case .number: test = .number(0...UInt64(random.below(200_000)))
        case .one(let lexicon): test = .one(bits(lexicon))
        case .ladder(let lexicon):
            let low = random.below(lexicon.names.count)
            test = .ladder(low...(random.below(2) == 0 ? .max : low))
        case .set(let lexicon):
            guard !lexicon.names.isEmpty else { return nil }
            switch random.below(4) {
            case 0: test = .someOf(match(lexicon))
            case 1: test = .allOf([match(lexicon), match(lexicon)])
            case 2: test = .only(match(lexicon))
            default: test = .noneOf(match(lexicon))
            }
        }
        return Condition.Leaf(fact: fact.index, test: test, text: fact.name)
    }

    @Test("leaves out no rule that applies or may apply", arguments: 0..<40)
    func isSound(seed: Int) throws {
        let table = try FrozenPolicies.load().table
        var random = Random(state: UInt64(seed))
        let rules = Self.rules(table, &random)
        let index = RuleIndex(rules)
        var leftOut = 0
        for _ in 0..<60 {
            let facts = table.definitions.map { Self.state(of: $0.type, &random) }
            let candidates = index.candidates(facts)
            #expect(candidates == Set(candidates).sorted())
            let left = Set(rules.indices).subtracting(candidates)
            leftOut += left.count
            for position in left {
                #expect(rules[position].truth(facts, at: Timestamp(seconds: 0)) == .no)
            }
        }
        #expect(leftOut > 0)
    }

    @Test("an empty list has no candidates")
    func emptyListHasNone() throws {
        #expect(RuleIndex([]).candidates([]) == [])
    }
}
