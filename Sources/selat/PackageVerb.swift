import ArgumentParser
import HTTPTypes
import NIOCore
import SelatControl
import SelatCore
import SelatCrypto
import SelatEnvelope
import SelatFederation

struct PackageVerb: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "package",
        abstract: "Work with sealed packages (.selat): the same bytes as on the wire.",
        subcommands: [Export.self, PackageImport.self, Inspect.self, Verify.self])

    struct Export: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "export",
            abstract: "Write a transfer's sealed package to a file.",
            discussion:
                "Example: selat package export 0198f3a2-7c41-7d2e-9b1a-0f6c2d8e4a11 warning.selat")

        @OptionGroup var transfer: TransferArgument

        @Argument(help: "The file to write; it must not exist yet.")
        var file: String

        @OptionGroup var client: ClientOptions

        func run() async throws {
            let output = try ExportedFile(file)
            try await client.withDaemon { daemon in
                var progress = Progress("exporting", total: 0)
                defer { progress.finish() }
                try await daemon.stream(
                    .get, transfer.path("/package"), begun: { progress.expect($0) },
                    take: { piece in
                        progress.advance(by: piece.readableBytes)
                        try output.write(piece)
                    })
            }
            try output.publish()
            if client.json {
                Terminal.result(["id": .string(transfer.id.text), "path": .string(file)])
            } else {
                Terminal.result(file)
            }
        }
    }

    struct Inspect: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "inspect",
            abstract: "Show what anyone on the route can see of a package; believes nothing.",
            discussion: "Example: selat package inspect warning.selat")

        @Argument(help: "The package.")
        var file: String

        @Flag(help: "Print one JSON document instead of text.")
        var json = false

        func run() async throws {
            let head = try PackageFile.opened(file).head
            let header = try JSON(
                parsing: try CMS.unverifiedContent(head.headerCMS, type: .header))
            let suite = header["suite"]?.integerValue.flatMap { Suite(rawValue: $0) }
            if json {
                var result: JSON.Object = ["verified": false, "header": header]
                result["suite_name"] = suite.map { .string($0.name) }
                return Terminal.result(.object(result))
            }
            let text = header.pretty + (suite.map { "\n\($0)" } ?? "")
            Terminal.result(
                lines: ["not verified; the header says:"]
                    + text.split(separator: "\n").map(String.init))
        }
    }

    struct Verify: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "verify",
            abstract: "Verify a package: signature, path, every part, every segment.",
            discussion: """
                Needs no daemon and no key: the membership, and its list's digest obtained
                elsewhere. Exit status 3 when anything differs.

                Example:
                  selat package verify warning.selat --membership membership --trust sha256:…
                """)

        @Argument(help: "The package.")
        var file: String

        @Option(help: "The folder with membership.cms, records and crls.")
        var membership: String

        @Option(help: "The digest of the membership list, obtained elsewhere.")
        var trust: String

        @Flag(help: "Print one JSON document instead of text.")
        var json = false

        func run() async throws {
            let now = SystemClock().now()
            let trusted = try Digest(trust)
            do {
                try verify(try federation(trusted, at: now), at: now)
            } catch let ending as Ending {
                guard json, ending.status == .verificationFailed else { throw ending }
                Terminal.result([
                    "verified": false, "file": .string(file),
                    "error": .string(ending.message ?? ""),
                ])
                throw Ending(ending.status)
            }
        }

        private func federation(_ trusted: Digest, at now: Timestamp) throws -> Federation {
            do throws(FederationError) {
                return try FederationLoader.load(
                    directory: membership, trusted: trusted, allowsSandbox: true, at: now)
            } catch {
                throw Ending(error.status, "membership `\(membership)`: \(error)")
            }
        }

        private func verify(_ federation: Federation, at now: Timestamp) throws {
            let package = try PackageFile.opened(file)
            do {
                let head = try package.head.verify {
                    try federation.signer($0, node: $1, at: now)
                }
                guard head.core.federation == federation.id else {
                    throw Ending(.verificationFailed, "`\(file)` is of another federation")
                }
                var progress = Progress("verifying", total: head.header.payload.size)
                defer { progress.finish() }
                try package.verifyPayload(of: head) { progress.advance(by: $0) }
                report(head)
            } catch let ending as Ending {
                throw ending
            } catch {
                throw Ending(
                    .verificationFailed, "`\(file)`: \(error)",
                    hint: "do not use it; ask the sender for another copy")
            }
        }

        private func report(_ head: VerifiedHead) {
            let core = head.core
            if json {
                return Terminal.result([
                    "verified": true, "envelope": .string(head.identity.text),
                    "from": .string(core.from.text), "to": .string(core.to.text),
                    "id": .string(core.id.text), "header": head.header.json,
                ])
            }
            Terminal.result(
                "verified: \(core.id) from \(core.from) to \(core.to), "
                    + "\(core.suite), \(Quantity.bytes(head.header.payload.size)) sealed, "
                    + "every segment checked")
        }
    }
}

extension PackageFile {
    static func opened(_ path: String) throws -> PackageFile {
        do {
            return try PackageFile(path)
        } catch EnvelopeError.file(let fault) {
            // A file that cannot be read says nothing about what it holds.
            throw Ending(.failed, "\(fault)")
        } catch {
            throw Ending(
                .verificationFailed, "`\(path)`: \(error)",
                hint: "do not use it; ask the sender for another copy")
        }
    }
}
