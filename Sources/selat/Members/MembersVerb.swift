import ArgumentParser

struct MembersVerb: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "members",
        abstract: "Who is a member, and how the members change that.",
        discussion: """
            A change is proposed by one, signed by as many authorities as the list in
            force and the new one ask for, each with an own key and wherever they are, and
            handed to any node:

              selat members propose --cut VN/hub --out cut.json
              selat members sign cut.json --key a1.key --certificate a1.pem
              selat members sign cut.cms  --key b1.key --certificate b1.pem
              selat members publish cut.cms
            """,
        subcommands: [
            MembersShow.self, MembersPropose.self, MembersSign.self, MembersMerge.self,
            MembersPublish.self, MembersDiff.self,
        ],
        defaultSubcommand: MembersShow.self)
}
