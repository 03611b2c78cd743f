import ArgumentParser
import Foundation
import SelatControl
import SelatCore

/// What every verb that talks to a daemon takes.
struct ClientOptions: ParsableArguments {
    @Option(
        help: "The daemon's control socket (default: SELAT_SOCKET, else /run/selat/control.sock).")
    var socket: String?

    @Flag(help: "Print one JSON document instead of text.")
    var json = false

    /// Where the daemon's socket is.
    var path: String {
        socket ?? ProcessInfo.processInfo.environment["SELAT_SOCKET"] ?? "/run/selat/control.sock"
    }

    /// Runs `body` with a connection to the daemon.
    /// - Throws: what `body` throws; `Ending` where the daemon stopped in the middle of an answer, which it
    ///   breaks off as well where a check fails.
    func withDaemon<Value>(_ body: (ControlClient) async throws -> Value) async throws -> Value {
        let client = try await ControlClient(socket: path)
        do {
            let value = try await body(client)
            await client.close()
            return value
        } catch ControlError.cutShort(let taken) {
            await client.close()
            try await requireDaemon(after: taken)
            throw ControlError.cutShort(taken: taken)
        } catch {
            await client.close()
            throw error
        }
    }

    private func requireDaemon(after taken: UInt64) async throws {
        do {
            let client = try await ControlClient(socket: path)
            await client.close()
        } catch {
            throw Ending(
                .unreachable, "the daemon at `\(path)` stopped after \(taken) bytes of its answer",
                hint: "nothing was left behind; start the daemon, and ask again")
        }
    }
}

/// A flag that must be said aloud: nobody sends personal data by leaving a word out.
enum YesNo: String, ExpressibleByArgument, CaseIterable {
    case yes, no
}

extension NodeID: ExpressibleByArgument {
    package init?(argument: String) {
        guard let node = try? NodeID(argument) else { return nil }
        self = node
    }
}

extension TransferID: ExpressibleByArgument {
    package init?(argument: String) {
        guard let id = try? TransferID(argument) else { return nil }
        self = id
    }
}

extension TransferReference: ExpressibleByArgument {
    package init?(argument: String) {
        guard let reference = try? TransferReference(argument) else { return nil }
        self = reference
    }
}

extension Series: ExpressibleByArgument {
    package init?(argument: String) { self.init(argument) }
}

extension Digest: ExpressibleByArgument {
    package init?(argument: String) {
        guard let digest = try? Digest(argument) else { return nil }
        self = digest
    }
}

extension Country: ExpressibleByArgument {
    package init?(argument: String) {
        guard let country = try? Country(argument) else { return nil }
        self = country
    }
}

extension Classification: ExpressibleByArgument {}
extension Precedence: ExpressibleByArgument {}
extension TLP: ExpressibleByArgument {}
