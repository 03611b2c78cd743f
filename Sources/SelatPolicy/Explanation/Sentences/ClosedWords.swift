/// How the closed words of the language read in a sentence. A word that has no wording in a language
/// stands in English.
enum ClosedWords {
    static func text(_ word: String, _ language: Language) -> String {
        tables[language]?[word] ?? english[word] ?? word
    }

    /// Translations; English is complete.
    static let tables: [Language: [String: String]] = [:]

    static let english: [String: String] = [
        // Facts
        "source": "the sending country", "destination": "the receiving country",
        "source-sector": "the sender's sector", "destination-sector": "the recipient's sector",
        "relays": "the countries on the route", "classification": "the classification",
        "releasable-to": "the countries to which the label releases it",
        "tlp": "the Traffic Light Protocol", "personal-data": "personal data",
        "categories": "the categories of personal data", "subjects": "the persons concerned",
        "subject-nationalities": "the nationalities of the persons",
        "data-subjects": "the number of persons", "records": "the number of records",
        "identifiability": "identifiability", "special-category": "special data",
        "national-category": "the national categories",
        "collected-in": "the countries where it was collected", "purpose": "the purposes",
        "legal-basis": "the legal bases", "ai-use": "the uses for AI", "emergency": "an emergency",
        "safeguard": "the agreements", "document": "the attested documents",
        "lineage": "the countries from which it was received",
        "label": "the label",
        // Sectors, sources
        "defence": "defence", "public": "public bodies", "business": "business",
        "statute": "statute", "regulation": "regulation", "treaty": "treaty",
        "policy": "decision",
        // Reports and what they start from
        "dossier": "the dossier", "transfer": "the transfer", "breach": "a breach",
        "breach-in-full": "a breach in full", "after-action": "what was done in the emergency",
        "update": "an update",
        "data-subjects-as-recipient": "the persons concerned",
        "all-parties-as-recipient": "all members", "sender-as-recipient": "the sender",
        "from-transfer": "of the transfer", "from-first-transfer": "of the first transfer",
        "from-delivery": "of the delivery", "from-breach-detection": "of detecting the breach",
        "from-breach-awareness": "of becoming aware of the breach",
        "from-breach-assessment": "of assessing the breach",
        "from-emergency-end": "of the end of the emergency",
        "from-contract-signature": "of signing the contract",
        "once-per-transfer": "for each transfer",
        "once-per-flow": "once for each recipient", "once-per-event": "each time",
        // What is kept, told, reviewed
        "original": "the original", "evidence": "the evidence",
        "processing-log": "the log of processing", "incident-file": "the file on an incident",
        "purpose-limit": "the limits of the purpose",
        "ai-output": "what an AI model makes of the dataset",
        // Who vouches for a fact
        "by-stated": "stated", "by-inspected": "inspected",
        "by-assumed": "assumed", "by-computed": "from the node's books",
        "by-attested": "attested",
        // Answers
        "permitted": "permitted", "refused": "refused", "incomplete": "facts missing",
        // Who owes
        "owes-source": "the sender", "owes-destination": "the recipient",
        "owes-both": "each of the two ends", "owes-relay": "the relay",
    ]
}
