import SelatCore
import SelatTestSupport

@testable import SelatPolicy

/// Two random editions of one small file that differ by an edit, and every question to them.
struct RandomEditions {
    let old: PolicySet
    let new: PolicySet
    let text: (old: String, new: String)
    let flow: Flow
    let dimensions: [SmallWorld.Dimension]

    private static let obligations = [
        "approval: {role: officer}", "approval: {role: officer, count: 2}",
        "retention: {at-most: 9 days}", "retention: {at-most: 5 days, confirm: yes}",
        "onward-only-to: [SG]", "onward-only-to: [SG, VN]", "onward-only-to: none",
        "encryption: {at-least: suite-2}", "encryption: {at-least: suite-3}",
        "encryption: {at-least: suite-4}", "keep: {what: original, at-least: 9 days}",
        "keep: {what: original, at-least: 5 days}", "mask: {categories: [P]}",
        "pseudonymise: {categories: [P, Q]}", "generalise: {categories: [Q]}",
        "no-transit-through: [TH]", "notice: {of: purpose-limit}",
        "notice: {of: purpose-limit, acknowledged: before-release}",
        "report: {what: transfer, to: sender, within: 9 days, from: transfer, once: per-flow}",
        "report: {what: transfer, to: sender, within: 5 days, from: transfer, once: per-flow}",
    ]

    init(_ seed: UInt64, flow: Flow) throws {
        var random = SeededEntropy(seed)
        self.flow = flow
        let dimensions = Self.dimensions(flow, &random)
        self.dimensions = dimensions
        var rules = (0..<Int.random(in: 2...6, using: &random)).map {
            Self.rule($0, flow, dimensions, &random)
        }
        let specials = ["none", "{categories: [P]}", "{categories: [P1, Q]}"]
        let alsoWhen = [nil, "{categories: {some-of: [P1]}}", "{personal-data: yes}"]
        var (special, also) = (
            specials.randomElement(using: &random) ?? "none",
            alsoWhen.randomElement(using: &random) ?? nil
        )
        let before = SmallWorld.file(rules, flow, special: special, alsoWhen: also)
        switch Int.random(in: 0...5, using: &random) {
        case 0: rules.remove(at: Int.random(in: 0..<rules.count, using: &random))
        case 1: rules.swapAt(0, Int.random(in: 0..<rules.count, using: &random))
        case 2: rules.append(Self.rule(9, flow, dimensions, &random))
        case 3: special = specials.randomElement(using: &random) ?? "none"
        case 4: also = alsoWhen.randomElement(using: &random) ?? nil
        default:
            let changed = Int.random(in: 0..<rules.count, using: &random)
            rules[changed] = Self.rule(changed, flow, dimensions, &random)
        }
        if rules.isEmpty { rules.append(Self.rule(0, flow, dimensions, &random)) }
        text = (before, SmallWorld.file(rules, flow, special: special, alsoWhen: also))
        old = try SmallWorld.load(text.old)
        new = try SmallWorld.load(text.new)
    }

    /// Facts until their values multiply to some hundreds, and those on which they depend.
    private static func dimensions(
        _ flow: Flow, _ random: inout SeededEntropy
    ) -> [SmallWorld.Dimension] {
        let relay = ["classification", "destination", "releasable-to", "tlp"]
        let all = SmallWorld.dimensions.shuffled(using: &random)
            .filter { flow != .transit || relay.contains($0.name) }
            .filter { flow != .domestic || $0.name != "destination" }
        var chosen: [SmallWorld.Dimension] = []
        for dimension in all {
            let size = (chosen + [dimension]).reduce(1) { $0 * $1.values.count }
            if chosen.isEmpty || size <= 160 { chosen.append(dimension) }
        }
        let onPersons = ["categories", "special-category", "data-subjects", "national-category"]
        let names = chosen.map(\.name)
        for needed in ["personal-data", "categories"]
        where !names.contains(needed) && names.contains(where: onPersons.contains) {
            if needed == "categories", names == ["data-subjects"] { continue }
            if needed == "categories", !names.contains("national-category"),
                !names.contains("special-category")
            {
                continue
            }
            chosen += SmallWorld.dimensions.filter { $0.name == needed }
        }
        return chosen
    }

