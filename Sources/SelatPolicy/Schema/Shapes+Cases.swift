import SelatCore

// Files below `tests`: transfers and the verdicts that they must get.
extension Shape {
    static let cases = Shape(
        "tests", "the cases",
        [
            .must("at", .moment, "When the transfers are judged."),
            .must("tests", .list(.map(.policyCase)), "The cases."),
        ])

    static let policyCase = Shape(
        "test", "a test",
        [
            .must("test", .text, "What the case shows."),
            .may("at", .moment, "When this transfer is judged."),
            .must("facts", .facts, "The transfer; what is left out is left to silence."),
            .may("signed", .list(.word), "The instruments that every party has signed."),
            .may(
                "attested", .names(prefixed: true, .moment),
                "When an officer attested a document that may have become too old."),
            .may("chosen", .word, "The ground that the sender names, `MY/not-personal`."),
            .must("verdict", .words(Verdict.Outcome.self, of: "verdict"), "What must come out."),
        ] + PolicyCase.Part.allCases.map(expected))

    private static func expected(_ part: PolicyCase.Part) -> Key {
        switch part {
        case .ground: .may("ground", .word, "The source's ground that counts.")
        case .grounds: list(part, "Every ground that counts, in the order of judgement.")
        case .prohibitions: list(part, "Exactly these forbid; none where it is `[]`.")
        case .builtIn: list(part, "Exactly these rules of the language decide.")
        case .duties: list(part, "Exactly these duties ask.")
        case .byLaw: list(part, "Of the rules that decided, those that bind their sector by law.")
        case .obligations: list(part, "Exactly these are owed.")
        case .missing: list(part, "Exactly these facts are to be stated.")
        case .instruments: list(part, "Exactly these instruments count.")
        case .counts: list(part, "What the transfer adds to the counters of its source's file.")
        }
    }

    private static func list(_ part: PolicyCase.Part, _ says: String) -> Key {
        .may(part.rawValue, .list(.word), says)
    }
}
