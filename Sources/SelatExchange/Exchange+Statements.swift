import SelatAudit
import SelatCore
import SelatCrypto
import SelatDelivery
package import SelatFederation
import SelatPolicy
package import SelatStore

// Officers' statements: handed over by an operator, verified, kept, used while they count, and
// verified again by the recipient.

extension Exchange {
    /// A statement that is kept here.
    package struct KeptStatement: Sendable {
        package let row: StatementRow
        /// Nil where it cannot be read.
        package let statement: OfficerStatement?
        /// Nil where the signature is not good any more.
        package let officer: MemberRecord.Officer?
        /// Why it opens nothing now, whatever the destination; nil where it may.
        package let fault: String?
    }

    /// Verifies a statement and keeps it.
    /// - Throws: `Problem` for one that is not good, or that can never count here.
    package func take(
        statement message: [UInt8], by user: UInt32
    ) async throws -> KeptStatement {
        let now = clock.now()
        let verified: VerifiedStatement
        do {
            verified = try federation.verifyStatement(message, at: now)
            try verified.statement.requirePlainText()
        } catch {
            throw ServiceProblem.badStatement("\(error)")
        }
        if let fault = fault(in: verified, at: now) { throw ServiceProblem.badStatement(fault) }
        let kind = verified.statement.type == .attestation ? "attestation" : "declaration"
        let row = StatementRow(
            digest: verified.digest, kind: kind, from: verified.statement.from, taken: now,
            message: message)
        let entry = EntryDraft(
            kind: "statement.taken", actor: .user(user),
            details: [
                "digest": .string(verified.digest.text),
                "officer": .string(verified.officer.id.text),
                "statement": verified.statement.json,
            ])
        _ = try await store.commit { transaction in
            if try transaction.keep(row) { try transaction.append(entry) }
        }
        return KeptStatement(
            row: row, statement: verified.statement, officer: verified.officer, fault: nil)
    }

    /// The newest statements with what they are worth now.
    package func statements(limit: Int) async throws -> [KeptStatement] {
        let now = clock.now()
        return try await store.read { try $0.statements(limit: limit) }.map { row in
            let statement = try? Self.unverified(row)
            do {
                let verified = try federation.verifyStatement(row.message, at: now)
                return KeptStatement(
                    row: row, statement: statement, officer: verified.officer,
                    fault: fault(in: verified, at: now))
            } catch {
                return KeptStatement(
                    row: row, statement: statement, officer: nil, fault: "\(error)")
            }
        }
    }

    private func fault(in verified: VerifiedStatement, at now: Timestamp) -> String? {
        let statement = verified.statement
        let to: NodeID
        switch statement {
        case .attestation(let attestation): to = attestation.to
        case .declaration(let declaration):
            // Any node of a country that it names will do.
            guard let country = declaration.to.first,
                let node = try? NodeID("\(country)/any")
            else { return "it names no country" }
            to = node
        }
        // What was signed a moment ago by a clock that is a little ahead is taken all the same.
        let decided = max(now, min(statement.issued, now + Limits.clockSkewSecondsMax))
        return StatementRules(policies: policies, from: identity.node, to: to, decided: decided)
            .fault(in: verified)
    }

    private static func unverified(_ row: StatementRow) throws -> OfficerStatement {
        let type: CMSContentType = row.kind == "attestation" ? .attestation : .declaration
        return try OfficerStatement(
            content: try CMS.unverifiedContent(row.message, type: type), type: type)
    }

    // MARK: Sending

    /// What counts for a request that is judged now: every document that is attested, and the
    /// emergency that it names.
    /// - Throws: `Problem` where no such emergency is declared.
    func presented(
        for request: OutboundRequest, by policies: PolicySet, at now: Timestamp
    ) async throws -> Presented {
        let destination = request.to
        let rules = StatementRules(
            policies: policies, from: identity.node, to: destination, decided: now)
        var presented = Presented()
        for row in try await store.read({ try $0.statements(limit: Limits.statementsKeptMax) }) {
            // Cheap questions first: a signature takes a hundred microseconds to verify.
            guard let statement = try? Self.unverified(row), statement.covers(destination),
                statement.isMeant(by: request.emergency),
                let verified = try? federation.verifyStatement(row.message, at: now),
                rules.fault(in: verified) == nil
            else { continue }
            presented.take(Presented.Shown(message: row.message, verified: verified))
        }
        if let emergency = request.emergency, presented.emergency == nil {
            throw ServiceProblem.badFacts(
                "no declaration `\(emergency)` covers transfers to `\(destination)` now")
        }
        return presented
    }

    // MARK: Receiving

    /// What the statements of a manifest show, each of which must count, and none twice.
    /// - Returns: why they are refused, or nothing: for good where they and the verdict contradict each other, and
    ///   not where a newer record, which one end may have before the other, can lead to another answer.
    func fault(
        in messages: [[UInt8]], of question: Question, by pinned: PolicySet, at now: Timestamp
    ) -> (Recipient.Refusal, String)? {
        let rules = StatementRules(
            policies: pinned, from: question.source, to: question.destination,
            decided: question.decided)
        var documents: Set<String> = []
        var isEmergency = false
        for message in messages {
            let verified: VerifiedStatement
            do { verified = try federation.verifyStatement(message, at: now) } catch {
                return (.approvalInvalid, "an officer's statement: \(error)")
            }
            if let fault = rules.fault(in: verified) {
                return (
                    rules.isByRole(verified) ? .verdictDiffers : .approvalInvalid,
                    "an officer's statement: \(fault)"
                )
            }
            switch verified.statement {
            case .attestation(let attestation):
                guard documents.insert(attestation.document).inserted else {
                    return (
                        .verdictDiffers, "two statements attest `\(attestation.document)`"
                    )
                }
            case .declaration:
                guard !isEmergency else {
                    return (.verdictDiffers, "two statements declare an emergency")
                }
                isEmergency = true
            }
        }
        if let missing = question.documents.subtracting(documents).min() {
            return (.verdictDiffers, "no officer's statement attests `\(missing)`")
        }
        if let unused = documents.subtracting(question.documents).min() {
            return (.verdictDiffers, "the verdict does not rest on `\(unused)`, which is attested")
        }
        guard isEmergency == question.isEmergency else {
            let reason =
                isEmergency
                ? "the verdict does not rest on the emergency that is declared"
                : "no officer's statement declares the emergency"
            return (.verdictDiffers, reason)
        }
        return nil
    }
}

extension OfficerStatement {
    /// Whether a request asks for it: documents always count, an emergency only where it is named.
    fileprivate func isMeant(by emergency: String?) -> Bool {
        switch self {
        case .attestation: true
        case .declaration(let declaration): declaration.reference == emergency
        }
    }
}
