import SelatAudit
import SelatCore
import SelatCrypto
import SelatEnvelope
import SelatFederation
import SelatPolicy

// What the entries say: verdicts and receipts.

extension EvidenceVerifier {
    // MARK: Verdicts

    /// - Returns: the sequence of the first entry with a verdict of the maker's that permits.
    mutating func checkVerdicts(_ federation: Federation) -> UInt64? {
        var permitted: UInt64?
        var (documents, restsOnEmergency) = (Set<String>(), false)
        for (kind, key) in Self.verdicts {
            for (sequence, details) in entries(kind) {
                guard let json = details[key], case .object = json else { continue }
                guard let verdict = checkVerdict(json.canonical, "entry \(sequence)", federation)
                else { continue }
                documents.formUnion(verdict.question.documents)
                restsOnEmergency = restsOnEmergency || verdict.question.isEmergency
                if verdict.outcome == .permitted {
                    permitted = min(permitted ?? sequence, sequence)
                }
            }
        }
        // The maker has verified what officers signed of these; it travels in the manifest alone.
        if !documents.isEmpty {
            let named = documents.sorted().map { "`\($0)`" }.joined(separator: ", ")
            report.unproven.append("that an officer has attested \(named): it is not here")
        }
        if restsOnEmergency {
            report.unproven.append("that an officer has declared an emergency: it is not here")
        }
        return permitted
    }

    /// The entries whose details hold a verdict's record, and under which key.
    private static let verdicts = [
        ("transfer.permitted", "verdict"), ("transfer.refused", "verdict"),
        ("transfer.incomplete", "verdict"), ("transfer.released", "verdict"),
        ("transfer.received", Receipt.importKey), ("transfer.arrived", Receipt.importKey),
    ]

    mutating func checkVerdict(
        _ record: [UInt8], _ place: String, _ federation: Federation
    ) -> Verdict? {
        do {
            let verdict = try Verdict(record: record)
            guard verdict.question.source == subject.from,
                verdict.question.destination == subject.to
            else { throw EvidenceFault.differs("the verdict is about other nodes") }
            let again = try evidence.madeAgain(verdict, record, federation)
            let summary = verdict.summaryLines.joined(separator: "; ")
            report.proven.append("\(place) holds the verdict `\(verdict.outcome)`: \(summary)")
            switch again {
            case .same(let permit):
                permits[record] = permit
                report.proven.append(
                    "the verdict of \(place) is what the policy files here give: made again, byte "
                        + "for byte the same")
            case .filesMissing:
                report.unproven.append(
                    "that the verdict of \(place) follows from the policies: not every file that it "
                        + "pins is here")
            case .unsigned(let instruments):
                report.unproven.append(
                    "that the verdict of \(place) follows from the policies: it does where "
                        + Self.unsigned(instruments))
            }
            return verdict
        } catch {
            report.wrong.append("\(place): \(error)")
            return nil
        }
    }

    private static func unsigned(_ instruments: [String: Set<Country>]) -> String {
        instruments.sorted { $0.key < $1.key }.map { instrument, parties in
            let codes = parties.map(\.code).sorted().joined(separator: ", ")
            return "`\(instrument)` counts, which \(codes) had not signed in it: no member all the "
                + "time since the first list"
        }.joined(separator: "; ")
    }

    // MARK: Receipt

    mutating func checkReceipt(_ federation: Federation, _ header: Header?) {
        guard let bytes = evidence.receipt else {
            report.unproven.append("that \(subject.to) got the dataset: there is no receipt")
            return
        }
        do {
            let receipt = try Receipt(parsing: bytes)
            // Not at the moment that the statement names, which is its signer's word.
            let statement = try receipt.verify(
                signer: { try signer($0, of: subject.to, at: receipt.entry.time, federation) },
                log: try logKey(in: receipt.proof.checkpoint, subject.to, federation))
            guard try check(statement, against: header) else { return }
            guard statement.kind == .delivered || statement.kind == .refused else {
                throw EvidenceFault.differs("`\(statement.kind.rawValue)` tells of no outcome")
            }
            if let doubt = try doubt(about: receipt, federation) {
                report.unproven.append(
                    "that \(subject.to) \(statement.kind.verb) the envelope: \(doubt)")
                return
            }
            if !isShown(receipt.entry) {
                try judgeWitnesses(of: receipt.proof.checkpoint, subject.to, federation)
            }
            prove(statement, receipt, federation)
        } catch {
            report.wrong.append("receipt: \(error)")
        }
    }

    /// What the recipient has stated since it took the dataset in.
    mutating func checkLaterReceipts(_ federation: Federation, _ header: Header?) {
        for (sequence, bytes) in evidence.laterReceipts.sorted(by: { $0.key < $1.key }) {
            do {
                try checkLater(try Receipt(parsing: bytes), sequence, federation, header)
            } catch {
                report.wrong.append("later receipt \(sequence): \(error)")
            }
        }
    }

