import ArgumentParser

struct KeysVerb: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "keys",
        abstract: "Show the node's keys and certificates, and rotate them.",
        discussion: "Without a verb: `selat keys show`.",
        subcommands: [KeysShow.self, KeysRotate.self, KeysBackup.self],
        defaultSubcommand: KeysShow.self)
}
