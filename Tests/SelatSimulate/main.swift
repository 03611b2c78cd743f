import SelatSimulation

// simulate --seeds N --from SEED --step K --faults --trace
//
// Results on stdout, progress on stderr. Exit status 1 where a seed breaks an invariant, or a planted
// fault is not found; 64 for arguments that it does not know.

guard let arguments = Arguments(CommandLine.arguments.dropFirst()) else {
    complain("usage: [--seeds N] [--from SEED] [--step K] [--faults] [--trace]")
    leave(64)
}
leave((arguments.plantsFaults ? findFaults(arguments) : runSeeds(arguments)) ? 0 : 1)
