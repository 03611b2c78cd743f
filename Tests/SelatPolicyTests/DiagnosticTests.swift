import Foundation
import SelatCore
import SelatPolicy
import Testing

@Suite("Diagnostics")
struct DiagnosticTests {
    @Test("the page lists exactly the codes, with their words")
    func pageListsTheCodes() throws {
        let page = ShippedPolicies.folder.deletingLastPathComponent()
            .appending(path: "Sources/SelatPolicy/Policy.docc/Diagnostics.md")
        let rows = try String(contentsOf: page, encoding: .utf8)
            .split(separator: "\n").filter { $0.hasPrefix("| `") }.map(String.init)
        #expect(rows == PolicyDiagnostic.Code.allCases.map(Self.row))
    }

    private static func row(_ code: PolicyDiagnostic.Code) -> String {
        let mark = code.severity == .warning ? " (warning)" : ""
        return "| `\(code.rawValue)`\(mark) | \(code.meaning) | \(code.instead) |"
    }

    @Test("the words of every code are one phrase each")
    func wordsArePhrases() {
        let codes = PolicyDiagnostic.Code.allCases
        for code in codes {
            for text in [code.meaning, code.instead] {
                #expect(!text.isEmpty && !text.hasSuffix(".") && !text.contains("\n"), "\(code)")
            }
        }
        #expect(Set(codes.map(\.meaning)).count == codes.count)
    }

    // MARK: SARIF

    private static let found = [
        PolicyDiagnostic(
            file: "Policies/MY.yaml", place: Place(line: 3, column: 7), code: .unknownKey,
            message: "unknown key `retenion`", severity: .error),
        PolicyDiagnostic(
            file: "/tmp/a b/Mật.yaml", place: Place(line: 1, column: 1), code: .review,
            message: "past its review date", severity: .warning),
    ]

    /// What SARIF 2.1.0 requires of the objects used (sections 3.13, 3.14, 3.19, 3.27, 3.49).
    @Test("the log has what SARIF 2.1.0 requires")
    func logIsSARIF() throws {
        let log = DiagnosticLog.sarif(Self.found, version: "1.2.3")
        #expect(try JSON(parsing: Array(log.pretty.utf8)) == log)
        #expect(log["version"] == "2.1.0")
        let run = try #require(log["runs"]?.arrayValue?.first)
        #expect(run["columnKind"] == "unicodeCodePoints")
        let driver = try #require(run["tool"]?["driver"])
        #expect(driver["name"] == "selat")
        let rules = try #require(driver["rules"]?.arrayValue)
        let identifiers = rules.compactMap { $0["id"]?.stringValue }
        #expect(identifiers == PolicyDiagnostic.Code.allCases.map(\.rawValue))
        for rule in rules {
            #expect(rule["shortDescription"]?["text"]?.stringValue != nil)
            #expect(rule["help"]?["text"]?.stringValue != nil)
            #expect(Self.levels.contains(rule["defaultConfiguration"]?["level"]?.stringValue))
        }
        try checkResults(run["results"]?.arrayValue ?? [], identifiers)
    }

    private static let levels: Set<String?> = ["none", "note", "warning", "error"]

    private func checkResults(_ results: [JSON], _ identifiers: [String]) throws {
        #expect(results.count == Self.found.count)
        for result in results {
            let index = try #require(result["ruleIndex"]?.integerValue)
            #expect(result["ruleId"]?.stringValue == identifiers[Int(index)])
            #expect(Self.levels.contains(result["level"]?.stringValue))
            #expect(result["message"]?["text"]?.stringValue?.isEmpty == false)
            let place = result["locations"]?.arrayValue?.first?["physicalLocation"]
            #expect(try #require(place?["region"]?["startLine"]?.integerValue) >= 1)
            #expect(try #require(place?["region"]?["startColumn"]?.integerValue) >= 1)
        }
        let uris = results.map {
            $0["locations"]?.arrayValue?.first?["physicalLocation"]?["artifactLocation"]?["uri"]
        }
        #expect(uris == ["Policies/MY.yaml", "file:///tmp/a%20b/M%E1%BA%ADt.yaml"])
    }

    @Test("a log without results is a log")
    func emptyLogIsSARIF() {
        let run = DiagnosticLog.sarif([], version: "1.2.3")["runs"]?.arrayValue?.first
        #expect(run?["results"] == [])
    }
}
