import Foundation
import SelatCore
import SelatPolicy

// Times verdicts on one core and prints them; `scripts/bench policy` runs cedarpy beside it.
//
//   SelatPolicyBenchmark FOLDER [ROUNDS]
//
//   load      reading and checking every file of the folder
//   verdict   decisions by the folder's files, over every pair of countries
//   record    the same with the record's canonical bytes and their digest
//   verify    the recipient's: a record read, judged again and compared
//   spread    decisions by 10,000 rules in ten files
//   single    decisions by 10,000 rules, all of them asked: half for export, half for import
//
// and what Editions.swift times.

@main
struct Main {
    static func main() {
        do { try run() } catch {
            FileHandle.standardError.write(Data("SelatPolicyBenchmark: error: \(error)\n".utf8))
            exit(1)
        }
    }

    static func run() throws {
        let arguments = CommandLine.arguments
        guard arguments.count > 1 else { throw CocoaError(.fileNoSuchFile) }
        let rounds = arguments.count > 2 ? Int(arguments[2]) ?? 40 : 40
        let files = try Workload.files(in: arguments[1])
        var load = Timings("load")
        var set = try PolicySet.load(files: files)
        for _ in 0..<max(5, min(40, rounds / 4)) {
            set = try load.time { try PolicySet.load(files: files) }
        }
        load.report()
        let questions = try Workload.questions(among: set.countries)
        try judge(set, questions, rounds)
        for (name, shape) in [("spread", Synthetic.spread), ("single", .single)] {
            let synthetic = try PolicySet.load(files: shape.files)
            var timings = Timings(name)
            for _ in 0..<rounds {
                for question in try shape.questions() {
                    _ = try timings.time { try synthetic.decide(question) }
                }
            }
            timings.report()
        }
        try Editions.run(files, rounds)
    }

    private static func judge(_ set: PolicySet, _ questions: [Question], _ rounds: Int) throws {
        var (verdict, record, verify) = (Timings("verdict"), Timings("record"), Timings("verify"))
        // Each kind for itself, so that none finds the caches as another left them.
        for _ in 0..<rounds {
            for question in questions { _ = try verdict.time { try set.decide(question) } }
        }
        let verdicts = try questions.map { try set.decide($0).verdict }
        for _ in 0..<rounds {
            for verdict in verdicts { _ = record.time { verdict.digest } }
        }
        let records = verdicts.map(\.record)
        for _ in 0..<rounds {
            for bytes in records { _ = try verify.time { try set.verify(record: bytes) } }
        }
        verdict.report()
        record.report()
        verify.report()
    }
}

/// Durations of one kind of work.
struct Timings {
    private let name: String
    private var nanoseconds: [Int64] = []

    init(_ name: String) { self.name = name }

    mutating func time<Value>(_ work: () throws -> Value) rethrows -> Value {
        let start = ContinuousClock.now
        let value = try work()
        let took = (ContinuousClock.now - start).components
        nanoseconds.append(took.seconds * 1_000_000_000 + took.attoseconds / 1_000_000_000)
        return value
    }

    /// `verdict n=1200 median_us=9.8 p99_us=14.2`
    func report() {
        let sorted = nanoseconds.sorted()
        func at(_ share: Double) -> String {
            let index = min(sorted.count - 1, Int(Double(sorted.count) * share))
            return String(format: "%.1f", Double(sorted[index]) / 1_000)
        }
        print("\(name) n=\(sorted.count) median_us=\(at(0.5)) p99_us=\(at(0.99))")
    }
}
