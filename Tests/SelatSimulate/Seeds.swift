import Glibc
import SelatSimulation

/// How many steps before a broken invariant are printed.
private let stepsShown = 60

func complain(_ line: String) {
    let bytes = Array("simulate: \(line)\n".utf8)
    _ = write(STDERR_FILENO, bytes, bytes.count)
}

func leave(_ status: Int32) -> Never {
    fflush(nil)
    exit(status)
}

/// Runs the seeds.
/// - Returns: whether all of them held.
func runSeeds(_ arguments: Arguments) -> Bool {
    var (tally, broken, done) = (Tally(), 0, 0)
    let start = ContinuousClock.now
    for seed in arguments.range {
        let report = Simulation.run(seed, isTraced: arguments.traces)
        if arguments.traces { for line in report.trace { print(line) } }
        tally += report.tally
        done += 1
        if let violation = report.violation {
            broken += 1
            show(seed, violation)
        }
        if done.isMultiple(of: 5_000) { complain("\(done) seeds, \(rate(done, start)) a second") }
    }
    let outcomes = tally.outcomes.sorted { $0.key < $1.key }
        .map { "\($0.value) \($0.key)" }.joined(separator: ", ")
    print(
        "\(done) seeds, \(rate(done, start)) a second; \(tally.transfers) transfers: \(outcomes);"
            + " \(tally.crashes) crashes; \(broken) seeds broken")
    return broken == 0
}

private func rate(_ done: Int, _ start: ContinuousClock.Instant) -> Int {
    Int(Double(done) / max(0.001, (ContinuousClock.now - start) / .seconds(1)))
}

/// The same seed once more, with all that happened before it broke.
private func show(_ seed: UInt64, _ violation: Violation) {
    print("seed \(seed) breaks \(violation)")
    for line in Simulation.run(seed, isTraced: true).trace.suffix(stepsShown) { print("  \(line)") }
    print("  again: scripts/simulate 1 --from \(seed)")
}

/// Plants each mistake, and looks for the first seed that finds it.
/// - Returns: whether each was found.
func findFaults(_ arguments: Arguments) -> Bool {
    var missed = 0
    for fault in PlantedFault.allCases {
        if let found = Simulation.search(for: fault, seeds: arguments.range) {
            print("\(fault.rawValue): after \(found.seeds) seeds, \(found.violation)")
        } else {
            missed += 1
            print("\(fault.rawValue): not found by \(arguments.seeds) seeds")
        }
        fflush(nil)
    }
    print("\(PlantedFault.allCases.count - missed) of \(PlantedFault.allCases.count) found")
    return missed == 0
}
