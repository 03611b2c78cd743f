package import SelatCore

/// One file of a policy set, as its bytes: this module opens nothing.
package struct PolicySource: Hashable, Sendable {
    /// The name that diagnostics show; its last component must be the jurisdiction and `.yaml`.
    package let name: String
    package let bytes: [UInt8]

    package init(name: String, bytes: [UInt8]) {
        self.name = name
        self.bytes = bytes
    }
}

/// A position in a file, both from 1; columns count Unicode scalars.
package struct Place: Hashable, Sendable, Comparable {
    package let line: Int
    package let column: Int

    package init(line: Int, column: Int) {
        self.line = line
        self.column = column
    }

    package static func < (a: Self, b: Self) -> Bool { (a.line, a.column) < (b.line, b.column) }
}

/// What is wrong, or doubtful, at one place of a file.
package struct PolicyDiagnostic: Hashable, Sendable, CustomStringConvertible {
    package enum Severity: String, Sendable { case error, warning }

    /// Stable names of faults: they are never renamed, new ones may be added.
    package enum Code: String, CaseIterable, Sendable {
        case encoding
        case size
        case depth
        case syntax
        case yamlFeature = "yaml-feature"
        case duplicateKey = "duplicate-key"
        case unknownKey = "unknown-key"
        case missingKey = "missing-key"
        case wrongType = "wrong-type"
        case unquoted
        case number
        case duration
        case date
        case unknownWord = "unknown-word"
        case unknownFact = "unknown-fact"
        case unknownTerm = "unknown-term"
        case unknownSource = "unknown-source"
        case unknownCountry = "unknown-country"
        case bareList = "bare-list"
        case someOfInGround = "some-of-in-ground"
        case emptyCondition = "empty-condition"
        case levelMissing = "level-missing"
        case unseenByRelay = "unseen-by-relay"
        case doubled
        case prefix
        case cannotApply = "cannot-apply"
        case missingUntil = "missing-until"
        case untilTooLate = "until-too-late"
        case contradictoryDates = "contradictory-dates"
        case uncited
        case oneParty = "one-party"
        case agreementSignature = "agreement-signature"
        case misplaced
        case unused
        case fileName = "file-name"
        case doubledFile = "doubled-file"
        case missingFile = "missing-file"
        case vocabulary
        case review
        case noEffect = "no-effect"
        case alwaysOverridden = "always-overridden"
        case sameMeaning = "same-meaning"
        case nearTerms = "near-terms"
        case unsignedAgreement = "unsigned-agreement"
        case contradictoryDuties = "contradictory-duties"
    }

    package let file: String
    package let place: Place
    package let code: Code
    package let message: String
    package let severity: Severity

    package init(
        file: String, place: Place, code: Code, message: String, severity: Severity
    ) {
        self.file = file
        self.place = place
        self.code = code
        self.message = message
        self.severity = severity
    }

    package var line: Int { place.line }
    package var column: Int { place.column }

    /// `file:line:column: message [code]`, with `warning: ` before a warning's message.
    package var description: String {
        let mark = severity == .warning ? "warning: " : ""
        return "\(file):\(line):\(column): \(mark)\(message) [\(code.rawValue)]"
    }
}

/// Every error of a policy set: nothing of it was loaded.
package struct PolicyErrors: Error, Hashable, Sendable, CustomStringConvertible {
    /// In the order of files and places; at least one.
    package let diagnostics: [PolicyDiagnostic]

    package var description: String {
        diagnostics.map(\.description).joined(separator: "\n")
    }
}

/// Why a question cannot be put to a policy set at all; an answer to it would mean nothing.
package enum QuestionError: Error, Hashable, Sendable, CustomStringConvertible {
    case unknownFact(_ fact: String, nearest: String?)
    case unknownTerm(_ term: String, fact: String, nearest: String?)
    case wrongType(fact: String, expected: String)
    /// Only a computation, the label or an officer gives this fact; a sender cannot state it.
    case notForSenders(fact: String, from: String)
    case unknownGround(_ ground: String, nearest: String?)
    case malformedRecord(CoreError)

    package var description: String {
        switch self {
        case .unknownFact(let fact, let nearest):
            "unknown fact `\(fact)`\(Nearest.hint(nearest))"
        case .unknownTerm(let term, let fact, let nearest):
            "`\(term)` is no value of the fact `\(fact)`\(Nearest.hint(nearest))"
        case .wrongType(let fact, let expected):
            "the fact `\(fact)` must be \(expected)"
        case .notForSenders(let fact, let from):
            "the fact `\(fact)` cannot be stated: it comes from \(from)"
        case .unknownGround(let ground, let nearest):
            "`\(ground)` is no ground of the source's file\(Nearest.hint(nearest))"
        case .malformedRecord(let error): "verdict record: \(error)"
        }
    }
}