    private static func rule(
        _ number: Int, _ flow: Flow, _ dimensions: [SmallWorld.Dimension],
        _ random: inout SeededEntropy
    ) -> String {
        let kind = ["ground", "ground", "prohibition", "duty"].randomElement(using: &random) ?? ""
        var lines = ["- \(kind): rule-\(number)", "flow: \(flow.rawValue)"]
        lines.append("when: \(condition(dimensions, isGround: kind == "ground", &random))")
        if Int.random(in: 0...3, using: &random) == 0 {
            let unless = condition(dimensions, isGround: false, &random)
            if unless != "always" { lines.append("unless: \(unless)") }
        }
        if Int.random(in: 0...5, using: &random) == 0 {
            lines.append(
                "\(Bool.random(using: &random) ? "from" : "until"): 2026-10-01")
        }
        if kind == "ground", Int.random(in: 0...2, using: &random) == 0 {
            lines.append("ladder: steps")
        }
        lines.append("basis: {source: own, clause: \"1\"}")
        let owed = obligations.filter { flow != .transit || !$0.hasPrefix("approval") }
            .shuffled(using: &random)
            .prefix(Int.random(in: kind == "duty" ? 1...2 : 0...2, using: &random))
        if kind != "prohibition", !owed.isEmpty {
            lines.append("obligations: [\(owed.map { "{\($0)}" }.joined(separator: ", "))]")
        }
        return "  " + lines.joined(separator: "\n    ") + "\n"
    }

    private static func condition(
        _ dimensions: [SmallWorld.Dimension], isGround: Bool, _ random: inout SeededEntropy
    ) -> String {
        func leaves(_ random: inout SeededEntropy) -> String {
            let facts = dimensions.shuffled(using: &random)
                .prefix(Int.random(in: 1...2, using: &random))
            let leaves = facts.map { fact in
                let texts = fact.conditions + (isGround ? [] : fact.open)
                return "\"\(fact.name)\": \(texts.randomElement(using: &random) ?? "")"
            }
            return "{\(leaves.joined(separator: ", "))}"
        }
        switch Int.random(in: 0...5, using: &random) {
        case 0: return "always"
        case 1:
            let (one, other) = (leaves(&random), leaves(&random))
            return one == other ? one : "{any: [\(one), \(other)]}"
        default: return leaves(&random)
        }
    }

    // MARK: Questions

    /// Every question that differs in the chosen facts, the time, or the named ground.
    func questions() -> [SmallWorld.Asked] {
        var all = [base]
        for dimension in dimensions {
            all = all.flatMap { asked in
                dimension.values.map { change in
                    var next = asked
                    change(&next)
                    return next
                }
            }
        }
        guard text.old.contains("2026-10-01") || text.new.contains("2026-10-01") else {
            return all
        }
        return all
            + all.map { asked in
                var later = asked
                later.question.decided = later.question.decided + 60 * 86_400
                return later
            }
    }

    private var base: SmallWorld.Asked {
        let (source, destination) =
            switch flow {
            case .export: ("SG", "VN")
            case .import: ("MY", "SG")
            case .domestic: ("SG", "SG/other")
            case .transit, .onward: ("MY", "VN")
            }
        let ends = (SmallWorld.node(source), SmallWorld.node(destination))
        var question = Question(
            source: ends.0, destination: ends.1,
            relays: flow == .transit ? [SmallWorld.node("SG")] : [],
            sectors: Dictionary(
                [ends.0, ends.1].map { ($0.country, .public) }, uniquingKeysWith: { $1 }),
            membershipSerial: 1,
            decided: Timestamp(seconds: 1_788_220_800),  // 2026-09-01
            label: Label(
                classification: .unclassified, releasableTo: [ends.1.country], tlp: .green),
            facts: Facts([
                "personal-data": Fact(.flag(false), .stated),
                "purpose": Fact(.set(["B"]), .stated),
                "legal-basis": Fact(.set(["L"]), .stated),
            ]))
        if flow == .onward { question.lineage = [SmallWorld.node("SG").country] }
        return SmallWorld.Asked(question: question)
    }
}
