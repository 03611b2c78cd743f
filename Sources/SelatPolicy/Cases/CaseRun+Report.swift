package import SelatCore

// How a run reads: lines for people, one document for programs.
extension CaseResult {
    /// `file:line:column: case "…": verdict: expected …, got …`, and why below it.
    package var failureLines: [String] {
        let place = "\(example.file):\(example.place.line):\(example.place.column)"
        let head = "\(place): case \"\(example.name)\""
        guard verdict != nil else { return ["\(head): \(reasons.joined(separator: "; "))"] }
        return mismatches.map { mismatch in
            let (expected, got) = (Self.shown(mismatch.expected), Self.shown(mismatch.got))
            return "\(head): \(mismatch.key): expected \(expected), got \(got)"
        } + reasons.map { "    \($0)" }
    }

    private static func shown(_ values: [String]) -> String {
        values.isEmpty ? "none" : values.map { "`\($0)`" }.joined(separator: ", ")
    }

    fileprivate var json: JSON {
        var members: JSON.Object = [
            "case": .string(example.name), "file": .string(example.file),
            "line": .integer(Int64(example.place.line)),
            "column": .integer(Int64(example.place.column)),
            "passed": .bool(!hasFailed), "deciding": .strings(deciding.sorted()),
            "mismatches": .array(
                mismatches.map {
                    [
                        "key": .string($0.key), "expected": .strings($0.expected),
                        "got": .strings($0.got),
                    ]
                }), "reasons": .strings(reasons),
        ]
        members["outcome"] = verdict.map { .string($0.outcome.rawValue) }
        return .object(members)
    }
}

extension RuleCoverage {
    /// `file:line:column: SG/pass decides in no case`
    package var silenceLine: String {
        "\(file):\(place.line):\(place.column): the rule `\(rule)` decides in no case"
    }

    fileprivate var json: JSON {
        [
            "rule": .string(rule), "file": .string(file), "line": .integer(Int64(place.line)),
            "column": .integer(Int64(place.column)), "cases": .integer(Int64(cases)),
        ]
    }
}

extension CaseRun {
    /// For each file: its name, the cases in which one of its rules decides, its rules, those that
    /// decide somewhere.
    package var files: [(file: String, cases: Int, rules: Int, deciding: Int)] {
        var order: [String] = []
        for rule in rules where order.last != rule.file { order.append(rule.file) }
        return order.map { file in
            let own = rules.filter { $0.file == file }
            let names = Set(own.map(\.rule))
            return (
                file, results.count { !$0.deciding.isDisjoint(with: names) }, own.count,
                own.count { $0.cases > 0 }
            )
        }
    }

    /// `{"passed", "cases", "failed", "silent_rules", "results", "rules"}`
    package var json: JSON {
        [
            "passed": .bool(isPassed), "cases": .integer(Int64(results.count)),
            "failed": .integer(Int64(failed.count)),
            "silent_rules": .strings(silentRules.map(\.rule)),
            "results": .array(results.map(\.json)), "rules": .array(rules.map(\.json)),
        ]
    }
}
