package import SelatCore

/// Everything about one transfer that a verdict may depend on, beside the policy set itself.
///
/// The route, the sectors, the serial, lineage, documents, emergency and counters come from the
/// node's own books; only `facts` and `ground` come from the sender, and `label` from the one who
/// releases. The same question to the same editions gives the same bytes, anywhere.
package struct Question: Hashable, Sendable {
    package var source: NodeID
    package var destination: NodeID
    /// The nodes between the two ends, in order.
    package var relays: [NodeID]
    /// Sectors of the members on the route, from the membership list.
    package var sectors: [Country: Sector]
    package var membershipSerial: UInt64
    /// The moment of the decision, by the sender's clock.
    package var decided: Timestamp
    /// Without a label the answer is no.
    package var label: Label?
    /// What the sender states and an inspection found, by the vocabulary's names. Facts that come
    /// from elsewhere are refused here.
    package var facts: Facts
    /// The ground that the sender relies on, `SG/not-personal`; nil takes the first that applies.
    package var ground: String?
    /// Countries from which the dataset, or a part of it, was received.
    package var lineage: Set<Country>
    /// What is owed for the datasets received that this one derives from.
    package var received: Set<Received>
    /// Documents that an officer of the fitting role has attested for this transfer.
    package var documents: Set<String>
    /// Whether an emergency officer's declaration covers this transfer.
    package var isEmergency: Bool
    /// Counters of the source's file by name, this transfer included.
    package var counters: [String: UInt64]
    /// The version of the language that answers.
    package var semantics: Semantics

    package init(
        source: NodeID, destination: NodeID, relays: [NodeID] = [],
        sectors: [Country: Sector], membershipSerial: UInt64, decided: Timestamp, label: Label?,
        facts: Facts, ground: String? = nil, lineage: Set<Country> = [],
        received: Set<Received> = [], documents: Set<String> = [], isEmergency: Bool = false,
        counters: [String: UInt64] = [:],
        semantics: Semantics = .current
    ) {
        self.source = source
        self.destination = destination
        self.relays = relays
        self.sectors = sectors
        self.membershipSerial = membershipSerial
        self.decided = decided
        self.label = label
        self.facts = facts
        self.ground = ground
        self.lineage = lineage
        self.received = received
        self.documents = documents
        self.isEmergency = isEmergency
        self.counters = counters
        self.semantics = semantics
    }

    /// What the destination's own editions are asked, by the version of new verdicts: the answer is a
    /// verdict of the destination's own, whichever version the sender's names.
    ///
    /// Between two countries no file that judges an import asks for the sender's ground or for a
    /// counter: both are names of the source's file, of which the destination may go by another
    /// edition.
    package var ofImport: Question {
        var question = self
        question.semantics = .current
        guard source.country != destination.country else { return question }
        question.ground = nil
        question.counters = [:]
        return question
    }

    /// The question that a verdict answered, so that a recipient can put it again.
    /// - Throws: `QuestionError.malformedRecord` unless `record` is a verdict's canonical record.
    package init(record: [UInt8]) throws(QuestionError) {
        self = try Verdict(record: record).question
    }
}
