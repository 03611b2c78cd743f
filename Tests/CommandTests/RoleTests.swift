import Foundation
import SelatCore
import Testing

extension CommandTests {
    /// Other users at the control socket, as the kernel vouches for them.
    @Suite struct RoleTests {
        let node: OwnNode

        init() throws { node = try OwnNode() }

        private static let setpriv = ["/usr/bin/setpriv", "/bin/setpriv"]
            .first { FileManager.default.isExecutableFile(atPath: $0) }
        private static let canBeOthers = geteuid() == 0 && setpriv != nil && Run.curl != nil

        /// Groups that every Debian has and nobody belongs to; any will do.
        private static let groups = [
            "operator": "games", "officer": "news", "auditor": "mail", "administrator": "backup",
        ]

        private static var configuration: String {
            let roles = groups.sorted { $0.key < $1.key }.map { "\($0.key): [\($0.value)]" }
            return "sandbox: yes\nroles: {\(roles.joined(separator: ", "))}"
        }

        /// A user who is nobody in particular, with these groups beside the own one.
        private func call(_ words: [String], groups: [String]) async throws -> String {
            let numbers = groups.compactMap { getgrnam($0)?.pointee.gr_gid }.map(String.init)
            let membership =
                numbers.isEmpty
                ? ["--clear-groups"] : ["--groups", numbers.joined(separator: ",")]
            let ended = try await Run.run(
                try #require(Self.setpriv),
                ["--reuid", "65534", "--regid", "65534"] + membership + [
                    try #require(Run.curl), "--silent", "--max-time", "20", "--unix-socket",
                    node.control,
                ] + words)
            #expect(ended.status == 0, "\(ended.words)")
            return ended.stdout
        }

        /// The table of the control page: route to the roles that may call it.
        private static func table() throws -> [String: Set<String>] {
            let page = try String(
                contentsOfFile: "\(Run.root)/Sources/SelatControl/Control.docc/API.md",
                encoding: .utf8)
            let rows = page.matches(
                of: #/(?m)^\| `([A-Z]+ \/v1[^`]*)` \| [^|]+ \| ([a-z, ]+) \|$/#)
            return Dictionary(
                uniqueKeysWithValues: rows.map { row in
                    let roles = row.2.split(separator: ", ").map(String.init)
                    return (String(row.1), roles == ["all"] ? Set(groups.keys) : Set(roles))
                })
        }

        /// Calls every route with nothing in it: 403 is the role's, any other answer the route's.
        private func statuses(of routes: [String], groups: [String]) async throws -> [Int] {
            var words: [String] = []
            for route in routes {
                let parts = route.split(separator: " ")
                let path = parts[1].replacing(":id", with: "01a20a28-f8b8-79e7-b70d-d358d926a300")
                    .replacing(":sequence", with: "0")
                words += words.isEmpty ? [] : ["--next"]
                words += ["--silent", "--unix-socket", node.control]
                words += ["-X", String(parts[0]), "-o", "/dev/null", "-w", "%{http_code}\\n"]
                words.append("http://selat\(path)")
            }
            return try await call(words, groups: groups).split(separator: "\n").compactMap {
                Int($0)
            }
        }

        @Test(.enabled(if: canBeOthers, "needs root, setpriv and curl"))
        func eachRoleMayCallWhatThePageSaysAndNothingElse() async throws {
            defer { node.scratch.remove() }
            chmod(node.scratch.path, 0o711)
            let table = try Self.table()
            let routes = table.keys.sorted()
            #expect(routes.count >= 22)
            try await node.serving(["sandbox:": Self.configuration]) {
                for (role, group) in Self.groups {
                    let statuses = try await statuses(of: routes, groups: [group])
                    try #require(statuses.count == routes.count)
                    for (route, status) in zip(routes, statuses) {
                        let mayCall = table[route]?.contains(role) == true
                        #expect((status != 403) == mayCall, "\(role): \(route) gives \(status)")
                    }
                }
                let stranger = try await statuses(of: routes, groups: [])
                #expect(stranger == routes.map { _ in 403 })
                // Two groups are two roles.
                let both = try await statuses(
                    of: ["GET /v1/audit/checkpoint", "POST /v1/statements", "POST /v1/verdicts"],
                    groups: ["games", "news"])
                #expect(!both.contains(403))
            }
        }

        @Test(.enabled(if: canBeOthers, "needs root, setpriv and curl"))
        func aRefusalNamesTheGroupAndIsEnteredWithRoleAndRoute() async throws {
            defer { node.scratch.remove() }
            chmod(node.scratch.path, 0o711)
            let configuration = ["sandbox:": Self.configuration]
            try await node.serving(configuration) {
                let text = try await call(
                    ["-X", "POST", "http://selat/v1/policies"], groups: ["mail"])
                let problem = try JSON(parsing: Array(text.utf8))
                #expect(problem["type"] == "urn:selat:problem:role-missing")
                #expect(
                    problem["detail"]
                        == "`POST /v1/policies` is for administrator; uid 65534 is auditor")
                #expect(problem["remedy"]?.stringValue?.contains("group `backup`") == true)
            }
            // A stop enters what was counted.
            try await node.serving(configuration) {
                let log = try await Run.run(
                    Run.selat,
                    [
                        "audit", "log", "--kind", "calls.refused", "--json", "--socket",
                        node.control,
                    ])
                let entry = try #require(try log.json["entries"]?.arrayValue?.first)
                #expect(entry["actor"] == "uid:65534")
                #expect(
                    entry["details"] == [
                        "cause": "urn:selat:problem:role-missing", "count": 1,
                        "route": "POST /v1/policies", "roles": ["auditor"],
                    ])
            }
        }

        @Test func aRoleThatDoesNotExistIs78() async throws {
            defer { node.scratch.remove() }
            let ended = try await node.refused([
                "sandbox:": "sandbox: yes\nroles: {oficer: [selat-officer]}"
            ])
            #expect(ended.status == 78)
            #expect(ended.stderr.contains("unknown key `oficer` in `roles`"))
        }
    }
}
