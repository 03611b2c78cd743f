import ArgumentParser
import SelatAudit
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
        help: ArgumentHelp(
            "A node's new ML-KEM key, used first of its kind from now on: SG/csa=FILE, what `selat keys rotate mlkem --out` wrote.",
            valueName: "node=…"))
    var mlkem: [String] = []

    @Option(
        help: ArgumentHelp(
            "A node's ML-KEM key less: \"SG/csa=FINGERPRINT\".", valueName: "node=…"))
    var dropMlkem: [String] = []

    @Option(
        help: ArgumentHelp(
            "A node's other key for cosigning: SG/csa=FILE, what `selat keys rotate witness --out` wrote.",
            valueName: "node=…"))
    var witness: [String] = []

    @Option(
        help: ArgumentHelp("Where peers dial a node: SG/csa=host:port.", valueName: "node=…"))
    var endpoint: [String] = []

    @Option(
        help: ArgumentHelp(
            "With which nodes one exchanges directly: SG/csa=VN/hub,MY/hub, or SG/csa=any.",
            valueName: "node=…"))
    var links: [String] = []

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

    func validate() throws {
        try MemberRecord.policyThresholds.require(policyThreshold, of: "--policy-threshold")
        try (0...FederationLimits.membersMax).require(witnessQuorum, of: "--witness-quorum")
    }

    func changes() throws -> [RecordChange] {
        var changes: [RecordChange] = removeNode.map { .removeNode($0) }
        changes += try node.map { .node(try Self.node($0)) }
        changes += try certificate.map { .certificate(try Pair.certificate($0)) }
        changes += try dropCertificate.map { .withdraw(try Pair.certificate($0)) }
        changes += try mlkem.map(Self.mlkem)
        changes += try dropMlkem.map(Self.withdrawnMLKEM)
        changes += try witness.map(Self.witness)
        changes += try endpoint.map(Self.endpoint)
        changes += try links.map(Self.links)
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

    /// `SG/csa=REST`.
    private static func ofNode(
        _ text: String, such example: String
    ) throws -> (node: NodeID, rest: String) {
        let parts = text.split(separator: "=", maxSplits: 1).map(String.init)
        guard parts.count == 2, let node = try? NodeID(parts[0]) else {
            throw Ending(.usage, "`\(text)`: expected such as \(example)")
        }
        return (node, parts[1])
    }

    private static func mlkem(_ text: String) throws -> RecordChange {
        let (node, path) = try ofNode(text, such: "SG/csa=mlkem.pub")
        let line = try line(of: path)
        guard let raw = Base64.decode(line) else {
            throw Ending(.invalidConfiguration, "`\(path)`: it is no line of base64")
        }
        do {
            return .mlkem(node, try MLKEMPublicKey(raw: raw))
        } catch {
            throw Ending(.invalidConfiguration, "`\(path)`: \(error)")
        }
    }

    private static func withdrawnMLKEM(_ text: String) throws -> RecordChange {
        let example = "\"SG/csa=05873 38359 09636 41362 43987 16853 47942 58178\""
        let (node, digits) = try ofNode(text, such: example)
        guard let fingerprint = KeyFingerprint(digits) else {
            throw Ending(
                .usage, "`\(digits)` is no fingerprint: expected such as \(example)",
                hint: "selat members show \(node)")
        }
        return .withdrawMLKEM(node, fingerprint)
    }

    private static func witness(_ text: String) throws -> RecordChange {
        let (node, path) = try ofNode(text, such: "SG/csa=witness.pub")
        let key = try line(of: path)
        guard (try? CosignerKey(key)) != nil else {
            throw Ending(.invalidConfiguration, "`\(path)`: it is no key of a witness")
        }
        return .witness(node, key)
    }

    /// The one line of a file.
    private static func line(of path: String) throws -> String {
        let text = String(decoding: try ProposalFile.bytes(of: path), as: UTF8.self)
        return text.hasSuffix("\n") ? String(text.dropLast()) : text
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

    private static func links(_ text: String) throws -> RecordChange {
        let parts = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
        guard parts.count == 2 else {
            throw Ending(.usage, "`\(text)`: expected such as SG/csa=VN/hub,MY/hub or SG/csa=any")
        }
        let names = parts[1].split(separator: ",").map(String.init)
        let links = names == ["any"] ? nil : Set(try names.map { try NodeID($0) })
        return .links(try NodeID(String(parts[0])), links)
    }

    private static func officer(_ text: String) throws -> MemberRecord.Officer {
        let parts = text.split(separator: ":", maxSplits: 2).map(String.init)
        guard parts.count == 3 else {
            throw Ending(
                .usage, "`\(text)`: expected such as SG/csa/lee:releasing-officer:lee.pem")
        }
        let officer = MemberRecord.Officer(
            id: try OfficerID(parts[0]), certificate: try Pair.certificate(parts[2]),
            roles: Set(parts[1].split(separator: ",").map(String.init)))
        // The record would refuse both, and could not say which argument is wrong.
        guard officer.certificate.officer == officer.id else {
            throw Ending(
                .usage, "`\(text)`: the certificate names `\(officer.certificate)`",
                hint: "name the officer as the certificate does")
        }
        if let role = officer.roles.first(where: { !OfficerRole.isOne($0) }) {
            throw Ending(.usage, "`\(text)`: the role `\(role)` is no word")
        }
        return officer
    }
}

extension MemberRecord {
    /// How many persons may have to sign an edition: no record lists more signers.
    static let policyThresholds = policyThresholdLeast...FederationLimits.authoritiesMax
}
