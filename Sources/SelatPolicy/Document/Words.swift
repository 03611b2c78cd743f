// The closed words of the language. A word that stands nowhere here and in no vocabulary is refused.

/// The direction in which a file is asked about a transfer.
package enum Flow: String, CaseIterable, Sendable {
    case export, `import`, transit, onward, domestic
}

/// How far a file's text goes back to law: a stamp in every verdict, not another default.
package enum Standing: String, CaseIterable, Sendable {
    case draft, published
    case noLaw = "no-law"
}

/// The nature of a source of law.
package enum SourceKind: String, CaseIterable, Sendable {
    case statute, regulation, treaty, policy
}

/// Who owes an obligation.
package enum Side: String, CaseIterable, Sendable {
    case source, destination
    /// Each of the two ends, for itself: rules of the federation.
    case both
    /// Each relay of the country whose file asks for it.
    case relay
}

/// What is done to the persons' data of some categories before it leaves, strongest first.
package enum Transform: String, CaseIterable, Sendable {
    case remove, mask, pseudonymise, generalise
}

/// The event from which a debt's time runs.
package enum Start: String, CaseIterable, Sendable {
    case transfer, delivery
    case firstTransfer = "first-transfer"
    case breachDetection = "breach-detection"
    case breachAwareness = "breach-awareness"
    case breachAssessment = "breach-assessment"
    case emergencyEnd = "emergency-end"
    case contractSignature = "contract-signature"
}

/// How often a debt arises.
package enum Recurrence: String, CaseIterable, Sendable {
    case perTransfer = "per-transfer"
    case perFlow = "per-flow"
    case perEvent = "per-event"
}

/// What a report is about.
package enum ReportSubject: String, CaseIterable, Sendable {
    case dossier, transfer, breach, update
    case breachInFull = "breach-in-full"
    case afterAction = "after-action"
}

/// What is kept.
package enum KeepSubject: String, CaseIterable, Sendable {
    case original, evidence
    case processingLog = "processing-log"
    case incidentFile = "incident-file"
}

/// What a notice tells the recipient.
package enum NoticeSubject: String, CaseIterable, Sendable {
    case purposeLimit = "purpose-limit"
}

/// By when a notice is acknowledged.
package enum Acknowledgement: String, CaseIterable, Sendable {
    case beforeRelease = "before-release"
}

/// What a person reviews.
package enum ReviewSubject: String, CaseIterable, Sendable {
    case aiOutput = "ai-output"
}

/// Recipients of reports that are no authority of a file.
package enum ReportRecipient: String, CaseIterable, Sendable {
    case dataSubjects = "data-subjects"
    case allParties = "all-parties"
    case sender
}
