import ArgumentParser
import SelatCore
import SelatCrypto
import SelatFederation

struct MembersSign: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "sign",
        abstract: "Sign a proposed list or record with an authority's key.",
        discussion: """
            Shows first what would change, against the membership in the folder or the
            daemon's, refuses what contradicts itself or is not the next of what is held,
            and asks. Works offline: bring the file and the folder to where the key is.

            From NAME.json it writes NAME.cms; to a file that others have signed it adds.
            Once nobody's signature is missing, more would change nothing, and are refused.

            With --json, `digest` names what was signed: SHA-256 of its content, which more
            signatures do not change; of the first list, of the file as it is.

            Example:
              selat members sign cut.json --key authority-1.key \\
                --certificate authority-1.pem --membership membership \\
                --trust sha256:4f62…
            """)

    @Argument(help: "The proposal, or what others have signed of it.")
    var file: String

    @OptionGroup var signing: PersonalKey
    @OptionGroup var held: HeldMembership

    @Option(help: "The file to write (default: FILE.cms, or the signed file anew).")
    var out: String?

    @Flag(help: "It is the first list of a new federation; there is nothing to compare it with.")
    var first = false

    @Flag(help: "Sign although nobody's signature is missing any more.")
    var beyond = false

    @Flag(help: "Ask for no confirmation.")
    var yes = false

    @OptionGroup var client: ClientOptions

    func run() async throws {
        let now = SystemClock().now()
        let file = try ProposalFile(file)
        let federation = first ? nil : try await held.load(client, at: now)
        let before = try check(file, federation, at: now)
        Terminal.note(lines: before.lines)
        guard !before.standing.isComplete || beyond else {
            throw Ending(
                .failed, "`\(file.path)` bears all signatures that it needs",
                hint: "publish it: selat members publish \(file.path)")
        }
        let signer = try signing.signer()
        do {
            try electorate(of: file.proposal, federation).require(signer.certificate, at: now)
        } catch {
            throw Ending(.refused, "`\(signing.certificate)`: \(error)")
        }
        if !yes { try Prompt.confirm("the serial of what you sign", is: "\(file.proposal.serial)") }
        let message = try sign(file, signer, at: now)
        let path = out ?? file.signedPath
        try ProposalFile.write(message, to: path, replacing: path == file.path)
        try report(
            ProposalPage(file.proposal, signed: message, held: federation, at: now), message, path)
    }

    private func check(
        _ file: ProposalFile, _ federation: Federation?, at now: Timestamp
    ) throws -> ProposalPage {
        do {
            if let federation {
                try federation.requireNext(file.proposal, at: now)
            } else if file.proposal.serial != 1 {
                throw FederationError.contradiction(
                    file.proposal.description,
                    reason: "its serial is \(file.proposal.serial), so it is no first one")
            }
            return try ProposalPage(
                file.proposal, signed: file.message, held: federation, at: now)
        } catch let error as FederationError {
            throw Ending(judging: file.path, error)
        }
    }

    private func electorate(
        of proposal: Proposal, _ federation: Federation?
    ) throws -> ProposalElectorate {
        if let federation { return try ProposalElectorate(of: proposal, in: federation) }
        guard case .list(let list) = proposal else {
            throw Ending(.usage, "--first signs a list")
        }
        return try ProposalElectorate(ofFirst: list)
    }

    private func sign(
        _ file: ProposalFile, _ signer: CMS.Signer, at now: Timestamp
    ) throws -> [UInt8] {
        let type = file.proposal.type
        do {
            guard let message = file.message else {
                return try CMS.sign(
                    content: file.proposal.json.canonical, type: type, signer: signer, at: now)
            }
            return try CMS.addSignature(to: message, type: type, signer: signer, at: now)
        } catch {
            throw Ending(.failed, "signing `\(file.path)`: \(error)")
        }
    }

    private func report(_ page: ProposalPage, _ message: [UInt8], _ path: String) throws {
        let digest = page.proposal.digest(signed: message)
        if client.json {
            var fields = page.json(path: path).objectValue ?? [:]
            fields["digest"] = .string(digest.text)
            return Terminal.result(.object(fields))
        }
        Terminal.result("\(path): signed, \(page.standing.summary)")
        guard page.standing.isComplete else {
            return Terminal.hint("pass \(path) to the next one who signs")
        }
        Terminal.hint(
            first
                ? "complete: the federation's digest is \(digest), which each member compares by "
                    + "another way" : "complete: selat members publish \(path)")
    }
}
