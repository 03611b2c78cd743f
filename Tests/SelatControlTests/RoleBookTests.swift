import SelatHTTP
import Testing

@testable import SelatControl

@Suite struct RoleBookTests {
    private static let names: [Role: [String]] = [
        .operator: ["selat-operator"], .officer: ["selat-officer"], .auditor: ["selat-auditor"],
        .administrator: ["selat-admin"],
    ]

    /// The daemon runs as user 100; groups 11 to 14 are the roles'.
    private func book(ownerHasAll: Bool = false) -> RoleBook {
        RoleBook(
            daemon: 100, ownerHasAll: ownerHasAll,
            groups: [.operator: [11], .officer: [12], .auditor: [13, 15], .administrator: [14]],
            names: Self.names)
    }

    private func process(_ user: UInt32, _ groups: Set<UInt32>) -> ProcessCredentials {
        ProcessCredentials(process: 1, user: user, groups: groups)
    }

    struct Member: Sendable {
        let user: UInt32
        let groups: Set<UInt32>
        let roles: Set<Role>

        init(_ user: UInt32, _ groups: Set<UInt32>, _ roles: Set<Role>) {
            (self.user, self.groups, self.roles) = (user, groups, roles)
        }
    }

    @Test(arguments: [
        Member(1_000, [], []), Member(1_000, [10], []), Member(1_000, [11], [.operator]),
        Member(1_000, [10, 12], [.officer]), Member(1_000, [15], [.auditor]),
        Member(1_000, [13, 15], [.auditor]), Member(1_000, [11, 14], [.operator, .administrator]),
        // Who can change the configuration anyway, and nothing more.
        Member(0, [0], [.administrator]), Member(100, [100], [.administrator]),
        Member(100, [100, 11], [.operator, .administrator]),
    ])
    func groupsAndNothingElseGiveRoles(_ member: Member) {
        #expect(book().roles(of: process(member.user, member.groups)) == member.roles)
    }

    @Test func aSandboxsOwnerHasEveryRole() {
        let book = book(ownerHasAll: true)
        #expect(book.roles(of: process(100, [100])) == Set(Role.allCases))
        #expect(book.roles(of: process(0, [0])) == [.administrator])
        #expect(book.roles(of: process(1_000, [100])).isEmpty)
    }

    @Test func noRoleOpensDatasetsButTheOperators() {
        let contents = ["POST /v1/transfers/:id/opening", "GET /v1/transfers/:id/package"]
        for route in contents { #expect(Permissions.roles[route] == [.operator]) }
    }

    @Test func everyRouteHasSomebody() {
        #expect(Permissions.roles.values.allSatisfy { !$0.isEmpty })
    }

    @Test func aRefusalSaysWhichGroup() {
        let problem = Problem.roleMissing(
            "POST /v1/audit/exports", [.auditor], [], user: 7, book())
        #expect(problem.status == 403)
        #expect(
            problem.detail
                == "`POST /v1/audit/exports` is for auditor; uid 7 is in no group of a role")
        #expect(
            problem.remedy
                == "ask the node's administrator for the group `selat-auditor`, then log in again")
    }

    @Test func aRouteWithoutRolesIsNobodys() {
        let problem = Problem.roleMissing("GET /v1/none", [], [.operator], user: 7, book())
        #expect(problem.detail == "`GET /v1/none` is for nobody; uid 7 is operator")
        #expect(problem.remedy == "see `roles` in the configuration")
    }
}
