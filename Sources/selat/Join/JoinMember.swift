import ArgumentParser
import SelatCore
import SelatCrypto
import SelatFederation

struct JoinMember: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "member",
        abstract: "Make a country's candidate, which the members sign into the list.",
        discussion: """
            Checks what the members will check: the CA signs itself, and each authority's
            certificate is of that purpose and leads to it. A member hands the file to
            `selat members propose --add`.

            Example:
              selat join member --country TH --sector public --ca root.pem \\
                --authority a1.pem --authority a2.pem --threshold 2 --out th-member.json
            """)

    @Option(help: "The country, such as TH.")
    var country: Country

    @Option(help: "defence, public or business.")
    var sector: Sector

    @Option(help: "A self-signed CA certificate, PEM; repeat it for each.")
    var ca: [String]

    @Option(help: "An authority's certificate, PEM; repeat it for each.")
    var authority: [String]

    @Option(help: "How many of the authorities speak for the member.")
    var threshold: Int = 2

    @Option(help: "What the member's nodes may be: exchange, relay, witness; repeat it for each.")
    var role: [NodeRole] = [.exchange, .witness]

    @Option(help: "The file to write; - for stdout.")
    var out: String

    func validate() throws {
        try (1...FederationLimits.authoritiesMax).require(threshold, of: "--threshold")
    }

    func run() async throws {
        let candidate = MembershipList.Member(
            country: country, sector: sector, anchors: try ca.map(PEMFile.certificate),
            authorities: try authority.map(PEMFile.certificate), threshold: threshold,
            roles: Set(role))
        try check(candidate, at: SystemClock().now())
        for certificate in candidate.anchors + candidate.authorities {
            Terminal.note("\(certificate): \(certificate.publicKey.fingerprint)")
        }
        let file = try LineFile(out)
        try file.write(candidate.json)
        try file.finish()
    }

    private func check(_ candidate: MembershipList.Member, at time: Timestamp) throws {
        do {
            let anchors = try TrustAnchors(
                country: country, anchors: candidate.anchors, revocationLists: [])
            for certificate in candidate.authorities {
                _ = try anchors.verify(certificate, purpose: .authority, at: time)
            }
        } catch {
            throw Ending(
                .verificationFailed, error.description, hint: "the profiles are in certs/README.md")
        }
        // The same rules as for a list of this member alone.
        do throws(FederationError) {
            _ = try MembershipList(
                issued: time, expires: time + 86_400, isSandbox: false, quorum: 1,
                suites: [.p256: nil], members: [candidate])
        } catch {
            throw Ending(.usage, "\(error)")
        }
    }
}
