import Foundation
import SelatCore
import SelatPolicy

/// Times what an edit costs to understand:
///
///   analysis    all doubts about the rules of the folder
///   equivalent  whether an edit that changes nothing changes nothing, for each file
///   diff        the folder's largest file against an edit of a threshold, a term and a level
///   diff-500    two files of 500 rules, every eleventh changed, every 45th gone
enum Editions {
    static func run(_ files: [PolicySource], _ rounds: Int) throws {
        let set = try PolicySet.load(files: files)
        var (analysis, equivalent) = (Timings("analysis"), Timings("equivalent"))
        var (diff, large) = (Timings("diff"), Timings("diff-500"))
        for _ in 0..<max(3, min(20, rounds / 10)) {
            _ = analysis.time { PolicyAnalysis.warnings(of: set) }
        }
        for file in files {
            let other = try PolicySet.load(files: replacing(file, by: reworded(file), in: files))
            _ = equivalent.time { PolicyDiff.isEquivalent(set, other) }
        }
        if let file = files.filter(isCountry).max(by: { $0.bytes.count < $1.bytes.count }) {
            let other = try PolicySet.load(files: replacing(file, by: edited(file), in: files))
            var changes = 0
            for _ in 0..<3 {
                changes = diff.time { PolicyDiff(from: set, to: other).changes.count }
            }
            print("diff of \(file.name): \(changes) statements")
        }
        let (old, new) = Synthetic.editions
        let (before, after) = (try PolicySet.load(files: old), try PolicySet.load(files: new))
        let changes = large.time { PolicyDiff(from: before, to: after).changes.count }
        print("diff-500: \(changes) statements")
        for timings in [analysis, equivalent, diff, large] { timings.report() }
    }

    private static func isCountry(_ file: PolicySource) -> Bool {
        file.name.split(separator: "/").last?.utf8.count == 7
    }

    private static func replacing(
        _ file: PolicySource, by other: PolicySource, in files: [PolicySource]
    ) -> [PolicySource] {
        files.map { $0.name == file.name ? other : $0 }
    }

    private static func replacing(_ pairs: [(String, String)], in file: PolicySource)
        -> PolicySource
    {
        let text = pairs.reduce(String(decoding: file.bytes, as: UTF8.self)) {
            $0.replacingOccurrences(of: $1.0, with: $1.1)
        }
        return PolicySource(name: file.name, bytes: Array(text.utf8))
    }

    /// The same in other words.
    private static func reworded(_ file: PolicySource) -> PolicySource {
        replacing(
            [("when: always", "when: {any: [{emergency: yes}, {emergency: no}]}")], in: file)
    }

    private static func edited(_ file: PolicySource) -> PolicySource {
        replacing(
            [
                ("more-than: 1000", "more-than: 500"), ("at-least: 100000", "at-least: 50000"),
                ("selat:HumanitarianAssistance", "selat:EarlyWarning"),
                ("72 hours", "96 hours"), ("at-most: unclassified", "at-most: confidential"),
            ], in: file)
    }
}
