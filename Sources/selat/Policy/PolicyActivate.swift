import ArgumentParser
import FoundationEssentials
import SelatControl
import SelatCore
import SelatPolicy

struct PolicyActivate: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "activate",
        abstract:
            "Hand signed policy editions to the own node, which judges by them when in force.",
        discussion: """
            Takes FILE.yaml and FILE.yaml.p7s of a folder, all or none. Each edition comes
            into force at its `in-force`, without a restart; other nodes obtain it from
            this one. Editing a file afterwards changes nothing. Exit status 78 where one
            is refused; nothing changes then.

            Example:
              selat policy activate Policies
            """)

    @Argument(help: "The folder with the policy files and their signatures, or single files.")
    var paths: [String]

    @OptionGroup var client: ClientOptions

    func run() async throws {
        let request = ActivationRequest(editions: try files().map(edition))
        let answer = try await client.withDaemon { daemon in
            try await daemon.post("/v1/policies", request.json)
        }
        if client.json { return Terminal.result(answer) }
        var table = Table(["name", "edition", "in force", "result", "digest"])
        for edition in answer["editions"]?.arrayValue ?? [] {
            table.add([
                edition.text("name"), edition.text("edition"), edition.text("in_force"),
                edition.text("result"), String(edition.text("digest").prefix(19)),
            ])
        }
        Terminal.result(table.text)
    }

    private func files() throws -> [String] {
        try paths.flatMap { path in
            path.hasSuffix(".yaml") ? [path] : try PolicyFolder.read(path).map(\.name)
        }
    }

    private func edition(_ path: String) throws -> ActivationRequest.Edition {
        guard let contents = FileManager.default.contents(atPath: path) else {
            throw Ending(.failed, "reading `\(path)`: \(InputFile.hindrance(path))")
        }
        return ActivationRequest.Edition(
            file: path.split(separator: "/").last.map(String.init) ?? path,
            bytes: Array(contents),
            signatures: try EditionFile.signatures(beside: path))
    }
}
