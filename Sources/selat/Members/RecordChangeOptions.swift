import ArgumentParser
import SelatCore
import SelatCrypto
import SelatFederation

/// Changes of a member's record, as they are typed.
struct RecordChangeOptions: ParsableArguments {
    @Option(
        name: .customLong("record"),
        help: ArgumentHelp("Propose this member's next record, not a list.", valueName: "cc"))
    var country: Country?

    @Option(
        help: ArgumentHelp(
            "A new node, or another state of one: JSON as in a record.", valueName: "file"))
    var node: [String] = []

    @Option(help: ArgumentHelp("A node less.", valueName: "node"))
    var removeNode: [NodeID] = []

    @Option(
        help: ArgumentHelp(
            "A node's new certificate, used first from now on; it says for whom and what.",
            valueName: "pem"))
    var certificate: [String] = []

    @Option(
        help: ArgumentHelp("A node's certificate that is used no more.", valueName: "pem"))
    var dropCertificate: [String] = []

    @Option(
        help: ArgumentHelp("Where peers dial a node: SG/csa=host:port.", valueName: "node=…"))
    var endpoint: [String] = []

    @Option(
        help: ArgumentHelp(
            "An officer: SG/csa/lee:role,role:lee.pem.", valueName: "officer:…"))
    var officer: [String] = []

    @Option(help: ArgumentHelp("An officer less.", valueName: "officer"))
    var removeOfficer: [String] = []

    @Option(help: ArgumentHelp("One more policy signer.", valueName: "pem"))
    var policySigner: [String] = []

    @Option(help: ArgumentHelp("A policy signer less.", valueName: "pem"))
    var dropPolicySigner: [String] = []

    @Option(help: "How many persons sign an edition.")
    var policyThreshold: Int?

    @Option(help: "How many other countries cosign the logs; 0 for the usual quorum.")
    var witnessQuorum: Int?

    func changes() throws -> [RecordChange] {
        var changes: [RecordChange] = removeNode.map { .removeNode($0) }
        changes += try node.map { .node(try Self.node($0)) }
        changes += try certificate.map { .certificate(try Pair.certificate($0)) }
        changes += try dropCertificate.map { .withdraw(try Pair.certificate($0)) }
        changes += try endpoint.map(Self.endpoint)
        changes += try removeOfficer.map { .removeOfficer(try OfficerID($0)) }
        changes += try officer.map { .officer(try Self.officer($0)) }
        changes += try policySigner.map { .addPolicySigner(try Pair.certificate($0)) }
        changes += try dropPolicySigner.map { .removePolicySigner(try Pair.certificate($0)) }
        changes += policyThreshold.map { [.policyThreshold($0)] } ?? []
        changes += witnessQuorum.map { [.witnessQuorum($0 == 0 ? nil : $0)] } ?? []
        return changes
    }

    private static func node(_ path: String) throws -> MemberRecord.Node {
        let bytes = try ProposalFile.bytes(of: path)
        do {
            return try MemberRecord.Node(entry: bytes)
        } catch {
            throw Ending(.invalidConfiguration, "`\(path)`: \(error)")
        }
    }

    private static func endpoint(_ text: String) throws -> RecordChange {
        let parts = text.split(separator: "=", maxSplits: 1).map(String.init)
        guard parts.count == 2, let colon = parts[1].lastIndex(of: ":"),
            let port = UInt16(parts[1][parts[1].index(after: colon)...]), port > 0
        else { throw Ending(.usage, "`\(text)`: expected such as SG/csa=selat.csa.example:7443") }
        var host = parts[1][..<colon]
        if host.hasPrefix("["), host.hasSuffix("]") { host = host.dropFirst().dropLast() }
        return .endpoint(try NodeID(parts[0]), Endpoint(host: String(host), port: port))
    }

    private static func officer(_ text: String) throws -> MemberRecord.Officer {
        let parts = text.split(separator: ":", maxSplits: 2).map(String.init)
        guard parts.count == 3 else {
            throw Ending(
                .usage, "`\(text)`: expected such as SG/csa/lee:releasing-officer:lee.pem")
        }
        return MemberRecord.Officer(
            id: try OfficerID(parts[0]), certificate: try Pair.certificate(parts[2]),
            roles: Set(parts[1].split(separator: ",").map(String.init)))
    }
}
