import ArgumentParser
import SelatControl
import SelatCore
import SelatCrypto
import SelatFederation

struct MembersShow: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "show",
        abstract: "Show who is a member, their nodes and officers, and until when that holds.",
        discussion: """
            Examples:
              selat members
              selat members show VN
              selat members show VN/hub --membership membership --trust sha256:4f62…
            """)

    @Argument(help: "A member or a node; without it, all members.")
    var who: String?

    @OptionGroup var held: HeldMembership
    @OptionGroup var client: ClientOptions

    func run() async throws {
        let now = SystemClock().now()
        let report = try await report(at: now)
        guard let who else {
            if client.json { return Terminal.result(report) }
            return Terminal.result(MembershipPage(report, at: now).overview)
        }
        guard let member = MembershipPage.member(String(who.prefix(2)), in: report) else {
            throw Ending(.failed, "`\(who)` is no member", hint: "selat members")
        }
        guard who.utf8.count > 2 else {
            if client.json { return Terminal.result(member) }
            return Terminal.result(MembershipPage(report, at: now).detail(of: member))
        }
        let nodes = member["nodes"]?.arrayValue ?? []
        guard let node = nodes.first(where: { $0.text("id") == who }) else {
            throw Ending(
                .failed, "`\(who)` is no node of `\(member.text("country"))`",
                hint: "selat members show \(member.text("country"))")
        }
        if client.json { return Terminal.result(node) }
        Terminal.result(MembershipPage(report, at: now).detail(ofNode: node))
    }

    private func report(at now: Timestamp) async throws -> JSON {
        guard held.isOffline else {
            return try await client.withDaemon { try await $0.getJSON("/v1/membership") }
        }
        return try await held.load(client, at: now).report(at: now)
    }
}
