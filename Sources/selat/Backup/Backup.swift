import ArgumentParser
import Glibc
import HTTPTypes
import NIOCore
import SelatControl
import SelatCore
import SelatCrypto
import SelatHTTP

struct Backup: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "backup",
        abstract: "Write everything the node needs elsewhere into one sealed file, while it runs.",
        discussion: """
            Database, spool, keys, membership and configuration, as they are at one
            moment; no transfer waits. It is sealed to the certificate that the
            configuration names as `backup` (selat keys backup makes one), signed by the
            node, and read back from the disk before it gets its name. Only its key opens
            it: see selat restore. Root may name another certificate with --to.

            Examples:
              selat backup /backup/csa-$(date +%F).selatbackup
              selat backup offsite.selatbackup --to offsite.pem --json
            """)

    @Argument(help: "The file to write; it must not exist yet.")
    var file: String

    @Option(help: "A certificate for backups to seal to, instead of the configured one.")
    var to: String?

    @OptionGroup var client: ClientOptions

    func run() async throws {
        guard access(file, F_OK) != 0 else {
            throw Ending(.failed, "`\(file)` exists already", hint: "name another file")
        }
        var request: JSON.Object = [:]
        if let to {
            request["recipient"] = .string(
                String(decoding: try PersonalKey.bytes(of: to), as: UTF8.self))
        }
        let output = try ExportedFile(file)
        let made = try await client.withDaemon { daemon in
            let given = try await take(.object(request), from: daemon, into: output)
            let written = try output.digest()
            guard written == given else {
                throw Ending(
                    .failed, "`\(file)` reads back as \(written), and was \(given)",
                    hint: "check the disk; nothing was left behind")
            }
            try output.publish()
            do {
                return try await daemon.post(
                    "/v1/backups/confirmation", ["digest": .string(written.text)])
            } catch let refusal as Problem where refusal.type == Self.differs {
                // What the node does not own up to is not kept as if it did.
                output.withdraw()
                throw refusal
            } catch {
                throw unconfirmed(written, error)
            }
        }
        var members = made.objectValue ?? [:]
        members["path"] = .string(file)
        if client.json { return Terminal.result(.object(members)) }
        Terminal.result(
            "\(file): \(made.size("size_bytes")), as of "
                + "\(made.text("taken")), verified")
    }

    private static let differs = "urn:selat:problem:verification-failed"

    /// No answer, or that of a node which cannot enter anything now, or was started anew meanwhile, is no
    /// refusal: the file is as whole as it was, and may have been entered.
    private func unconfirmed(_ digest: Digest, _ error: any Error) -> Ending {
        let cause = Ending(explaining: error)
        return Ending(
            cause.status,
            "`\(file)` is whole and kept, but not confirmed: \(cause.message ?? "\(error)")",
            hint: "where `selat status --json` names \(digest) under `backup`, it was confirmed; "
                + "otherwise make another, or look at this one: `selat restore --check`")
    }

    /// - Returns: the digest of what came.
    private func take(
        _ request: JSON, from daemon: ControlClient, into output: ExportedFile
    ) async throws -> Digest {
        var progress = Progress("backing up", total: 0)
        defer { progress.finish() }
        let counter = Counter()
        try await daemon.stream(
            .post, "/v1/backups", request,
            begun: { progress = Progress("backing up", total: $0) },
            take: { piece in
                counter.hasher.update(piece.readableBytesView)
                try output.write(piece)
                progress.advance(by: piece.readableBytes)
            })
        return counter.hasher.finish()
    }

    /// A digest that a closure can go on with.
    private final class Counter { var hasher = SHA256() }
}
