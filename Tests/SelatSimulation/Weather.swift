/// What one seed throws at the nodes. Each seed leaves some kinds out, for rare faults would never meet
/// alone where all others rage.
struct Weather {
    /// Of a thousand messages or pieces.
    var lost = 0
    var repeated = 0
    var corrupted = 0
    var forged = 0
    /// The longest way of a message, in milliseconds.
    var delayMax: Int64 = 20
    /// Of a thousand steps of a process, how many are its last.
    var crashed = 0
    /// Of a thousand commits.
    var uncertain = 0
    /// Of a thousand reads and writes.
    var unreadable = 0
    var unwritable = 0
    /// Of a thousand writes, after how many the disk is full for a while.
    var filled = 0
    /// How often something of a kind comes in the whole run, at most.
    var partitions = 0
    var flips = 0
    var clockSteps = 0
    var editions = 0
    var lists = 0
    var clockOffsetMax: Int64 = 0
    /// Of a thousand small transfers, how many are released with their acceptance, and of as many releases the whole
    /// leaves with its offer.
    var sentAtOnce = 0
    /// Whether others find out about wrong clocks.
    var isWitnessed = true
    /// Whether all transfers come at once, over one link.
    var isCrowded = false
    /// Of a thousand labels, how many ask for a person.
    var asking = 0
    /// Of a thousand nodes, how many have no room for what passes through, and keep it so.
    var full = 0
    /// Of a hundred transfers.
    var exportedByHand = 0
    var refusedByOfficers = 0
    var cancelledByOperators = 0
    var destroyedByOperators = 0
    var recalledByOfficers = 0

    static let calm = Weather()

    init() {}

    init(_ chance: inout Chance) {
        func sometimes(_ most: Int, _ chance: inout Chance) -> Int {
            chance.happens(500) ? chance.index(below: most + 1) : 0
        }
        lost = sometimes(200, &chance)
        repeated = sometimes(200, &chance)
        corrupted = sometimes(60, &chance)
        forged = sometimes(150, &chance)
        delayMax = chance.happens(500) ? chance.draw(1...4_000) : 20
        crashed = sometimes(15, &chance)
        uncertain = sometimes(60, &chance)
        unreadable = sometimes(60, &chance)
        unwritable = sometimes(60, &chance)
        filled = sometimes(20, &chance)
        partitions = sometimes(8, &chance)
        flips = chance.happens(250) ? chance.index(below: 4) : 0
        clockSteps = sometimes(6, &chance)
        clockOffsetMax = chance.happens(500) ? chance.draw(0...140) : 0
        editions = sometimes(6, &chance)
        lists = sometimes(4, &chance)
        isCrowded = chance.happens(60)
        asking = sometimes(600, &chance)
        exportedByHand = sometimes(50, &chance)
        refusedByOfficers = sometimes(30, &chance)
        cancelledByOperators = sometimes(40, &chance)
        destroyedByOperators = chance.happens(300) ? chance.index(below: 51) : 0
        recalledByOfficers = chance.happens(300) ? chance.index(below: 81) : 0
        full = chance.happens(500) ? 500 : 0
        isWitnessed = chance.happens(500)
        sentAtOnce = sometimes(1_000, &chance)
    }
}
