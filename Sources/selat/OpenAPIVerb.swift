import ArgumentParser
import SelatControl

struct OpenAPIVerb: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "openapi",
        abstract: "Print the OpenAPI 3.1 document of the daemon's control API.",
        discussion: """
            The same document is at GET /v1/openapi.json of a running daemon.

            Example: selat openapi > selat-openapi.json
            """)

    func run() { Terminal.result(OpenAPI.document) }
}