    private mutating func checkLater(
        _ receipt: Receipt, _ sequence: UInt64, _ federation: Federation, _ header: Header?
    ) throws {
        guard receipt.entry.sequence == sequence else {
            throw EvidenceFault.differs("it shows entry \(receipt.entry.sequence)")
        }
        let (claim, node) = (try receipt.claim, subject.to)
        let (time, note) = (receipt.entry.time, receipt.proof.checkpoint)
        // By then its key may have been another, which only a later record names.
        var unknown: (any Error)?
        let statement: ReceiptStatement
        do {
            let log = try logKey(in: note, node, federation)
            statement = try claim.verify(
                signer: { name in
                    do { return try signer(name, of: node, at: time, federation) } catch {
                        unknown = error
                        throw error
                    }
                }, log: log)
        } catch {
            guard let unknown else { throw error }
            report.unproven.append(
                "what \(node) stated in entry \(sequence) of its log: no certificate of its that the "
                    + "membership here shows has signed it (\(unknown))")
            return
        }
        guard statement.kind.isAfterDelivery else {
            throw EvidenceFault.differs("`\(statement.kind.rawValue)` tells of nothing later")
        }
        guard try check(statement, against: header) else { return }
        if let doubt = try doubt(about: receipt, federation) {
            report.unproven.append("that \(node) \(statement.kind.verb) the envelope: \(doubt)")
            return
        }
        report.proven.append(sentence(of: statement, entry: sequence))
        // The same recall may have come to it with its signature in another form.
        if let recall = statement.recall, !recalls.contains(recall.text) {
            report.unproven.append(
                "that entry \(sequence) of \(node) answers a recall by an officer of \(subject.from): no "
                    + "entry here names that message, \(recall)")
        }
        if !isShown(receipt.entry) { try judgeWitnesses(of: note, node, federation) }
    }

    /// Why the receipt of a node that was cut off does not count, although its key has signed it: that counts by the
    /// membership of then alone, or others had not seen the entry in time.
    private func doubt(about receipt: Receipt, _ federation: Federation) throws -> String? {
        let (node, entry) = (subject.to, receipt.entry)
        if federation.list.cut(of: node) != nil {
            let name = try receipt.claim.signer
            let lapse = self.lapse { _ = try $0.signer(name, node: node, at: entry.time) }
            if let lapse { return lapse }
        }
        guard !isShown(entry) else { return nil }
        return try distrust(of: node, entry.sequence, receipt.proof.checkpoint, federation)
            .map { "its receipt does not count, since \($0)" }
    }

    /// Whether the entry of a receipt is one of those here, which were judged with their log. Any other entry of a
    /// recipient's own may lie behind a cut, or in a log that nobody else has seen.
    private func isShown(_ entry: Entry) -> Bool {
        !isSenders && evidence.entries.contains { $0.entry == entry }
    }

    /// The digests of the recalls that the maker has entered, as its officer's or as they came.
    private var recalls: [String] {
        ["recall.given", "recall.taken", "transfer.recalled"].flatMap { entries($0) }
            .compactMap { $0.details["recall"]?.stringValue }
    }

    private func sentence(of statement: ReceiptStatement, entry: UInt64) -> String {
        let reason = statement.reason.map { " (\($0))" } ?? ""
        let copies = statement.unreached.prefix(Self.copiesShown).map(\.words)
        let more = statement.unreached.count - copies.count
        let unreached =
            copies.isEmpty
            ? ""
            : "; it names what that does not reach: " + copies.joined(separator: ", ")
                + (more > 0 ? ", and \(more) more" : "")
        return
            "\(subject.to) signed at \(statement.time) that it \(statement.kind.verb) this envelope"
            + "\(reason), and its log holds that as entry \(entry)\(unreached)"
    }

    /// In one sentence.
    private static let copiesShown = 8

    /// - Returns: whether there is the header that it is about. Earlier versions kept none of what a
    ///   recipient refused for good; a restored node has none of those that it signed, or took, after its backup was made.
    private mutating func check(
        _ statement: ReceiptStatement, against header: Header?
    ) throws -> Bool {
        guard statement.signer == subject.to, statement.from == subject.from,
            statement.id == subject.id, statement.federation == subject.federation
        else { throw EvidenceFault.differs("it is about another transfer") }
        if let header {
            guard statement.envelope == header.identity else {
                throw EvidenceFault.differs("it is about another envelope than the header here")
            }
            guard statement.attempt == header.attempt else {
                throw EvidenceFault.differs(
                    "it is about attempt \(statement.attempt), the header is of \(header.attempt)")
            }
            try statement.requireInTime(header.core.expires)
            return true
        }
        let envelope = JSON.string(statement.envelope.text)
        guard evidence.header == nil,
            !entries(headerKind).contains(where: { $0.details["envelope"] == envelope })
        else { throw EvidenceFault.differs("there is no header that it is about") }
        report.unproven.append(
            "that what \(subject.to) stated at \(statement.time) is about what \(subject.from) sent: "
                + "neither the header is here, nor an entry that names it")
        return false
    }

    private mutating func prove(
        _ statement: ReceiptStatement, _ receipt: Receipt, _ federation: Federation
    ) {
        report.proven.append(sentence(of: statement, entry: receipt.entry.sequence))
        guard let details = try? JSON(parsing: receipt.details),
            let own = details[Receipt.importKey]
        else {
            return
        }
        _ = checkVerdict(
            own.canonical, "entry \(receipt.entry.sequence) of \(subject.to)", federation)
    }
}

extension ReceiptKind {
    fileprivate var verb: String {
        switch self {
        case .relayed: "holds, to pass it on,"
        case .delivered: "took in whole"
        case .refused: "refused"
        case .opened: "opened"
        case .cancelled: "took back"
        case .recalled: "opens no more"
        case .retained: "keeps, though it was recalled,"
        case .destroyed: "destroyed its copy of"
        }
    }
}
