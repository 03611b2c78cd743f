import SelatCore
import SelatCrypto
import SelatEnvelope
import SelatEvidence
import SelatFederation
import SelatPolicy

/// In which role and for which side an officer answers.
struct OfficersPart {
    let role: String
    let side: ApprovalStatement.Side

    /// - Throws: `Ending` where neither end is the officer's country, or the role is not clear.
    init(
        of certificate: Certificate, in request: ApprovalRequest, role: String?, isBreakGlass: Bool
    ) throws {
        guard let officer = certificate.officer else {
            throw Ending(.usage, "certificate `\(certificate)` names no officer")
        }
        let country = officer.node.country
        let (source, destination) = (request.core.from.country, request.core.to.country)
        guard country == source || country == destination else {
            throw Ending(
                .refused, "`\(officer)` answers for neither \(source) nor \(destination)",
                hint: "only officers of the two ends approve")
        }
        let side: ApprovalStatement.Side = country == source ? .source : .destination
        self.side = side
        if isBreakGlass {
            self.role = Approval.emergencyRole
            return
        }
        if let role {
            self.role = role
            return
        }
        let owed = request.owed.filter { $0.side.rawValue == side.rawValue }.map(\.role)
        guard let only = owed.first, owed.count == 1 else {
            throw Ending(
                owed.isEmpty ? .refused : .usage,
                owed.isEmpty
                    ? "no approval of \(country), the \(side.rawValue), is owed"
                    : "several roles are owed: \(owed.joined(separator: ", "))",
                hint: owed.isEmpty ? "see `selat approve list`" : "name yours with --role")
        }
        self.role = only
    }
}
