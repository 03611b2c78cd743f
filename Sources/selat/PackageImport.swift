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
            whoever carries them back: `selat receipt import` at the sender. A relay of its
            route takes a package too, and passes it on.

            Exit status: 0 all of them arrived, or pass through this relay; 69 the daemon
            is gone, and the rest was not tried; 3 one does not verify, 2 one was refused,
            1 one failed, or finds no room now, 4 one lacks an approval that is owed here.
            The gravest counts.

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
            let outcome = await outcome(of: file)
            outcomes.append(outcome)
            // Each further one would end with the same words.
            if outcome.ending?.status == .unreachable { break }
            if !client.json { Terminal.result(lines: [outcome.line]) }
        }
        let arrived = outcomes.count { $0.hasArrived }
        let relayed = outcomes.count { $0.isRelayed }
        if client.json {
            Terminal.result([
                "packages": .array(outcomes.map(\.json)), "arrived": .integer(Int64(arrived)),
                "relayed": .integer(Int64(relayed)),
                "not_tried": .integer(Int64(files.count - outcomes.count)),
            ])
        } else if files.count > 1 {
            Terminal.note(
                "\(files.count) packages, \(arrived) arrived"
                    + (relayed > 0 ? ", \(relayed) to pass on" : ""))
        }
        let ends = outcomes.map { (file: $0.file, ending: $0.ending) }
        if let ending = Ending(ofFiles: ends, outOf: files.count) { throw ending }
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

    /// Each on its own connection: one that is answered before its end closes it.
    private func outcome(of file: String) async -> Outcome {
        do {
            return try await client.withDaemon { daemon in
                let answer = try await post(try PackageFile.opened(file), daemon)
                var outcome = Outcome(file: file, answer: answer)
                do {
                    outcome.receipt = try keptReceipt(of: answer)
                } catch {
                    outcome.lacksReceipt(error)
                }
                return outcome
            }
        } catch {
            return Outcome(file: file, error as? Ending ?? Ending(explaining: error))
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

    /// - Returns: where it lies; nil where none is to be kept, or there is none of the recipient's.
    private func keptReceipt(of answer: JSON) throws -> String? {
        guard let receipts, answer["receipt"]?["kind"] != "relayed",
            let document = answer["receipt"]?["document"],
            let text = answer["id"]?.stringValue
        else { return nil }
        let id = try TransferID(text)
        let place = "\(AbsolutePath.of(receipts))/\(id).receipt"
        try ReceiptFile.write(document, of: id, to: place)
        return place
    }

    /// What became of one file.
    struct Outcome {
        let file: String
        var answer: JSON?
        /// Nil where it arrived, or passes through here, and its receipt lies where it was wanted. It has no words where the answer has
        /// them.
        private(set) var ending: Ending?
        var receipt: String?

        init(file: String, answer: JSON) {
            self.file = file
            self.answer = answer
            if hasArrived || isRelayed { return }
            ending = Ending(answer["state"] == "refused" ? .refused : .failed)
        }

        init(file: String, _ ending: Ending) {
            self.file = file
            self.ending = ending
        }

        var hasArrived: Bool {
            next == nil && (answer?["state"] == "delivered" || answer?["state"] == "opened")
        }

        /// Whether this relay holds it to pass it on, or has done so.
        var isRelayed: Bool {
            next != nil
                && ["holding", "forwarded", "delivered"].contains(answer?["state"]?.stringValue)
        }

        /// The node that it goes to from here; nil where this is its recipient.
        private var next: String? { answer?["next"]?.stringValue }

        /// The package is what the daemon says of it all the same.
        mutating func lacksReceipt(_ error: any Error) {
            let fault = error as? Ending ?? Ending(explaining: error)
            ending = Ending(ending?.status ?? fault.status, fault.message, hint: fault.hint)
        }

        var line: String {
            guard let answer else {
                return "\(file)  \(ending?.message ?? "")" + (ending?.hint.map { "; \($0)" } ?? "")
            }
            let reason = answer["receipt"]?["reason"]?.stringValue.map { ": \($0)" } ?? ""
            return "\(file)  \(answer.text("id"))  from \(answer.text("from"))  "
                + "\(answer.text("state"))\(reason)\(way)"
                + (ending?.message.map { "; no receipt: \($0)" } ?? "")
        }

        /// Where it goes from here.
        private var way: String {
            guard let answer, let next, isRelayed else { return "" }
            let to = answer.text("to")
            return (answer["state"] == "delivered" ? " to \(to)" : ", on its way to \(to)")
                + (next == to ? "" : " by \(next)")
        }

        var json: JSON {
            var members = answer?.objectValue ?? [:]
            members["file"] = .string(file)
            members["error"] = ending?.message.map { JSON.string($0) }
            members["remedy"] = ending?.hint.map { JSON.string($0) }
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
