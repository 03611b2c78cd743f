import Foundation
import SelatCore
import SelatPolicy
import Testing

/// Small mistakes in each shipped file: one key or word left out, written twice, or with one letter
/// changed. Each is refused, or fails a case, or can change no verdict.
///
/// A debug build takes long for all of them: here is one, `.ci/run` has the release program
/// PolicyMutation take every file. `SELAT_MUTATION=MY,SG` names others.
@Suite("Mistakes in the shipped files")
struct MutationTests {
    static let named = (ProcessInfo.processInfo.environment["SELAT_MUTATION"] ?? "")
        .split(separator: ",").map(String.init)

    static let files = named.isEmpty ? ["ASEAN"] : named

    static let run = Result {
        try MutationRun(files: try ShippedPolicies.sources(), cases: try PolicyCase.all())
    }

    @Test("no mistake is silent", arguments: files)
    func noMistakeIsSilent(name: String) throws {
        let run = try Self.run.get()
        #expect(run.failing == [])
        let start = ContinuousClock.now
        let report = run.report(file: "Policies/\(name).yaml")
        print("\(report.summary) (\(ContinuousClock.now - start))")
        for line in report.silentLines { print(line) }
        #expect(report.silent.count == 0)
        #expect(report.refused > 0)
    }
}
