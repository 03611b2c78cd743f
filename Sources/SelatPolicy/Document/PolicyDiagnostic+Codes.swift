// What each code means and what to write instead: the words of the page Diagnostics, of JSON and of
// SARIF. A test holds the page to them.
extension PolicyDiagnostic.Code {
    /// What is wrong, in one phrase.
    package var meaning: String { words.meaning }

    /// What to write instead.
    package var instead: String { words.instead }

    /// Whether the code is only ever a warning.
    package var severity: PolicyDiagnostic.Severity {
        switch self {
        case .review, .noEffect, .alwaysOverridden, .sameMeaning, .nearTerms,
            .contradictoryDuties, .unsignedAgreement:
            .warning
        default: .error
        }
    }

    private var words: (meaning: String, instead: String) {
        switch self {
        case .encoding, .size, .depth, .syntax, .yamlFeature, .duplicateKey: formWords
        case .unknownKey, .missingKey, .wrongType, .unquoted, .number, .duration, .date, .doubled,
            .misplaced, .emptyCondition:
            valueWords
        case .unknownWord, .unknownFact, .unknownTerm, .unknownSource, .unknownCountry, .prefix,
            .unused, .vocabulary:
            nameWords
        case .fileName, .doubledFile, .missingFile: fileWords
        case .noEffect, .alwaysOverridden, .sameMeaning, .nearTerms, .contradictoryDuties, .review,
            .unsignedAgreement:
            warningWords
        default: ruleWords
        }
    }

    /// The file as text.
    private var formWords: (meaning: String, instead: String) {
        switch self {
        case .encoding:
            (
                "the file is not plain UTF-8 text, or holds characters that nobody sees",
                "save it as UTF-8 without a byte order mark and remove the character"
            )
        case .size:
            (
                "the file is larger than 1 MiB, or the set has more than 512 files",
                "leave out what is no rule"
            )
        case .depth: ("maps or lists stand inside one another too deep", "write it flatter")
        case .syntax:
            (
                "the text is not the YAML of policy files",
                "check indentation, colons, quotes and brackets of this line and the one above"
            )
        case .yamlFeature:
            (
                "a part of YAML that policy files do not have: anchor, alias, tag, merge key, "
                    + "text block, document marker, a key of several words",
                "write the value out; no text begins with `*`, `&` or `!`"
            )
        default: ("a key stands twice in one map", "keep one of the two")
        }
    }

    private var valueWords: (meaning: String, instead: String) {
        switch self {
        case .unknownKey:
            ("a key that this map does not have", "the key that the message names, or none")
        case .missingKey: ("a key that must be there is not", "the key with its value")
        case .wrongType:
            ("a value of another kind than the key asks for", "what the message asks for")
        case .unquoted: ("a text without quotes", "the same text in double quotes")
        case .number:
            ("not a number of policy files", "digits only, without sign, point, comma or leading 0")
        case .duration: ("not a duration", "hours or days: `72 hours`, `180 days`")
        case .date: ("not a date that exists", "year, month and day: `2026-12-31`")
        case .doubled: ("a value or name stands twice", "keep one, or give one another name")
        case .misplaced: ("a key or word that does not belong here", "move it to where it belongs")
        default:
            (
                "a condition or list that says nothing",
                "what it shall ask for, or `always`; leave the key out where nothing is asked"
            )
        }
    }

    private var nameWords: (meaning: String, instead: String) {
        switch self {
        case .unknownWord:
            ("a word that the language or the vocabulary does not have", "one of its words")
        case .unknownFact:
            (
                "a fact that the vocabulary does not define, or another file's counter",
                "a fact of `vocabulary.yaml`"
            )
        case .unknownTerm:
            (
                "a value that this fact does not have, also where another vocabulary has it",
                "a term that `vocabulary.yaml` lists for the fact, or add it there"
            )
        case .unknownSource:
            ("a source that the file does not name", "a name of `sources`, or add it there")
        case .unknownCountry:
            ("not a country of ISO 3166-1", "two capital letters that are a country's code")
        case .prefix:
            (
                "a name without the country's prefix",
                "the country's code and a colon before the name"
            )
        case .unused:
            ("a definition that no rule uses", "use it, or leave it out; often a name is misspelt")
        default:
            (
                "the vocabulary lacks what the language speaks of, or says it otherwise",
                "what the message asks for"
            )
        }
    }

    private var ruleWords: (meaning: String, instead: String) {
        switch self {
        case .bareList:
            (
                "a list on a set fact, which does not say how it is meant",
                "`some-of`, `all-of`, `only` or `none-of` before the list"
            )
        case .someOfInGround:
            (
                "a ground that would permit what it does not list",
                "`only` with everything that is permitted"
            )
        case .levelMissing:
            (
                "a classification level that the country does not have",
                "a level of the file's `markings`"
            )
        case .unseenByRelay:
            (
                "a rule on transit asks for a fact that no relay sees",
                "facts that a header shows, such as `classification`, `source`, `destination`"
            )
        case .cannotApply:
            ("a condition that nothing can meet", "a condition that some transfer can meet")
        case .missingUntil:
            ("reliance on an exemption without an end", "`until`, a year ahead at most")
        case .untilTooLate:
            ("reliance on an exemption for more than a year", "an earlier `until`")
        case .contradictoryDates:
            ("an end that is not after its beginning", "the dates in their order")
        case .uncited:
            ("a rule that cites nothing", "`basis` with a source and a clause")
        case .agreementSignature:
            (
                "a signature that is not a party's of this instrument as it is",
                "nothing; the party signs anew with `selat policy sign --instrument`"
            )
        default:
            ("an agreement with one party", "the other party, or `by` and `of`")
        }
    }

    private var fileWords: (meaning: String, instead: String) {
        switch self {
        case .fileName:
            ("a file whose name is not its jurisdiction", "rename it, or correct `jurisdiction`")
        case .doubledFile: ("two files for one jurisdiction", "keep one of the two")
        default: ("a file that every set has is not there", "put the file into the folder")
        }
    }

    private var warningWords: (meaning: String, instead: String) {
        switch self {
        case .review:
            (
                "the date of review has passed; the file stays in force",
                "review the file, then publish an edition with a later `review-by`"
            )
        case .noEffect:
            ("a rule or condition without which every verdict is the same", "leave it out")
        case .alwaysOverridden:
            (
                "wherever the rule applies, another decides",
                "narrow the other rule, or leave this one out"
            )
        case .sameMeaning: ("two rules that say the same", "keep one of the two")
        case .unsignedAgreement:
            (
                "an instrument that asks for its parties' signatures, lacks one and does not count",
                "the party's signature, with `selat policy sign --instrument`"
            )
        case .contradictoryDuties:
            (
                "two rules that can be owed together and ask for what excludes the other",
                "the same time or list in both, or conditions that do not meet"
            )
        default:
            (
                "a list without a term that stands beside its others in the vocabulary",
                "add the term, or say in a `note` why it is left out"
            )
        }
    }
}
