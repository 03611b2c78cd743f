/// Every sentence that an explanation is made of, by its role. A template names what is filled in
/// as `{name}`; the words around it belong to one language.
enum Phrase: CaseIterable, Sendable {
    // Rules
    case ground, prohibition, duty, when, inEveryCase, unless
    case holdsFrom, holdsUntil, holdsFromUntil, ladder, exemption, note
    case basis, bindsByLaw, bindsNobody, adopted
    // Flows
    case export, `import`, transit, onward, domestic, anyFlow
    // Conditions
    case and, or, anyOf, yes, no
    case personal, notPersonal, special, notSpecial, emergency, noEmergency
    case someOf, allOf, only, noneOf, isOne
    case attested, allAttested, notAttested, onlyAttested, covered, allCovered, notCovered
    case exactly, atLeast, atMost, between
    // Obligations
    case approval, approvals, remove, mask, pseudonymise, generalise
    case retention, retentionConfirmed, destructionConfirmed
    case onwardNobody, onwardOnly, onwardTerritory, territory, noTransit
    case notice, noticeAcknowledged, review, encryption, report, keep, keepIn, keepWhere
    case hours, days, oneHour, oneDay
    case sender, recipient, bothEnds, relay, ownNode, ownNodeOwes
    case restsOn, counter, answerYes, answerNo, nothing
    // A file
    case fileTitle, fileIntroduction, federationIntroduction, howToRead, howRulesCount
    case termsInclude, standing, standingDraft, standingPublished, standingNoLaw
    case grounds, prohibitions, duties, noRule, sources, matrix, specialData, noSpecial, levels
    case nationalCategory, nationalAlso, document, definitions, glossary, signatures
    case signedEdition, signerName, signerRole, signedOn, signature, contents
    case edition, inForce, reviewBy, digest, sourceTitle, sourceCite, sourceKind, sourceBinds
    // A verdict
    case permitted, permittedAfterApproval, refused, incomplete
    case askedAndPermits, askedAndRefuses, askedAndOpen, builtInDecides
    case groundCounts, groundMayCount, forbids, mayForbid, owesDuty, mayOweDuty
    case groundFails, groundElse, isNot, noGroundTried, otherEditions, why, facts, missing,
        assumedNote
    case changesHead, changesNone, changesNoneEndanger, changesNote, change, changeState, changeAdd,
        changeWithout
    case changeSigned, changeUnsigned, changeGround, changeNoGround, changeAttested
    case changeUnattested, changeLike, endangers
    // The matrix
    case matrixCaption, matrixFacts, cellPermitted, cellApproval, cellIncomplete, cellRefused
    case senderFile, recipientFile, fromTo, allOthers, allMembers, ownCountry, needs

    /// The template in a language, else in English.
    func template(_ language: Language) -> String {
        PhraseTable.tables[language]?[self] ?? english
    }
}

/// The languages into which sentences are translated. English is complete; a table here replaces
/// what it has, and may not name anything that the English template does not fill in.
enum PhraseTable {
    static let tables: [Language: [Phrase: String]] = [:]

    /// The names in braces of a template.
    static func slots(_ template: String) -> Set<String> {
        Set(template.split(separator: "{").dropFirst().map { String($0.prefix { $0 != "}" }) })
    }
}

extension Prose {
    /// A template with its places filled.
    init(_ phrase: Phrase, _ language: Language, _ values: [String: Prose] = [:]) {
        var prose = Prose()
        let template = phrase.template(language)
        for (index, part) in template.split(separator: "{", omittingEmptySubsequences: false)
            .enumerated()
        {
            guard index > 0 else {
                prose += Prose(String(part))
                continue
            }
            let pieces = part.split(separator: "}", maxSplits: 1, omittingEmptySubsequences: false)
            prose += values[String(pieces[0])] ?? Prose()
            prose += Prose(String(pieces.count > 1 ? pieces[1] : ""))
        }
        self = prose
    }
}
