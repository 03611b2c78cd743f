import SelatAudit
import SelatCore
import SelatCrypto
import SelatEnvelope
import SelatEvidence
import SelatFederation
import SelatPolicy
import SelatStore
import SelatTestSupport

@testable import SelatExchange

// What a sender shows that has signed and entered what it liked: its log is whole, and its proofs are good.

extension TestFederation {
    /// - Parameters:
    ///   - permitted: the verdict under which it was sealed.
    ///   - released: the verdict at its release; the same where nil.
    ///   - approvals: went with it.
    ///   - isEntered: whether they were entered when they were given.
    ///   - relay: the node between the two ends.
    ///   - membership: when it was settled; that of the start where nil.
    ///   - former: what is shown of the release beside that.
    func shown(
        _ sealing: Sealing, _ permitted: Verdict, released: Verdict? = nil,
        approvals: [[UInt8]] = [], isEntered: Bool = true, relay: NodeID? = nil,
        membership: MembershipDocuments? = nil, former: Evidence.Former = .nothing
    ) async throws -> Evidence {
        let (id, released) = (sealing.core.id, released ?? permitted)
        let head = try EnvelopeHead(
            parsing: try self.head(sealing, verdict: released, relay: relay, approvals: approvals))
        let digests = approvals.map { JSON.string(SHA256.digest($0).text) }
        var drafts = [
            EntryDraft(
                kind: "transfer.permitted", transfer: id, details: ["verdict": permitted.json])
        ]
        for digest in isEntered ? digests : [] {
            drafts.append(
                EntryDraft(kind: "approval.given", transfer: id, details: ["digest": digest]))
        }
        drafts.append(
            EntryDraft(
                kind: "transfer.released", transfer: id,
                details: [
                    "envelope": .string(try head.unverifiedIdentity().text),
                    "verdict": released.json, "approvals": .array(digests),
                ]))
        _ = try await sender.store.commit { [drafts] transaction in
            for draft in drafts { try transaction.append(draft) }
        }
        let rows = try await sender.store.entries(EntryFilter(transfer: id))
        let proofs = try await sender.store.proofs(of: rows.map(\.entry.sequence))
        return Evidence(
            subject: Evidence.Subject(
                federation: federation.id, maker: sender.id, from: sender.id, to: recipient.id,
                id: id, made: clock.now()),
            membership: membership ?? federation.documents, header: head.headerCMS,
            entries: zip(rows, proofs).map { row, proof in
                ProvenEntry(entry: row.entry, details: row.details, salt: row.salt, proof: proof)
            },
            receipt: nil, policies: [:],
            approvals: Dictionary(
                approvals.map { (SHA256.digest($0), $0) }, uniquingKeysWith: { first, _ in first }),
            former: former)
    }
}

extension Evidence {
    /// The same without the details of the entries of these kinds: erased, or left out by the maker.
    func withoutDetails(of kinds: EntryKind...) throws -> Evidence {
        var files = self.files
        for entry in entries where kinds.contains(entry.entry.kind) {
            files["log/\(entry.entry.sequence).details.json"] = nil
            files["log/\(entry.entry.sequence).salt"] = nil
        }
        return try Evidence(files: files)
    }
}
