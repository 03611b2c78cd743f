import SelatControl
import SelatCore
import SelatCrypto
import SelatHTTP
import SelatPolicy

/// The exit codes, a contract with scripts.
enum ExitStatus: Int32 {
    case done = 0
    case failed = 1
    /// The answer is no: refused by policy, by the recipient, or, of a package, by this node.
    case refused = 2
    /// A signature, an envelope or a log did not verify.
    case verificationFailed = 3
    /// Not yet: facts missing, an approval owed, or `--wait` ran out.
    case notYet = 4
    case usage = 64
    case unreachable = 69
    case invalidConfiguration = 78

    /// Among the ends of several files. A switch, so that no new one is forgotten.
    fileprivate var gravity: Int {
        switch self {
        case .done: 0
        case .notYet: 1
        case .usage: 2
        case .invalidConfiguration: 3
        case .failed: 4
        case .refused: 5
        case .verificationFailed: 6
        // Nobody knows how the rest would have ended.
        case .unreachable: 7
        }
    }
}

/// How the command ends when it is not simply done.
struct Ending: Error {
    let status: ExitStatus
    /// What happened, to which object; nil when stdout has said it all.
    var message: String?
    /// What to do next.
    var hint: String?

    init(_ status: ExitStatus, _ message: String? = nil, hint: String? = nil) {
        self.status = status
        self.message = message
        self.hint = hint
    }

    /// How a run over several files ends: as the gravest of them did; nil where each is done.
    /// - Parameters:
    ///   - ends: those of the files that were tried; nil for one that is done. Their words are on stdout, but
    ///     where the daemon was gone: after that none is tried.
    ///   - count: how many files there were.
    init?(ofFiles ends: [(file: String, ending: Ending?)], outOf count: Int) {
        let gravest = ends.max {
            ($0.ending?.status ?? .done).gravity < ($1.ending?.status ?? .done).gravity
        }
        guard let gravest, let ending = gravest.ending else { return nil }
        guard ending.status == .unreachable else {
            self.init(ending.status)
            return
        }
        let left = count - ends.count
        self.init(
            .unreachable,
            "`\(gravest.file)`: \(ending.message ?? "the daemon is gone")"
                + (left == 0 ? "" : "; \(left) of \(count) files were not tried"),
            hint: ending.hint)
    }

    /// What an error of a module below means to the one who typed the command.
    init(explaining error: any Error) {
        switch error {
        case let error as ControlError:
            switch error {
            case .unreachable:
                self.init(
                    .unreachable, error.description,
                    hint: "start the daemon, or name its socket with --socket or SELAT_SOCKET")
            case .cutShort:
                self.init(
                    .verificationFailed, error.description,
                    hint: "the reason is in the daemon's log: journalctl -u selatd")
            }
        case HTTPFault.stalled:
            self.init(
                .unreachable,
                "the daemon says nothing more, but has not ended: it or its disk hangs",
                hint: "see what it does: journalctl -u selatd; what it took: `selat transfers`")
        case HTTPFault.bodyTooLarge(let bytesMax):
            self.init(
                .failed, "the daemon's answer is larger than \(Quantity.bytes(UInt64(bytesMax)))",
                hint: "ask for less at a time, with a smaller --limit")
        case let fault as HTTPFault:
            self.init(
                .unreachable, "the daemon went away before it answered: \(fault)",
                hint: "once it runs again, see what it took: `selat transfers`, `selat inbox`")
        case let problem as Problem where Self.documentRefusals.contains(problem.type):
            let errors = (problem.extensions["errors"]?.arrayValue ?? []).compactMap(\.stringValue)
            self.init(
                .invalidConfiguration,
                ([problem.title + ":"] + errors).joined(separator: "\n"), hint: problem.remedy)
        case let problem as Problem:
            let code = ProblemKind(type: problem.type)?.exitCode
            self.init(
                code.flatMap { ExitStatus(rawValue: $0) } ?? .failed, problem.description,
                hint: problem.remedy)
        case let errors as PolicyErrors:
            self.init(.invalidConfiguration, errors.description)
        case let error as CryptoError:
            self.init(.verificationFailed, error.description)
        case let error as CoreError:
            self.init(.usage, error.description)
        default:
            self.init(.failed, "\(error)")
        }
    }

    /// Documents that the daemon did not take; `errors` has every reason.
    private static let documentRefusals: Set<String> = [
        "urn:selat:problem:policy-refused", "urn:selat:problem:membership-refused",
    ]
}
