import SelatCore
import SelatCrypto
import SelatEvidence
import SelatFederation
import SelatPolicy
import SelatStore
import SelatTestSupport

@testable import SelatExchange

// What officers say about one transfer in tests, honestly or not.

extension TestFederation {
    /// A harmless dataset for which an officer's approval is owed.
    func inference() throws -> OutboundRequest { try request().with(use: "inference") }

    /// A signed word on a transfer that waits at a node.
    func word(
        on id: TransferID, at waiting: TestNode? = nil, by role: String = "releasing-officer",
        role stated: String? = nil, of node: TestNode? = nil,
        side: ApprovalStatement.Side = .source, decision: ApprovalStatement.Decision = .approve,
        review: ApprovalStatement.Review = .dataset, reason: String = "checked",
        isBreakGlass: Bool = false, issued: Int64 = 0, life: Int64 = 3_600,
        subjectOf other: TransferID? = nil, signer: CMS.Signer? = nil,
        _ change: (ApprovalStatement.Subject) -> ApprovalStatement.Subject = { $0 }
    ) async throws -> [UInt8] {
        let waiting = waiting ?? sender
        let subject = try await subject(of: other ?? id, at: waiting)
        return try word(
            about: change(subject), by: role, role: stated, of: node ?? waiting, side: side,
            decision: decision, review: review, reason: reason, isBreakGlass: isBreakGlass,
            issued: issued, life: life, signer: signer)
    }

    func word(
        about subject: ApprovalStatement.Subject, by role: String = "releasing-officer",
        role stated: String? = nil, of node: TestNode? = nil,
        side: ApprovalStatement.Side = .source, decision: ApprovalStatement.Decision = .approve,
        review: ApprovalStatement.Review = .dataset, reason: String = "checked",
        isBreakGlass: Bool = false, issued: Int64 = 0, life: Int64 = 3_600,
        signer: CMS.Signer? = nil
    ) throws -> [UInt8] {
        guard let officer = signer ?? (node ?? sender).officers[role] else {
            throw NoOfficer(role: role)
        }
        let issued = clock.now() + issued
        return try ApprovalStatement(
            decision, of: subject, role: stated ?? role, side: side, reason: reason,
            review: review, isBreakGlass: isBreakGlass, issued: issued, notAfter: issued + life
        ).signed(by: officer)
    }

    /// What an approval of a transfer must be about, as its sender keeps it in any state.
    private func subject(
        of id: TransferID, at node: TestNode
    ) async throws -> ApprovalStatement.Subject {
        let documents = try node.store.lookUp {
            (try $0.document(.request, of: id), try $0.document(.sealed, of: id))
        }
        guard let request = documents.0, let sealed = documents.1 else {
            throw NoOfficer(role: "no transfer \(id)")
        }
        let (asked, verdict) = try OutboundRequest.read(request)
        let record = try SealedRecord(stored: sealed)
        return ApprovalStatement.Subject(
            core: record.core, payload: record.payload, dataset: asked.dataset,
            verdict: verdict)
    }
}

extension ApprovalStatement.Subject {
    /// The same but for one part.
    func changing(_ part: Int) -> Self {
        let other = SHA256.digest([7])
        return Self(
            federation: part == 0 ? other : federation, id: id, core: part == 1 ? other : core,
            root: part == 2 ? other : root, size: part == 3 ? size + 1 : size,
            description: part == 4 ? other : description, basis: part == 5 ? other : basis,
            transit: [])
    }
}

extension OutboundRequest {
    /// The same for an artificial intelligence.
    func with(use: String) -> OutboundRequest {
        var facts = facts
        facts["ai-use"] = Fact(.set([use]), .stated)
        return OutboundRequest(
            to: to, label: label, facts: facts, ground: ground, precedence: precedence,
            dataset: dataset, series: series, derivedFrom: derivedFrom, emergency: emergency)
    }
}
