import SelatCore
import SelatCrypto
import SelatFederation
import SelatPolicy
import SelatTestSupport

@testable import SelatEnvelope
@testable import SelatExchange

// What officers sign in tests, honestly or not.

extension TestFederation {
    /// An attestation of SG's consent for transfers from the sender to the recipient.
    func consent(
        by role: String = "data-protection-officer", of node: TestNode? = nil,
        document: String = "SG:consent", from: String = "SG/hub", to: String = "VN/hub",
        issued: Int64 = 0, federation other: Digest? = nil, signer: CMS.Signer? = nil
    ) throws -> [UInt8] {
        let officer = signer ?? (node ?? sender).officers[role]
        guard let officer else { throw NoOfficer(role: role) }
        return try OfficerStatement.attestation(
            OfficerStatement.Attestation(
                federation: other ?? federation.id, document: document, from: try NodeID(from),
                to: try NodeID(to), paper: SHA256.digest([1]), issued: clock.now() + issued)
        ).signed(by: officer)
    }

    /// A declaration by an officer of VN for transfers to SG.
    func typhoon(
        by role: String = "emergency-officer", from: String = "VN/hub",
        to: Set<String> = ["SG"], reference: String = "2026/17", seconds: Int64 = 7_200,
        issued: Int64 = 0
    ) throws -> [UInt8] {
        guard let officer = recipient.officers[role] else { throw NoOfficer(role: role) }
        let issued = clock.now() + issued
        return try OfficerStatement.declaration(
            OfficerStatement.Declaration(
                federation: federation.id, from: try NodeID(from),
                to: Set(try to.map { try Country($0) }), reference: reference,
                reason: "Synthetic typhoon", issued: issued, until: issued + seconds)
        ).signed(by: officer)
    }

    struct NoOfficer: Error { let role: String }

    /// A list of persons, for research, from SG to VN.
    func roster(series: Series? = nil) throws -> OutboundRequest {
        try persons(to: "VN/hub", ["pd:Name"], "dpv:ScientificResearch", "SG", 12)
    }

    /// Health data of citizens of VN, for relief, from VN to SG.
    func health(
        _ count: UInt64 = 60_000, series: String? = nil, emergency: String? = nil
    ) throws -> OutboundRequest {
        try persons(
            to: "SG/hub", ["pd:Health"], "sector-health:DisasterReliefManagement", "VN", count,
            series: series, emergency: emergency)
    }

    private func persons(
        to: String, _ categories: Set<String>, _ purpose: String, _ country: String,
        _ count: UInt64, series: String? = nil, emergency: String? = nil
    ) throws -> OutboundRequest {
        let to = try NodeID(to)
        return OutboundRequest(
            to: to,
            label: Label(classification: .unclassified, releasableTo: [to.country], tlp: .green),
            facts: Facts([
                "personal-data": Fact(.flag(true), .stated),
                "categories": Fact(.set(categories), .stated),
                "subjects": Fact(.set(["dpv:Citizen"]), .stated),
                "subject-nationalities": Fact(.set([country]), .stated),
                "data-subjects": Fact(.number(count), .stated),
                "records": Fact(.number(count), .stated),
                "national-category": Fact(.set([]), .stated),
                "purpose": Fact(.set([purpose]), .stated),
            ]),
            ground: nil, precedence: .routine, dataset: try Self.dataset(1_000),
            series: series.flatMap { Series($0) }, emergency: emergency)
    }
}
