import SelatControl
import SelatCore
import SelatCrypto

/// How a node stood at one moment, and how fast bytes moved since the look before.
struct NodeLook {
    let time: Timestamp
    let status: JSON
    /// Transfers that have not ended, the most urgent first.
    let underWay: [JSON]
    /// The newest transfers, for whoever tells what changed.
    let newest: [JSON]
    let approvals: [JSON]
    let peers: [Peer]
    /// Inbound and relayed payloads on their way: id to bytes a second.
    let rates: [String: UInt64]
    private let taken = ContinuousClock.now

    /// Another node as this one reaches it.
    struct Peer {
        let node: String
        let isOutOfReach: Bool
        let sent: UInt64
        let received: UInt64
        /// Bytes a second; nil at the first look.
        let sentRate: UInt64?
        let receivedRate: UInt64?
    }

    init(_ daemon: ControlClient, after last: NodeLook? = nil) async throws {
        status = try await daemon.getJSON("/v1/status")
        time = SystemClock().now()
        let isServing = status["state"] == "ready"
        let answer = isServing ? try await daemon.getJSON("/v1/transfers?limit=1000") : [:]
        let relayed =
            isServing ? try await daemon.getJSON("/v1/transfers?direction=relayed&limit=1000") : [:]
        newest = (answer["transfers"]?.arrayValue ?? []) + (relayed["transfers"]?.arrayValue ?? [])
        underWay = newest.filter(Self.isUnderWay).sorted(by: Self.isMoreUrgent)
        approvals =
            isServing
            ? try await daemon.getJSON("/v1/approvals?limit=1000")["approvals"]?.arrayValue ?? []
            : []
        let moment = taken
        let milliseconds = last.map { UInt64(max(1, (moment - $0.taken) / .milliseconds(1))) }
        peers = (status["peers"]?.arrayValue ?? []).map { peer in
            Peer(peer, last?.peers.first { $0.node == peer.text("node") }, milliseconds)
        }
        rates = Self.rates(underWay, last, milliseconds)
    }

    private static func isUnderWay(_ transfer: JSON) -> Bool {
        transfer["ended"].map { $0 == false } ?? (transfer["state"] == "receiving")
    }

    private static func isMoreUrgent(_ a: JSON, _ b: JSON) -> Bool {
        func rank(_ transfer: JSON) -> Int {
            Precedence(rawValue: transfer.text("precedence"))?.rank ?? .max
        }
        return (rank(a), a.text("id")) < (rank(b), b.text("id"))
    }

    private static func rates(
        _ underWay: [JSON], _ last: NodeLook?, _ milliseconds: UInt64?
    ) -> [String: UInt64] {
        guard let last, let milliseconds else { return [:] }
        let before = Dictionary(
            last.underWay.map { ($0.text("id"), $0.bytes("durable_bytes")) },
            uniquingKeysWith: { first, _ in first })
        return Dictionary(
            underWay.compactMap { transfer in
                let id = transfer.text("id")
                guard let old = before[id], let now = transfer.count("durable_bytes") else {
                    return nil
                }
                return (id, (max(now, old) - old) * 1_000 / milliseconds)
            }, uniquingKeysWith: { first, _ in first })
    }

    var warnings: [String] {
        (status["warnings"]?.arrayValue ?? []).compactMap(\.stringValue).map(Terminal.plain)
    }

    // MARK: For programs

    /// One look as `--json` prints it (API.md has the keys that come from there).
    var json: JSON {
        var members: JSON.Object = [
            "time": .string(time.text), "node": status["node"] ?? .null,
            "state": status["state"] ?? .null, "warnings": .strings(warnings),
            "peers": .array(peers.map(\.json)), "under_way": .array(underWay),
            "approvals": .array(approvals),
        ]
        for key in ["queues", "outbound", "inbound", "relayed", "log"] {
            members[key] = status[key]
        }
        return .object(members)
    }
}

extension NodeLook.Peer {
    fileprivate init(_ peer: JSON, _ last: NodeLook.Peer?, _ milliseconds: UInt64?) {
        let (sent, received) = (peer.bytes("sent_bytes"), peer.bytes("received_bytes"))
        // A daemon that was started anew counts from zero.
        func rate(_ now: UInt64, _ old: UInt64?) -> UInt64? {
            guard let milliseconds, let old else { return nil }
            return (now >= old ? now - old : now) * 1_000 / milliseconds
        }
        node = peer.text("node")
        isOutOfReach = peer["out_of_reach"] == true
        self.sent = sent
        self.received = received
        sentRate = rate(sent, last?.sent)
        receivedRate = rate(received, last?.received)
    }

    fileprivate var json: JSON {
        var members: JSON.Object = [
            "node": .string(node), "out_of_reach": .bool(isOutOfReach),
            "sent_bytes": .integer(sent), "received_bytes": .integer(received),
        ]
        members["sent_bytes_per_second"] = sentRate.map { .integer($0) }
        members["received_bytes_per_second"] = receivedRate.map { .integer($0) }
        return .object(members)
    }
}

extension JSON {
    /// A number that is not negative.
    func count(_ key: String) -> UInt64? { self[key]?.integerValue.flatMap { UInt64(exactly: $0) } }
    fileprivate func bytes(_ key: String) -> UInt64 { count(key) ?? 0 }
}
