import ArgumentParser
import SelatControl
import SelatCore
import SelatCrypto
import SelatFederation

struct MembersPublish: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "publish",
        abstract:
            "Hand signed lists, records and revocation lists to the node, which spreads them.",
        discussion: """
            A file is known by what it holds: a list, a record, or in PEM the revocation
            lists of the country that it is named after (SG.crl). The node verifies each,
            takes all or none, and passes them on to every node that it reaches. Exit
            status 78 when one is refused.

            Example:
              selat members publish cut.cms SG.crl
            """)

    @Argument(help: "The files.")
    var files: [String]

    @OptionGroup var client: ClientOptions

    func run() async throws {
        var documents = SignedDocuments()
        for file in files { try documents.add(file) }
        let body = documents.request.json
        let answer = try await client.withDaemon { daemon in
            try await daemon.post("/v1/membership", body)
        }
        if client.json { return Terminal.result(answer) }
        let taken = answer["taken"]?.arrayValue ?? []
        Terminal.result(
            taken.isEmpty
                ? "nothing new: the node held all of it"
                : taken.map { "taken: \($0.stringValue ?? $0.pretty)" }.joined(separator: "\n"))
        for warning in answer["membership"]?["warnings"]?.arrayValue ?? [] {
            Terminal.warning(warning.stringValue ?? "")
        }
    }
}

/// Signed files, told apart by what they hold.
private struct SignedDocuments {
    private var lists: [(serial: UInt64, bytes: [UInt8])] = []
    private var records: [Country: [UInt8]] = [:]
    private var revocationLists: [Country: [UInt8]] = [:]

    mutating func add(_ path: String) throws {
        let bytes = try ProposalFile.bytes(of: path)
        if String(decoding: bytes.prefix(4_096), as: UTF8.self).contains("-----BEGIN X509 CRL") {
            return try add(revocationLists: bytes, path)
        }
        let file = try ProposalFile(path)
        guard let message = file.message else {
            throw Ending(
                .invalidConfiguration, "`\(path)` is signed by nobody",
                hint: "sign it first: selat members sign \(path) --key KEY --certificate PEM")
        }
        switch file.proposal {
        case .list(let list): lists.append((list.serial, message))
        case .record(let record):
            guard records.updateValue(message, forKey: record.country) == nil else {
                throw Ending(.usage, "two records of `\(record.country)`", hint: "name one")
            }
        }
    }

    private mutating func add(revocationLists bytes: [UInt8], _ path: String) throws {
        let name = path.split(separator: "/").last.map(String.init) ?? path
        guard name.hasSuffix(".crl"), let country = try? Country(String(name.dropLast(4))) else {
            throw Ending(
                .usage, "`\(path)` does not say whose revocation lists it holds",
                hint: "name it after the country, such as SG.crl")
        }
        do {
            _ = try CRL.all(pem: bytes)
        } catch {
            throw Ending(.invalidConfiguration, "`\(path)`: \(error)")
        }
        guard revocationLists.updateValue(bytes, forKey: country) == nil else {
            throw Ending(.usage, "two files with revocation lists of `\(country)`")
        }
    }

    var request: MembershipRequest {
        MembershipRequest(
            lists: lists.sorted { $0.serial < $1.serial }.map(\.bytes), records: records,
            revocationLists: revocationLists)
    }
}
