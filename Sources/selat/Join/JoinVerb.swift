import ArgumentParser

struct JoinVerb: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "join",
        abstract: "Make what a new node needs, and what a new member hands to the others.",
        discussion: """
            On the new node: `selat join` makes keys, requests, a sheet to compare by
            telephone and a configuration; `selat join finish` checks what the authority
            issued. At the authority: `selat join record` makes the member's first record,
            and `selat join member` the candidate that the other members sign into the
            list.
            """,
        subcommands: [JoinNode.self, JoinFinish.self, JoinMember.self, JoinRecord.self],
        defaultSubcommand: JoinNode.self)
}
