import SelatSimulation
import Testing

/// A bounded part of what `scripts/simulate` runs: enough that a mistake of the usual kind is found
/// before it lands.
@Suite(.serialized)
struct SimulationTests {
    /// Seeds in a debug build; `scripts/simulate` runs as many as it is told.
    static let seeds: UInt64 = 300
    /// Seeds within which each planted fault must be found.
    static let seedsForFaults: UInt64 = 3_000

    /// And a quiet simulation proves nothing: crashes are met, and every outcome.
    @Test func allInvariantsHold() {
        var tally = Tally()
        for seed in 1...Self.seeds {
            let report = Simulation.run(seed)
            tally += report.tally
            #expect(
                report.violation == nil,
                "seed \(seed): see `scripts/simulate 1 --from \(seed)`")
        }
        #expect(tally.crashes > 100)
        for outcome in ["delivered", "refused", "cancelled", "expired", "unconfirmed"] {
            #expect(tally.outcomes[outcome, default: 0] > 0, "no transfer ends as \(outcome)")
        }
    }

    @Test(arguments: [UInt64(6), 24, 82, 175])
    func theSameSeedIsTheSameRun(_ seed: UInt64) {
        let (one, other) = (
            Simulation.run(seed, isTraced: true), Simulation.run(seed, isTraced: true)
        )
        #expect(!one.trace.isEmpty)
        #expect(one == other)
        // Tracing changes nothing.
        #expect(Simulation.run(seed).mark == one.mark)
    }

    @Test func anotherSeedIsAnotherRun() {
        #expect(Simulation.run(1).mark != Simulation.run(2).mark)
    }

    /// Every sixth; the release program of `.ci/run` looks for all.
    @Test(
        arguments: PlantedFault.allCases.enumerated().filter { $0.offset.isMultiple(of: 6) }.map(
            \.element))
    func aPlantedFaultIsFound(_ fault: PlantedFault) {
        #expect(Simulation.search(for: fault, seeds: 1...Self.seedsForFaults) != nil)
    }
}
