import Glibc
import Logging
import SelatCore
import SelatCrypto

/// The daemon of one node. Everything it is told stands in one configuration file.
@main
struct Selatd {
    static func main() async {
        signal(SIGPIPE, SIG_IGN)
        // Until there is something to read again.
        signal(SIGHUP, SIG_IGN)
        umask(0o077)
        LoggingSystem.bootstrap { label in JournalLogHandler(label: label) }
        let logger = Logger(label: "selatd")
        switch Invocation(CommandLine.arguments.dropFirst()) {
        case .help: print(Invocation.usage)
        case .version: print("selatd \(Program.version)")
        case .misused(let reason):
            logger.critical("\(reason)")
            exit(64)
        case .check(let path): exit(check(path, logger))
        case .run(let path): Program.end(await run(path, logger))
        }
    }

    private static func run(_ path: String, _ logger: Logger) async -> Int32 {
        FreedMemory.keep()
        do {
            let surroundings = try Surroundings()
            let node = try await Node.start(
                configuration: path, in: surroundings, logger: logger)
            try await node?.run()
            return 0
        } catch {
            return status(of: error, logger)
        }
    }

    /// Reads the configuration as a start or a reload does, and touches nothing.
    private static func check(_ path: String, _ logger: Logger) -> Int32 {
        do {
            _ = try Configuration(file: path)
            print("`\(path)` is valid")
            return 0
        } catch {
            return status(of: error, logger)
        }
    }

    private static func status(of error: any Error, _ logger: Logger) -> Int32 {
        guard let failure = error as? StartFailure else {
            logger.critical("\(error)")
            return 1
        }
        for line in failure.description.split(separator: "\n") { logger.critical("\(line)") }
        return failure.status
    }
}

/// What the command line asks for.
enum Invocation {
    case run(configuration: String)
    case check(configuration: String)
    case help
    case version
    case misused(String)

    static let usage = """
        usage: selatd [--check] [--config FILE]

        Runs one node until SIGTERM or SIGINT. SIGHUP reads the configuration again.

          --config FILE   the configuration (default: /etc/selat/selatd.yaml)
          --check         only say whether the configuration is valid
          --version       print the version
          --help          print this

        Exit status: 0 stopped; 1 failed; 64 usage; 70 a commit's outcome is uncertain;
        78 configuration, policy or membership invalid.
        """

    init(_ arguments: ArraySlice<String>) {
        switch Array(arguments) {
        case []: self = .run(configuration: Self.usual)
        case ["--check"]: self = .check(configuration: Self.usual)
        case ["--help"], ["-h"]: self = .help
        case ["--version"]: self = .version
        case let words where words.count == 2 && words[0] == "--config":
            self = .run(configuration: words[1])
        case let words where words.count == 3 && words.prefix(2) == ["--check", "--config"]:
            self = .check(configuration: words[2])
        case let words: self = .misused("unknown argument `\(words[0])`; see selatd --help")
        }
    }

    private static let usual = "/etc/selat/selatd.yaml"
}

/// Why the node does not start.
struct StartFailure: Error, CustomStringConvertible {
    let status: Int32
    let description: String

    /// The configuration, or what it names, is invalid: restarting does not mend it.
    static func invalid(_ reason: String) -> StartFailure {
        StartFailure(status: 78, description: reason)
    }

    static func failed(_ reason: String) -> StartFailure {
        StartFailure(status: 1, description: reason)
    }
}
