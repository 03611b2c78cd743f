import SelatCore

// What somebody owes: each obligation is one key with its value.
extension Shape {
    static let obligation = Shape(
        "obligation", "an obligation",
        [
            .may("approval", .map(.approval), "Persons say yes before release."),
            .may("remove", .map(.transform(.remove)), "Take the data out."),
            .may("mask", .map(.transform(.mask)), "Make the data unreadable."),
            .may("pseudonymise", .map(.transform(.pseudonymise)), "Put other names."),
            .may("generalise", .map(.transform(.generalise)), "Make the data coarser."),
            .may("retention", .map(.retention), "Destroyed in time by the recipient."),
            .may(
                "onward-only-to",
                .either([
                    .choice(["none"], of: "list of countries"),
                    .some(
                        .either([
                            .country, .choice(["instrument-territory"], of: "territory"),
                        ])),
                ]),
                "The countries to which the recipient may send it on."),
            .may("no-transit-through", .some(.country), "Relays that it does not take."),
            .may("notice", .map(.notice), "What the recipient is told."),
            .may("human-review", .map(.review), "What a person looks at."),
            .may("encryption", .map(.encryption), "The weakest suite that will do."),
            .may("report", .map(.report), "Who is told what, and by when."),
            .may("keep", .map(.keep), "What is kept, and how long."),
        ], countMax: 1)

    static let approval = Shape(
        "approval", "an approval",
        [
            .must("role", .role, "Whose yes it takes."),
            .may("count", .number, "How many persons; one where nothing is said."),
            .may(
                "side", .choice(["source", "destination"], of: "side"),
                "At which end; the file's own where nothing is said."),
        ])

    static func transform(_ transform: Transform) -> Shape {
        Shape(
            "transform", "`\(transform.rawValue)`",
            [.must("categories", .some(.terms("categories")), "Of which data.")])
    }

    static let retention = Shape(
        "retention", "retention",
        [
            .may("at-most", .duration, "Until then it is destroyed."),
            .may("confirm", .flag, "Whether the destruction is receipted."),
        ])

    static let notice = Shape(
        "notice", "a notice",
        [
            .must("of", .words(NoticeSubject.self, of: "subject of a notice"), "What it says."),
            .may(
                "acknowledged", .words(Acknowledgement.self, of: "acknowledgement"),
                "By when it is acknowledged."),
        ])

    static let review = Shape(
        "human-review", "a human review",
        [.must("of", .words(ReviewSubject.self, of: "subject of a review"), "What is reviewed.")])

    static let encryption = Shape(
        "encryption", "encryption",
        [
            .must(
                "at-least", .choice(Suite.allCases.map { "suite-\($0.rawValue)" }, of: "suite"),
                "The suite.")
        ])

    static let report = Shape(
        "report", "a report",
        [
            .must("what", .words(ReportSubject.self, of: "subject of a report"), "About what."),
            .must("to", .word, "An authority of the file, or a recipient of the language."),
            .must("within", .duration, "In what time."),
            .must("from", .words(Start.self, of: "event"), "From when the time runs."),
            .must("once", .words(Recurrence.self, of: "recurrence"), "How often it is owed."),
        ])

    static let keep = Shape(
        "keep", "keep",
        [
            .must("what", .words(KeepSubject.self, of: "thing to keep"), "What."),
            .may("at-least", .duration, "How long."),
            .may("in", .country, "Where."),
        ])
}
