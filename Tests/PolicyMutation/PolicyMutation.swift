import Foundation
import SelatCore
import SelatPolicy

/// Makes every small mistake in every file of a folder, and asks who notices: the checker, a case, or
/// the proof that no verdict changes. A program and no test, because a debug build takes minutes.
///
///     PolicyMutation Policies [NAME…]
///
/// Ends with 1 where a mistake is silent.
@main
struct PolicyMutation {
    static func main() async throws {
        let arguments = CommandLine.arguments.dropFirst()
        let folder = arguments.first ?? "Policies"
        let named = Set(arguments.dropFirst())
        let files = try sources(folder)
        let set = try PolicySet.load(files: files)
        let cases = try PolicyCaseReader.read(try sources("\(folder)/tests"), for: set)
        let run = try MutationRun(files: files, cases: cases)
        var silent = run.failing.count
        for name in run.failing { print("case `\(name)` fails as the files are") }
        let chosen = files.filter { named.isEmpty || named.contains(Self.name($0)) }
        for report in await reports(run, chosen) {
            print(report.summary)
            for line in report.silentLines { print(line) }
            silent += report.silent.count
        }
        if silent > 0 { exit(1) }
    }

    /// A report for each file, in their order. They are made beside each other, the longest first, so
    /// that no processor waits at the end.
    private static func reports(
        _ run: MutationRun, _ files: [PolicySource]
    ) async -> [MutationReport] {
        let byLength = files.indices.sorted { files[$0].bytes.count > files[$1].bytes.count }
        return await withTaskGroup { group in
            for index in byLength {
                group.addTask { (index, run.report(file: files[index].name)) }
            }
            var reports: [Int: MutationReport] = [:]
            for await (index, report) in group { reports[index] = report }
            return files.indices.compactMap { reports[$0] }
        }
    }

    private static func name(_ file: PolicySource) -> String {
        String(file.name.split(separator: "/").last?.dropLast(5) ?? "")
    }

    private static func sources(_ folder: String) throws -> [PolicySource] {
        try FileManager.default.contentsOfDirectory(atPath: folder)
            .filter { $0.hasSuffix(".yaml") }.sorted().map { name in
                let path = "\(folder)/\(name)"
                return PolicySource(
                    name: path, bytes: Array(try Data(contentsOf: URL(filePath: path))))
            }
    }
}
