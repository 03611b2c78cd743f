import ArgumentParser
import FoundationEssentials
import Glibc
import SelatControl
import SelatCore

struct Sandbox: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "sandbox",
        abstract: "A whole federation on this machine, for trying out and for tests.",
        discussion: """
            Sandbox keys lie on disk without a passphrase, and nodes of a real federation
            refuse a sandbox's membership list.
            """,
        subcommands: [Up.self, Add.self, Down.self])

    struct Up: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "up",
            abstract:
                "Make authorities, keys, membership and nodes in a folder, and start the nodes.",
            discussion: """
                In a folder that has a sandbox already, starts what is not running.

                Examples:
                  selat sandbox up /tmp/selat --members SG,MY,VN
                  selat sandbox up /tmp/relay --members SG,TH,VN --apart SG-VN
                """)

        @Argument(help: "The folder.")
        var directory: String

        @Option(help: "The members' countries.")
        var members: String = "SG,MY,VN"

        @Option(
            help: ArgumentHelp(
                "Two members whose nodes are not linked: a relay is between them. Repeatable.",
                valueName: "cc-cc"))
        var apart: [String] = []

        @Option(help: "The folder with the policy files (default: Policies, or as installed).")
        var policies: String?

        @Flag(help: "Print one JSON document instead of text.")
        var json = false

        func run() async throws {
            let folder = try SandboxFolder(directory)
            if folder.exists {
                try SandboxFounding.refreshRevocationLists(in: folder)
            } else {
                var countries: [Country] = []
                for code in members.split(separator: ",") {
                    countries.append(try Country(String(code)))
                }
                try SandboxFounding(
                    folder: folder, countries: countries, policies: policies,
                    apart: try apart.map { try Self.pair($0, among: countries) }
                ).run()
            }
            var nodes: [JSON] = []
            for node in try folder.nodes() {
                let pid = try await SandboxProcess(folder: folder, node: node).start()
                nodes.append([
                    "id": .string(node.id.text), "socket": .string(node.socket),
                    "endpoint": .string(node.endpoint), "pid": .integer(Int64(pid)),
                ])
            }
            if json { return Terminal.result(["nodes": .array(nodes)]) }
            var table = Table(["id", "endpoint", "pid", "socket"])
            for node in nodes {
                table.add(["id", "endpoint", "pid", "socket"].map { node.text($0) })
            }
            Terminal.result(table.text)
        }

        private static func pair(
            _ text: String, among countries: [Country]
        ) throws -> (Country, Country) {
            let pair = try text.split(separator: "-").map { try Country(String($0)) }
            guard pair.count == 2, pair[0] != pair[1], Set(pair).isSubset(of: countries) else {
                throw Ending(.usage, "`\(text)`: expected two of the members, such as SG-VN")
            }
            return (pair[0], pair[1])
        }
    }

    struct Add: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "add",
            abstract: "Let another member join the running sandbox, and start its node.",
            discussion: """
                Does what authorities, operator and members do when a country joins, one after
                the other: authority, keys and sheet, certificates, record, the next list
                signed by the quorum of the old and of the new one, publication, and the node,
                which goes live by itself.

                Example:
                  selat sandbox add /tmp/selat --member TH
                """)

        @Argument(help: "The folder.")
        var directory: String

        @Option(help: "The country.")
        var member: Country

        @Option(help: "The folder with the policy files (default: Policies, or as installed).")
        var policies: String?

        @Flag(help: "Print one JSON document instead of text.")
        var json = false

        func run() async throws {
            let folder = try SandboxFolder(directory)
            guard folder.exists else { throw Ending(.failed, "no sandbox in `\(directory)`") }
            let joining = SandboxJoining(folder: folder, country: member, policies: policies)
            let (node, pid, milliseconds) = try await joining.run()
            if json {
                return Terminal.result([
                    "id": .string(node.id.text), "socket": .string(node.socket),
                    "endpoint": .string(node.endpoint), "pid": .integer(Int64(pid)),
                    "serving_after_ms": .integer(milliseconds),
                ])
            }
            Terminal.result("\(node.id) serves at \(node.endpoint); socket \(node.socket)")
        }
    }

    struct Down: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "down",
            abstract: "Stop a sandbox's nodes; what they hold stays.",
            discussion: "Example: selat sandbox down /tmp/selat")

        @Argument(help: "The folder.")
        var directory: String

        func run() async throws {
            let folder = try SandboxFolder(directory)
            guard folder.exists else { throw Ending(.failed, "no sandbox in `\(directory)`") }
            for node in try folder.nodes() {
                let stopped = try await SandboxProcess(folder: folder, node: node).stop()
                Terminal.note("\(node.id): \(stopped ? "stopped" : "was not running")")
            }
        }
    }
}

/// Where a sandbox keeps what.
struct SandboxFolder {
    let path: String

    struct Node {
        let id: NodeID
        let port: UInt16
        let folder: String

        var socket: String { "\(folder)/control.sock" }
        var endpoint: String { "127.0.0.1:\(port)" }
    }

    init(_ directory: String) throws {
        let base =
            directory.hasPrefix("/")
            ? directory
            : FileManager.default.currentDirectoryPath
                + "/" + directory
        path = base.count > 1 && base.hasSuffix("/") ? String(base.dropLast()) : base
        // A unix socket's path has about a hundred bytes.
        guard path.utf8.count <= 80 else {
            throw Ending(
                .usage, "`\(path)` is too long for the sockets in it", hint: "use a shorter folder")
        }
    }

    private var description: String { "\(path)/sandbox.json" }
    var membership: String { "\(path)/membership" }
    var policies: String { "\(path)/policies" }
    var exists: Bool { access(description, F_OK) == 0 }

    func folder(of id: NodeID) -> String { "\(path)/\(id.country)-\(id.name)" }

    func write(_ nodes: [Node]) throws {
        let documents = nodes.map { node -> JSON in
            ["id": .string(node.id.text), "port": .integer(Int64(node.port))]
        }
        try write(Array(JSON.object(["nodes": .array(documents)]).pretty.utf8), to: description)
    }

    func read(_ path: String) throws -> [UInt8] {
        guard let contents = FileManager.default.contents(atPath: path) else {
            throw Ending(.failed, "reading `\(path)`: \(InputFile.hindrance(path))")
        }
        return Array(contents)
    }

    func nodes() throws -> [Node] {
        var reader = try ObjectReader(JSON(parsing: try read(description)), "sandbox")
        return try reader.array("nodes").map { document in
            var reader = try ObjectReader(document, "sandbox node")
            let id = try reader.node("id")
            let port = UInt16(clamping: try reader.unsigned("port"))
            return Node(id: id, port: port, folder: folder(of: id))
        }
    }

    /// Makes a folder that only its owner enters.
    func makeFolder(_ path: String) throws {
        guard mkdir(path, 0o700) == 0 || errno == EEXIST else {
            throw Ending(.failed, "making `\(path)`: \(String(cString: strerror(errno)))")
        }
    }

    /// Writes a file that only its owner reads.
    func write(_ bytes: [UInt8], to path: String) throws {
        let file = Glibc.open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
        guard file >= 0 else {
            throw Ending(.failed, "making `\(path)`: \(String(cString: strerror(errno)))")
        }
        defer { close(file) }
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { Glibc.write(file, $0.baseAddress, $0.count) }
            guard count > 0 else {
                throw Ending(.failed, "writing `\(path)`: \(String(cString: strerror(errno)))")
            }
            rest = rest.dropFirst(count)
        }
    }
}
