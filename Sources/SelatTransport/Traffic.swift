package import SelatCore
import Synchronization

/// Payload bytes that went to each node and came from it since the daemon started, whatever became
/// of them.
package final class Traffic: Sendable {
    package struct Count: Hashable, Sendable {
        package fileprivate(set) var sent: UInt64 = 0
        package fileprivate(set) var received: UInt64 = 0
    }

    private let counts = Mutex<[NodeID: Count]>([:])

    package init() {}

    package subscript(node: NodeID) -> Count { counts.withLock { $0[node] ?? Count() } }

    func sent(_ bytes: Int, to node: NodeID) {
        counts.withLock { $0[node, default: Count()].sent += UInt64(bytes) }
    }

    func received(_ bytes: Int, from node: NodeID) {
        counts.withLock { $0[node, default: Count()].received += UInt64(bytes) }
    }
}
