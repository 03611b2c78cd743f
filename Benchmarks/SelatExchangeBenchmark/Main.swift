import Foundation
import SelatControl
import SelatCore

// Sends small datasets to a daemon's control socket, as `selat send --wait` does, over kept connections,
// and prints how many a second were delivered and how long one took. `scripts/bench exchange` starts the
// nodes, and runs the limits and the peers beside it.
//
//   SelatExchangeBenchmark SOCKET TO COUNT SENDERS BYTES [PRECEDENCE]

@main
struct Main {
    static func main() async {
        do {
            let words = CommandLine.arguments.dropFirst()
            if words.first == "finished" {
                print(try await Finished(words.dropFirst()).run())
            } else {
                print(try await Job(words).run())
            }
        } catch {
            FileHandle.standardError.write(Data("SelatExchangeBenchmark: error: \(error)\n".utf8))
            exit(1)
        }
    }
}

struct Job: Sendable {
    let socket: String
    let request: SendRequest
    let count: Int
    let senders: Int
    let bytes: Int

    init(_ arguments: ArraySlice<String>) throws {
        let words = Array(arguments)
        guard (5...6).contains(words.count), let count = Int(words[2]), count > 0,
            let senders = Int(words[3]), senders > 0, let bytes = Int(words[4]),
            (0...Limits.payloadWithRequestBytesMax).contains(bytes),
            let precedence = words.count == 6 ? Precedence(rawValue: words[5]) : .routine
        else { throw Usage() }
        let to = try NodeID(words[1])
        (socket, self.count, self.senders, self.bytes) = (words[0], count, senders, bytes)
        var facts = Facts()
        facts["personal-data"] = Fact(.flag(false), .stated)
        facts["purpose"] = Fact(.set(["selat:EarlyWarning"]), .stated)
        request = SendRequest(
            to: to,
            label: Label(
                classification: .unclassified, releasableTo: [to.country], tlp: .amber, marking: nil
            ),
            facts: facts, precedence: precedence,
            dataset: [
                "resources": [
                    ["name": "warning", "path": "warning.csv", "bytes": .integer(UInt64(bytes))]
                ]
            ])
    }

    /// Runs all senders, and sums up.
    func run() async throws -> String {
        let start = ContinuousClock.now
        let times = try await withThrowingTaskGroup(of: [Double].self) { group in
            for sender in 0..<min(senders, count) {
                let share = stride(from: sender, to: count, by: senders).underestimatedCount
                group.addTask { try await send(share) }
            }
            return try await group.reduce(into: [Double]()) { $0 += $1 }.sorted()
        }
        let seconds = (ContinuousClock.now - start) / .seconds(1)
        func at(_ share: Double) -> Double {
            times[min(times.count - 1, Int(Double(times.count) * share))]
        }
        return
            "count=\(times.count) senders=\(senders) rate=\(Self.shown(Double(times.count) / seconds))"
            + " median_ms=\(Self.shown(at(0.5))) p99_ms=\(Self.shown(at(0.99)))"
    }

    /// - Returns: the milliseconds from asking to the recipient's receipt, of each dataset.
    private func send(_ share: Int) async throws -> [Double] {
        let daemon = try await ControlClient(socket: socket)
        var times: [Double] = []
        var request = request
        request.payload = [UInt8](repeating: UInt8(ascii: "1"), count: bytes)
        let path = "/v1/transfers?wait_seconds=60"
        for _ in 0..<share {
            let start = ContinuousClock.now
            let sent = try await daemon.post(path, request.json)
            guard sent["state"] == "delivered" else {
                throw Refused(answer: String(decoding: sent.canonical, as: UTF8.self))
            }
            times.append((ContinuousClock.now - start) / .milliseconds(1))
        }
        await daemon.close()
        return times
    }

    private static func shown(_ value: Double) -> String { String(format: "%.2f", value) }
}

struct Usage: Error, CustomStringConvertible {
    let description = """
        usage: SelatExchangeBenchmark SOCKET TO COUNT SENDERS BYTES [PRECEDENCE]
               SelatExchangeBenchmark finished DATABASE LOG-NAME LOG-KEY COUNT, where one was delivered
        """
}

struct Refused: Error, CustomStringConvertible {
    let answer: String
    var description: String { "not delivered: \(answer)" }
}
