import ArgumentParser
import FoundationEssentials
import Glibc
import NIOCore
import SelatControl
import SelatCore
import SelatEnvelope
import SelatHTTP

struct PackageImport: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "import",
        abstract: "Take packages that were brought by hand, as if they came over the link.",
        discussion: """
            PATH is a package, or a folder of them (*.selat). Each is verified and judged
            as an offer of its sender's would be, and what arrived lies in the inbox. One
            that was cut short goes on where it stopped; one that is here already is
            answered with its receipt again. With --receipts the receipts are written for
            whoever carries them back: `selat receipt import` at the sender.

            Exit status: 0 all of them arrived; 3 one does not verify, 2 one was refused,
            1 one failed.

            Examples:
              selat package import warning.selat --receipts out
              selat package import /media/courier --receipts /media/courier
            """)

    @Argument(help: "A package, or a folder of them.")
    var path: String

    @Option(help: "The folder for receipts, ID.receipt each.")
    var receipts: String?

    @OptionGroup var client: ClientOptions

    func run() async throws {
        let files = try Self.files(at: path)
        if let receipts { try NewFile.makeFolder(AbsolutePath.of(receipts)) }
        var outcomes: [Outcome] = []
        for file in files {
            // Each on its own connection: one that is answered before its end closes it.
            let outcome = try await client.withDaemon { try await take(file, $0) }
            if !client.json { Terminal.result(lines: [outcome.line]) }
            outcomes.append(outcome)
        }
        if client.json {
            Terminal.result([
                "packages": .array(outcomes.map(\.json)),
                "arrived": .integer(Int64(outcomes.count { $0.status == .done })),
            ])
        } else if files.count > 1 {
            let arrived = outcomes.count { $0.status == .done }
            Terminal.note("\(files.count) packages, \(arrived) arrived")
        }
        try Self.end(outcomes.map(\.status))
    }

    /// The gravest of several ends.
    static func end(_ statuses: [ExitStatus]) throws {
        let order: [ExitStatus] = [.verificationFailed, .refused, .failed, .usage, .notYet]
        guard let worst = order.first(where: statuses.contains) else { return }
        throw Ending(worst)
    }

    /// The packages to take, in the order of their names.
    static func files(at path: String, ending: String = ".selat") throws -> [String] {
        guard EvidenceFolder.isFolder(path) else { return [path] }
        guard let names = try? FileManager.default.contentsOfDirectory(atPath: path) else {
            throw Ending(.failed, "folder `\(path)` cannot be read")
        }
        let files = names.filter { $0.hasSuffix(ending) && !$0.hasPrefix(".") }.sorted()
        guard !files.isEmpty else {
            throw Ending(.usage, "folder `\(path)` has no file that ends in `\(ending)`")
        }
        return files.map { "\(path)/\($0)" }
    }

    /// What became of one file. A fault of the daemon's own ends the whole run.
    private func take(_ file: String, _ daemon: ControlClient) async throws -> Outcome {
        do {
            let answer = try await post(try PackageFile.opened(file), daemon)
            return try keepReceipt(of: Outcome(file: file, answer: answer))
        } catch let error as ControlError {
            throw error
        } catch let ending as Ending {
            return Outcome(file: file, ending)
        } catch {
            return Outcome(file: file, Ending(explaining: error))
        }
    }

    private func post(_ package: PackageFile, _ daemon: ControlClient) async throws -> JSON {
        // The very bytes of the file: the front has one encoding.
        let front = package.head.encoded().count
        let length = UInt64(front) + package.head.payloadSize
        let file = try PieceFile(package.path, upTo: length)
        var progress = Progress("importing", total: length)
        defer { progress.finish() }
        return try await daemon.post("/v1/packages?front=\(front)", length: length) {
            guard let piece = try file.next() else { return nil }
            progress.advance(by: piece.readableBytes)
            return piece
        }
    }

    private func keepReceipt(of outcome: Outcome) throws -> Outcome {
        guard let receipts, let document = outcome.answer?["receipt"]?["document"],
            let text = outcome.answer?["id"]?.stringValue
        else { return outcome }
        var outcome = outcome
        let id = try TransferID(text)
        let place = "\(AbsolutePath.of(receipts))/\(id).receipt"
        try ReceiptFile.write(document, of: id, to: place)
        outcome.receipt = place
        return outcome
    }

    /// What became of one file.
    struct Outcome {
        let file: String
        var answer: JSON?
        /// Why it was not taken, and what to do.
        var fault: String?
        var remedy: String?
        var receipt: String?
        let status: ExitStatus

        init(file: String, answer: JSON) {
            self.file = file
            self.answer = answer
            switch answer["state"]?.stringValue {
            case "delivered", "opened": status = .done
            case "refused": status = .refused
            default: status = .failed
            }
        }

        init(file: String, _ ending: Ending) {
            self.file = file
            fault = ending.message ?? "it failed"
            remedy = ending.hint
            status = ending.status
        }

        var line: String {
            guard let answer else {
                return "\(file)  \(fault ?? "")" + (remedy.map { "; \($0)" } ?? "")
            }
            let reason = answer["receipt"]?["reason"]?.stringValue.map { ": \($0)" } ?? ""
            return "\(file)  \(answer.text("id"))  from \(answer.text("from"))  "
                + "\(answer.text("state"))\(reason)"
        }

        var json: JSON {
            var members = answer?.objectValue ?? [:]
            members["file"] = .string(file)
            members["error"] = fault.map { .string($0) }
            members["remedy"] = remedy.map { .string($0) }
            members["receipt_path"] = receipt.map { .string($0) }
            return .object(members)
        }
    }
}

/// A file's first bytes, piece by piece.
private final class PieceFile {
    private let path: String
    private let descriptor: Int32
    private var left: UInt64

    private static let pieceBytes: UInt64 = 1 << 20

    init(_ path: String, upTo count: UInt64) throws {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw Self.fault(path) }
        self.path = path
        self.descriptor = descriptor
        left = count
    }

    deinit { close(descriptor) }

    func next() throws -> ByteBuffer? {
        guard left > 0 else { return nil }
        let wanted = Int(min(left, Self.pieceBytes))
        var piece = ByteBuffer()
        let count = piece.writeWithUnsafeMutableBytes(minimumWritableBytes: wanted) { room in
            max(0, read(descriptor, room.baseAddress, wanted))
        }
        guard count > 0 else { throw Self.fault(path) }
        left -= UInt64(count)
        return piece
    }

    private static func fault(_ path: String) -> Ending {
        Ending(.failed, "reading `\(path)`: it cannot be read, or has become shorter")
    }
}
