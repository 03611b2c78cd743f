import SelatCore
import Testing

@testable import SelatPolicy

/// What rules say in plain sentences.
@Suite("Sentences")
struct SentenceTests {
    static func sentences(_ language: Language = .en) throws -> Sentences {
        Sentences(
            set: try FrozenPolicies.load(), texts: PolicyTexts(try FrozenPolicies.sources()),
            language: language)
    }

    static func rule(_ name: String, _ language: Language = .en) throws -> RuleSentences {
        let sentences = try sentences(language)
        for file in sentences.set.files {
            for rule in file.rules where "\(file.name)/\(rule.name)" == name {
                return sentences.sentences(rule, of: file)
            }
        }
        throw ShippedPolicies.Absent(text: name)
    }

    @Test(
        "each kind of rule, condition and obligation has a sentence",
        arguments: [
            (
                "MY/equivalent-protection",
                "Sending from Malaysia to another country is permitted on this ground if the "
                    + "dataset holds personal data, an officer has attested “Transfer impact "
                    + "assessment for the destination”, the purposes are nothing but “Public "
                    + "benefit” and the classification is at most restricted."
            ),
            (
                "VN/core-or-important-data",
                "Whatever any ground says, sending from Viet Nam to another country is forbidden "
                    + "if the national categories include “Dữ liệu cốt lõi” or “Dữ liệu quan "
                    + "trọng”, unless at least one of these holds: (1) an officer has attested "
                    + "“Approval of the Ministry of Public Security”; (2) an emergency officer has "
                    + "declared an emergency."
            ),
            (
                "SG/breach",
                "Sending from Singapore to another country or receiving in Singapore from another "
                    + "country brings a duty if the dataset holds personal data."
            ),
            (
                "VN/receive",
                "Receiving in Viet Nam from another country is permitted on this ground in every "
                    + "case."
            ),
            (
                "ASEAN/emergency-is-relief-only",
                "Whatever any ground says, any transfer between members is forbidden if an "
                    + "emergency officer has declared an emergency, unless the purposes are nothing "
                    + "but “Humanitarian assistance” and “Early warning”."
            ),
        ])
    func eachRuleHasASentence(_ name: String, _ sentence: String) throws {
        #expect(try Self.rule(name).sentence.plain == sentence)
    }

    @Test func obligationsSayWhoOwesWhatByWhen() throws {
        let owed = try Self.rule("MY/equivalent-protection").obligations.map(\.plain)
        #expect(
            owed == [
                "One person with the role “Data protection officer” at the sender approves before "
                    + "the release.",
                "The recipient destroys the dataset at most 180 days after delivery.",
            ])
        // A duty in two flows is owed by the node in the file's own country.
        #expect(
            try Self.rule("SG/breach").obligations.map(\.plain) == [
                "The node in Singapore reports a breach to “Personal Data Protection Commission” "
                    + "within 3 days of assessing the breach, each time."
            ])
        #expect(
            try Self.rule("SG/contract-naming-countries").obligations.map(\.plain) == [
                "The recipient sends the dataset on only to the countries that every covering "
                    + "agreement names."
            ])
    }

    @Test func aCitationSaysWhomItBinds() throws {
        #expect(
            try Self.rule("SG/consent").citation.plain
                == "Basis: Personal Data Protection Regulations 2021 (S 63/2021), reg. 10(2)-(3). "
                + "This binds business by law; whoever else applies it has adopted it.")
        #expect(
            try Self.rule("SG/receive").citation.plain.hasSuffix(
                "This is a decision of the members, not a law."))
    }

    @Test func datesAndNotesAreRemarks() throws {
        #expect(
            try Self.rule("SG/certified-recipient").remarks.map(\.plain)
                == ["It holds from 2026-03-02."])
        #expect(
            try Self.rule("VN/personal-data").remarks.first?.plain.hasPrefix("Note of the file: ")
                == true)
    }

    @Test func termsAreNamedInTheReadersLanguage() throws {
        let sentence = try Self.rule("MY/equivalent-protection", .vi).sentence
        #expect(sentence.plain.contains("“Lợi ích công cộng”"))
        #expect(
            sentence.runs.contains(.term("Lợi ích công cộng", code: "dpv:PublicBenefit", .vi)))
    }

    @Test func everyRuleThatShipsHasAFullSentence() throws {
        let set = try ShippedPolicies.load()
        let texts = PolicyTexts(try ShippedPolicies.sources())
        for language in Language.allCases {
            let sentences = Sentences(set: set, texts: texts, language: language)
            for rule in set.files.flatMap({ file in
                file.rules.map { sentences.sentences($0, of: file) }
            }) {
                for prose in [rule.sentence, rule.citation] + rule.obligations {
                    #expect(prose.plain.hasSuffix("."), "\(rule.rule): \(prose.plain)")
                    #expect(!prose.plain.contains("  "), "\(rule.rule): \(prose.plain)")
                    #expect(!prose.plain.contains { "{}".contains($0) }, "\(prose.plain)")
                }
            }
        }
    }
}

/// Templates can be translated one by one, and lose nothing.
@Suite("Templates")
struct PhraseTests {
    @Test func englishIsCompleteAndFillsWhatItNames() {
        for phrase in Phrase.allCases {
            #expect(!phrase.english.isEmpty)
            #expect(phrase.english.count { $0 == "{" } == phrase.english.count { $0 == "}" })
        }
    }

    @Test func aTranslationNamesNothingElse() {
        for table in PhraseTable.tables.values {
            for (phrase, template) in table {
                #expect(PhraseTable.slots(template) == PhraseTable.slots(phrase.english))
            }
        }
    }

    @Test func everyClosedWordHasAWording() {
        var words = ReportSubject.allCases.map(\.rawValue) + KeepSubject.allCases.map(\.rawValue)
        words += NoticeSubject.allCases.map(\.rawValue) + ReviewSubject.allCases.map(\.rawValue)
        words += Start.allCases.map { "from-\($0.rawValue)" }
        words += Recurrence.allCases.map { "once-\($0.rawValue)" }
        words += ReportRecipient.allCases.map { "\($0.rawValue)-as-recipient" }
        words += Side.allCases.map { "owes-\($0.rawValue)" }
        words += Sector.allCases.map(\.rawValue) + SourceKind.allCases.map(\.rawValue)
        words += KnownFact.allCases.map(\.rawValue)
        words += FactOrigin.allCases.map { "by-\($0.rawValue)" }
        words += Verdict.Outcome.allCases.map(\.rawValue)
        for word in words { #expect(ClosedWords.english[word] != nil, "\(word)") }
    }

    @Test func aFilledPlaceIsNeverATemplate() {
        let prose = Prose(.note, .en, ["note": Prose("{note} {country}")])
        #expect(prose.plain == "Note of the file: {note} {country}")
    }
}
