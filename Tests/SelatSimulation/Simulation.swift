import Synchronization

/// Runs the machines of sender and recipient through everything that may befall them.
package enum Simulation {
    private static let turn = Mutex<Void>(())

    /// One seed, from its first transfer to the check of all invariants. Seed and planted fault decide
    /// every step.
    package static func run(
        _ seed: UInt64, planting fault: PlantedFault? = nil, isTraced: Bool = false
    ) -> Report {
        turn.withLock { _ in
            let slot = Slot()
            VirtualExecutor.shared.drain {
                let world = World(seed: seed, fault: fault, isTraced: isTraced)
                slot.world = world
                await world.run()
                slot.report = Report(
                    seed: seed, violation: world.judge.violation, tally: world.tally,
                    mark: world.mark, trace: world.lines)
            }
            slot.world = nil
            guard let report = slot.report else { preconditionFailure("seed \(seed) stands still") }
            return report
        }
    }

    /// Looks for the first seed that a planted mistake breaks.
    /// - Returns: how many seeds it took, and what broke; nil where none did.
    package static func search(
        for fault: PlantedFault, seeds: some Sequence<UInt64>
    ) -> (seeds: Int, violation: Violation)? {
        var count = 0
        for seed in seeds {
            count += 1
            if let violation = run(seed, planting: fault).violation { return (count, violation) }
        }
        return nil
    }

    // SAFETY: only the thread that drains touches it, between its two accesses here.
    private final class Slot: @unchecked Sendable {
        var world: World?
        var report: Report?
    }
}
