import ArgumentParser
import HTTPTypes
import NIOCore
import SelatControl
import SelatCore
import SelatCrypto
import SelatEnvelope
import SelatEvidence
import SelatFederation
import SelatPolicy

/// What `approve` and `refuse` take: one road from the request to the signed word.
struct OfficersWord: ParsableArguments {
    @Argument(help: "The transfer's id, as `selat approve list` shows it.")
    var id: TransferID?

    @Option(help: "An exported request to decide on, in place of an id; needs no daemon.")
    var request: String?

    @Option(help: "The role in which you answer, if several are owed on your side.")
    var role: String?

    @Option(help: "Why: for the recipient and for those who audit this later.")
    var reason: String?

    @Option(help: "How long your word counts: 1h to 7d.")
    var validFor: String = "72h"

    @Flag(help: "Ask for no confirmation.")
    var yes = false

    @Option(help: "How many rows of each table to show; none unless you ask.")
    var show: Int = 0

    @Option(help: "Write the signed statement to this file in place of handing it to the daemon.")
    var out: String?

    @OptionGroup var own: OfficerKey
    @OptionGroup var client: ClientOptions

    func validate() throws {
        guard (id == nil) != (request == nil) else {
            throw ValidationError("name a transfer, or a request with --request")
        }
        guard request == nil || out != nil else {
            throw ValidationError("--request needs --out: the statement is handed in elsewhere")
        }
        try (0...1_000).require(show, of: "--show")
        guard let seconds = try? Span.seconds(validFor),
            (3_600...ApprovalStatement.lifeSecondsMax).contains(seconds)
        else { throw ValidationError("--valid-for is 1h to 7d, not `\(validFor)`") }
    }

    /// Shows the request, asks, signs with the officer's own key here, and hands the statement on.
    /// - Parameter opensDataset: whether the sealed payload is fetched and opened.
    func decide(
        _ decision: ApprovalStatement.Decision, opensDataset: Bool, isBreakGlass: Bool = false
    ) async throws {
        let signer = try own.signer()
        let reviewed = try await reviewed(opensDataset: opensDataset)
        guard reviewed.request.core.federation == own.federation else {
            throw Ending(
                .verificationFailed,
                "the request is of federation \(reviewed.request.core.federation), yours is "
                    + "\(own.federation)")
        }
        let sheet = RequestSheet(reviewed: reviewed)
        Terminal.note(lines: sheet.lines)
        let part = try OfficersPart(
            of: signer.certificate, in: reviewed.request, role: role, isBreakGlass: isBreakGlass)
        let reason = try reason ?? Prompt.reason(for: decision)
        try confirm(decision, part, reviewed.request)
        let now = SystemClock().now()
        let statement = ApprovalStatement(
            decision, of: reviewed.request.subject, role: part.role, side: part.side,
            reason: reason, review: reviewed.summary == nil ? .description : .dataset,
            isBreakGlass: isBreakGlass, issued: now,
            notAfter: min(now + (try Span.seconds(validFor)), reviewed.request.core.expires))
        try await hand(on: try signed(statement, signer), statement, sheet)
    }

    private func signed(
        _ statement: ApprovalStatement, _ signer: CMS.Signer
    ) throws -> [UInt8] {
        do { return try statement.signed(by: signer) } catch {
            throw Ending(.usage, "\(error)", hint: "nothing was signed")
        }
    }

    // MARK: The request

    private func reviewed(opensDataset: Bool) async throws -> ReviewedRequest {
        if let request { return try Self.read(request, samples: show) }
        guard let id else { throw Ending(.usage, "name a transfer") }
        var intake = RequestIntake(samples: show)
        try await client.withDaemon { daemon in
            guard opensDataset else {
                let bytes = try await daemon.get("/v1/transfers/\(id.text)/approval")
                // The description is one line too; how it was laid out means nothing.
                let line = try JSON(parsing: bytes, floats: true).canonical + [0x0A]
                return try intake.take(ByteBuffer(bytes: line))
            }
            var progress = Progress("checking", total: 0)
            defer { progress.finish() }
            try await daemon.stream(
                .post, "/v1/transfers/\(id.text)/review", begun: { progress.expect($0) },
                take: { piece in
                    progress.advance(by: piece.readableBytes)
                    try intake.take(piece)
                })
        }
        let reviewed = try intake.finish()
        guard reviewed.request.core.id == id else {
            throw Ending(.verificationFailed, "the daemon showed another transfer than `\(id)`")
        }
        return reviewed
    }

    static func read(_ path: String, samples: Int) throws -> ReviewedRequest {
        let file = try PieceReader(path)
        var intake = RequestIntake(samples: samples)
        var progress = Progress("checking", total: file.size)
        defer { progress.finish() }
        while let piece = try file.next() {
            progress.advance(by: piece.readableBytes)
            try intake.take(piece)
        }
        return try intake.finish()
    }

    // MARK: The word

    private func confirm(
        _ decision: ApprovalStatement.Decision, _ part: OfficersPart, _ request: ApprovalRequest
    ) throws {
        Terminal.note(lines: [
            "you \(decision.rawValue) as \(part.role), for the \(part.side.rawValue)"
        ])
        guard !yes else { return }
        try Prompt.confirm(
            "the last six characters of the transfer's id",
            is: String(request.core.id.text.suffix(6)))
    }

    private func hand(
        on message: [UInt8], _ statement: ApprovalStatement, _ sheet: RequestSheet
    ) async throws {
        guard let out else { return try await handIn(message, sheet) }
        let file = try ExportedFile(out)
        try file.write(ByteBuffer(bytes: message))
        try file.publish()
        guard !client.json else {
            return Terminal.result([
                "path": .string(out), "statement": statement.json, "request": sheet.json,
                "digest": .string(SHA256.digest(message).text),
            ])
        }
        Terminal.result(
            "\(out): signed; hand it in with `selat approve add \(statement.subject.id) \(out)`")
    }

    private func handIn(_ message: [UInt8], _ sheet: RequestSheet) async throws {
        let id = sheet.reviewed.request.core.id
        let answer = try await client.withDaemon {
            try await $0.hand(in: message, about: id)
        }
        guard !client.json else {
            var members = answer.objectValue ?? [:]
            members["request"] = sheet.json
            return Terminal.result(.object(members))
        }
        ApprovalText.report(answer)
    }
}

extension ControlClient {
    /// Hands a signed word to the daemon.
    func hand(in message: [UInt8], about id: TransferID) async throws -> JSON {
        try await post(
            "/v1/transfers/\(id.text)/approvals",
            ["statement": .string(Base64.encode(message))])
    }
}
