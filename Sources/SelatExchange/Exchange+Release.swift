import SelatCore
import SelatCrypto
import SelatDelivery
import SelatEnvelope
import SelatEvidence
import SelatFederation
import SelatPolicy
import SelatStore
import SelatTransport

// The sender's road, between sealing and the link: the verdict is made again, and the head is signed.

extension Exchange {
    /// A header as it was signed, and the verdict under which.
    struct Released: Sendable {
        let envelope: Digest
        let header: [UInt8]
        /// The whole head, where it goes into the database with the record; others are in the spool by then.
        let head: OfferedHead?
        let route: [NodeID]
        let verdict: Verdict
        /// What the verdict was made from.
        let prepared: Prepared
        /// What it adds to the counters, also to those that an edition brought meanwhile.
        let raised: [CountedRow]
        /// The digests of the approvals that it carries.
        let approvals: [Digest]

        /// What the log says of it, beside to whom it goes.
        var details: JSON.Object {
            var details: JSON.Object = [
                "envelope": .string(envelope.text), "verdict": verdict.json,
            ]
            if route.count > 2 { details["route"] = .strings(route.map(\.text)) }
            if !approvals.isEmpty { details["approvals"] = .strings(approvals.map(\.text)) }
            return details
        }
    }

    /// Makes the verdict again and signs the head of this attempt, over the first route that is open
    /// and lawful.
    nonisolated(nonsending) func release(
        _ delivery: Delivery, attempt: UInt64
    ) async throws -> Sender.Event {
        do {
            try witnesses.requireExchange()
            // One that was cut, or takes nothing any more, is named as that.
            _ = try recipient(delivery.to, at: clock.now())
            let ways = try await ways(of: delivery.row)
            var refusal: Sender.Event?
            for route in try delivery.choice.routesToJudge(of: ways) {
                let event = try await release(delivery, over: route, attempt: attempt)
                if event.isRelease { return event }
                refusal = refusal ?? event
            }
            // A refusal may end it, and the clock have been set meanwhile.
            if case .releaseRefused? = refusal { await lookAtClock() }
            return refusal
                ?? .blocked(
                    cause: "no route leads to \(delivery.to); see `selat route`", isAnother: false)
        } catch {
            if Self.isOwnFault(error) || Task.isCancelled { throw error }
            return .failed(cause: "\(error)")
        }
    }

    private nonisolated(nonsending) func release(
        _ delivery: Delivery, over route: [NodeID], attempt: UInt64
    ) async throws -> Sender.Event {
        let (id, row) = (delivery.id, delivery.row)
        guard let wrapped = row.contentKey else { throw ServiceProblem.unknownTransfer(id) }
        let judged: JudgedAgain
        var kept: [ApprovalRow] = []
        if let known = delivery.takeVerdict(over: route) {
            judged = known
        } else {
            kept = try store.lookUp { try $0.approvals(of: id) }
            judged = try await judgeAgain(row, over: route)
        }
        let again = judged.again
        if let reason = suiteFault(judged.record.core, again.verdict) {
            return .releaseRefused(cause: reason)
        }
        guard let permit = again.permit else {
            return .releaseRefused(
                cause: "judged again at release: \(again.verdict.outcome.rawValue)")
        }
        guard judged.permit != nil else {
            return .releaseRefused(
                cause: "judged again at release: other grounds or duties than those it was sealed"
                    + " under; send it anew")
        }
        // Verified once more: meanwhile one may have expired, or its officer been revoked.
        let approvals = kept.isEmpty ? [] : counting(kept, judged.rules, at: clock.now())
        let counted = approvals.compactMap(\.approval)
        guard let release = permit.release(approvals: counted, again: again) else {
            return .approvalsOwed(
                cause: "owed: \(ApprovalDebt.list(permit.outstanding(counted)))")
        }
        let (record, request) = (judged.record, judged.request)
        let key = try ContentKey(stored: try storageKey.unwrap(wrapped, for: .outbound(id)))
        let (head, envelope) = try EnvelopeHead.sign(
            release: release, core: record.core, keys: record.keys, contentKey: key,
            dataset: request.dataset, approvals: approvals.map(\.message),
            statements: judged.presented.messages,
            series: request.series?.text,
            payload: try await payload(of: id, record),
            attempt: EnvelopeHead.Attempt(
                number: attempt, route: route,
                precedence: row.precedence, membershipSerial: federation.serial,
                membershipDigest: federation.listDigest, transit: again.verdict.transitEditions),
            signer: try identity.signer(for: record.core.suite), at: clock.now())
        let encoded = head.encoded()
        if !delivery.isHeadStored {
            try await spool.write(encoded, to: SpoolFolder.Name(outbound: id), .head)
        }
        delivery.released = Released(
            envelope: envelope, header: head.headerCMS,
            head: delivery.isHeadStored
                ? OfferedHead(
                    bytes: encoded, envelope: envelope, payloadSize: head.payloadSize) : nil,
            route: route,
            verdict: again.verdict, prepared: judged.prepared, raised: judged.raised,
            approvals: approvals.map(\.digest))
        let next = route.count > 1 ? route[1] : row.to
        // Over another link than the one that it waited for it does not leave at once.
        if delivery.isHeadStored, !delivery.sender.handedOn, delivery.connection == nil,
            next == delivery.link,
            encoded.count + Int(clamping: record.payload.size) <= Limits.inlinePackageBytesMax
        {
            delivery.connection = await peers.takeKept(next)
        }
        return delivery.connection == nil ? .released : .releasedAtOnce
    }
}

extension Transaction {
    /// Keeps what was signed for a release, and counts what it adds to counters.
    func keep(_ released: Exchange.Released, of id: TransferID) throws {
        if let head = released.head {
            try keep(head.bytes, as: .head, of: SpoolFolder.Name(outbound: id))
        }
        try keep(header: released.header, of: released.envelope)
        for row in released.raised { try count(row) }
    }
}
