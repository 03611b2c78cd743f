import SelatAudit
import SelatCore
import SelatCrypto
import SelatDelivery
import SelatEnvelope
import SelatFederation
import SelatPolicy
import SelatStore

// Whether a signed head may still go out as it lies in the spool.

extension Exchange {
    /// What keeps the head in the spool from being offered as it is; nil where nothing does.
    ///
    /// The head is written before its release is committed, so after a crash the spool may hold one
    /// that the log does not tell of. Nor is one of use that nobody believes any more. And what it
    /// rests on may have changed since: then the verdict is made again before more of the payload
    /// leaves.
    func lack(of id: TransferID, attempt: UInt64) async -> Sender.Event? {
        guard attempt > 0 else { return nil }
        do {
            let released = try await store.read { try $0.released(id) }
            let head = try EnvelopeHead(
                parsing: await part(.head, of: SpoolFolder.Name(outbound: id)))
            guard released?["envelope"]?.stringValue == (try head.unverifiedIdentity().text) else {
                return .headLost
            }
            let signers = identity.signers.values.map(\.certificate)
            if try isSignedInVain(head, others: signers) { return .headLost }
            return try await restsOnWhatIsInForce(released, id) ? nil : .basisMoved
        } catch is FileFault {
            return .headLost
        } catch is EnvelopeError {
            return .headLost
        } catch {
            // Where it cannot be told, the release says why.
            return .basisMoved
        }
    }

    /// Whether nobody believes a head any more, and would if it were signed again: its certificate
    /// has left the sender's record, is over or revoked. Where no other is good, another signature
    /// would be in vain too.
    /// - Parameter others: with which it could be signed now.
    func isSignedInVain(_ head: EnvelopeHead, others: [Certificate]) throws -> Bool {
        let (federation, now) = (federation, clock.now())
        let message = try CMS.Unverified(parsing: head.headerCMS, type: .header)
        let core = try Header(parsing: message.content).core
        do {
            _ = try message.verify { try federation.signer($0, node: core.from, at: now) }
            return false
        } catch {
            let fitting = others.filter { $0.publicKey.kind == core.suite.curve }
            return fitting.contains {
                (try? federation.signer($0.issuerAndSerial, node: core.from, at: now)) != nil
            }
        }
    }

    /// - Parameter released: the details of the entry that names the head.
    private func restsOnWhatIsInForce(_ released: JSON?, _ id: TransferID) async throws -> Bool {
        let (found, kept) = try store.lookUp { (try $0.outbound(id), try $0.approvals(of: id)) }
        // After the list expired nothing new is sent; what was released before still arrives.
        guard clock.now() < federation.expires else { return true }
        guard let row = found, let record = released?["verdict"] else { return false }
        let stated = try Verdict(record: record.canonical)
        let judged = try await judgeAgain(row, over: row.route.isEmpty ? nil : row.route)
        let now = judged.again.verdict
        guard judged.permit != nil, now.editions == stated.editions,
            now.question.membershipSerial == stated.question.membershipSerial
        else { return false }
        let counting = counting(kept, judged.rules, at: clock.now()).map(\.digest.text)
        let carried = released?["approvals"]?.arrayValue?.compactMap(\.stringValue) ?? []
        return Set(carried).isSubset(of: counting)
    }

    /// The counters are read before a release is committed, and another's release may be committed in
    /// between that counts for the first time, by a new edition: each would be judged without the
    /// other.
    /// - Parameter verdict: under which it is released.
    /// - Throws: `ServiceProblem` where the sums of now permit no more, or on another basis; it is
    ///   judged again then.
    func requireWithinLimits(
        _ prepared: Prepared, _ verdict: Verdict, _ id: TransferID, in transaction: Transaction
    ) throws {
        guard !verdict.question.counters.isEmpty else { return }
        let again = try decide(prepared, id) { try transaction.counted(in: $0) }.decision
        guard again.permit != nil, again.verdict.hasSameBasis(as: verdict) else {
            throw ServiceProblem.notReady(
                "what others have sent has raised a counter of `\(id)` meanwhile",
                remedy: "it is judged again by itself")
        }
    }
}

extension Snapshot {
    /// The details of the entry that names the newest head of a transfer; nil before the first release, and
    /// where they were erased.
    func released(_ id: TransferID) throws -> JSON? {
        let filter = EntryFilter(
            transfer: id, kind: try EntryKind(Sender.releasedKind), newest: true, limit: 1)
        return try entries(filter).first?.details.map { try JSON(parsing: $0) }
    }
}

extension Transaction {
    /// A verdict is made before its release is committed, and an edition or a list may be committed
    /// in between.
    /// - Throws: `ServiceProblem` where this commit follows one that the verdict does not know; it is
    ///   made again then.
    func requireNothingNewer(than verdict: Verdict, for id: TransferID) throws {
        let active = try activeEditions()
        let isActive = verdict.editions.allSatisfy { name, edition in
            active[name].map { $0 == edition.digest } ?? true
        }
        guard isActive, try newestListSerial() <= verdict.question.membershipSerial else {
            throw ServiceProblem.notReady(
                "what `\(id)` was judged under has changed meanwhile",
                remedy: "it is judged again by itself")
        }
    }
}
