import ArgumentParser
import SelatCore
import SelatCrypto
import SelatFederation

struct JoinRecord: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "record",
        abstract: "Make a member's first record, unsigned, from the sheet of its first node.",
        discussion: """
            Shows the fingerprint of each of the sheet's keys: compare them by telephone
            with whoever made the keys, those of log and witness too, for which nobody
            issues a certificate. The member's authorities sign it with `selat members
            sign`. Later records come from `selat members propose --record`.

            Example:
              selat join record --sheet join.json --certificate tls.pem \\
                --certificate signing.pem --certificate agreement.pem --ca root.pem \\
                --officer TH/hub/somchai:releasing-officer:somchai.pem \\
                --policy-signer p1.pem --policy-signer p2.pem --out TH-1.json
            """)

    @Option(help: "The node's join.json.")
    var sheet: String

    @Option(help: "A certificate of the node, PEM; repeat it for each.")
    var certificate: [String]

    @Option(help: "The authority's own certificate, PEM.")
    var ca: String

    @Option(help: "An officer as ID:ROLE,ROLE:PEM; repeat it for each.")
    var officer: [OfficerArgument] = []

    @Option(help: "The certificate of a policy signer, PEM; repeat it for each.")
    var policySigner: [String] = []

    @Option(help: "How many policy signers must sign an edition.")
    var policyThreshold: Int = MemberRecord.policyThresholdLeast

    @Option(help: "For how many days it is in force, 30 at most.")
    var days: Int64 = 30

    @Option(help: "The file to write; - for stdout.")
    var out: String

    func validate() throws {
        try MemberRecord.policyThresholds.require(policyThreshold, of: "--policy-threshold")
        try (1...30).require(days, of: "--days")
    }

    func run() async throws {
        let sheet = try NodeFolder.readSheet(sheet)
        let now = SystemClock().now()
        let anchors = try TrustAnchors(
            country: sheet.node.country, anchors: [try PEMFile.certificate(ca)],
            revocationLists: [])
        let issued = try IssuedCertificates(
            sheet: sheet, files: certificate, anchors: anchors, at: now)
        let faults = issued.faults + (try persons(anchors, at: now))
        guard faults.isEmpty else {
            throw Ending(
                .verificationFailed, faults.joined(separator: "\n"),
                hint: "the profiles are in certs/README.md")
        }
        try showKeys(of: sheet)
        let signers = try policySigner.map(PEMFile.certificate)
        let record = try record(
            sheet.entry(with: issued.found), signers, sheet.federation, now)
        let file = try LineFile(out)
        try file.write(record.json)
        try file.finish()
        Terminal.hint("two authorities sign it: selat members sign \(out)")
    }

    /// What is compared by telephone before the record is signed.
    /// - Throws: `Ending` where the key of the log or of the witness is none.
    private func showKeys(of sheet: JoinSheet) throws {
        let keys = ReadableSheet(sheet: sheet, isSandbox: false).fingerprints
        let named: [KeyPurpose] = sheet.witnessKey == nil ? [.log] : [.log, .witness]
        for purpose in named where !keys.contains(where: { $0.purpose == purpose }) {
            throw Ending(
                .verificationFailed, "`\(self.sheet)`: its \(purpose.rawValue) key is none",
                hint: "take the file as `selat join` wrote it")
        }
        var table = Table(["key", "fingerprint"])
        for key in keys { table.add([key.purpose.rawValue, key.fingerprint.text]) }
        Terminal.note(
            lines: ["compare with whoever made the keys, over a telephone that both know:"]
                + table.lines(fitting: Terminal.stderrIsTerminal ? Terminal.columns : nil))
    }

    private func record(
        _ node: MemberRecord.Node, _ signers: [Certificate], _ federation: Digest,
        _ now: Timestamp
    ) throws -> MemberRecord {
        do throws(FederationError) {
            let record = try MemberRecord(
                federation: federation, country: node.id.country, issued: now,
                expires: now + days * 86_400, nodes: [node], officers: officer.map(\.officer),
                policySigners: signers, policyThreshold: policyThreshold)
            try record.requireReadable()
            return record
        } catch {
            throw Ending(.usage, "\(error)")
        }
    }

    /// What is wrong with officers and policy signers.
    private func persons(_ anchors: TrustAnchors, at time: Timestamp) throws -> [String] {
        let persons = try officer.map(\.officer.certificate) + policySigner.map(PEMFile.certificate)
        return persons.compactMap { person in
            do throws(CryptoError) {
                _ = try anchors.verify(person, purpose: .officer, at: time)
                return nil
            } catch {
                return error.description
            }
        }
    }
}

/// `TH/hub/somchai:releasing-officer,head-of-agency:somchai.pem`.
struct OfficerArgument: ExpressibleByArgument {
    let officer: MemberRecord.Officer

    init?(argument: String) {
        let parts = argument.split(separator: ":", maxSplits: 2).map(String.init)
        guard parts.count == 3, let id = try? OfficerID(parts[0]),
            let certificate = try? PEMFile.certificate(parts[2])
        else { return nil }
        let roles = Set(parts[1].split(separator: ",").map(String.init))
        officer = MemberRecord.Officer(id: id, certificate: certificate, roles: roles)
    }
}
