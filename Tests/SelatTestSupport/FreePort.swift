import Glibc
import Synchronization

/// A port of 127.0.0.1 for a node whose signed record names it before anyone listens there.
package enum FreePort {
    /// Below those that the system gives to outgoing connections (ip_local_port_range), one of which could
    /// take it in the meantime.
    private static let range: ClosedRange<UInt16> = 15_000...32_000
    /// Those of this process's tests, each of which may listen long after it has asked, and again after a while.
    private static let given = Mutex<Set<UInt16>>([])

    /// - Throws: `NoFreePort` when a thousand tries have found none.
    package static func any() throws -> UInt16 {
        for _ in 0..<1_000 {
            let port = UInt16.random(in: range)
            let isNew = given.withLock { $0.insert(port).inserted }
            if isNew, isFree(port) { return port }
        }
        throw NoFreePort()
    }

    private static func isFree(_ port: UInt16) -> Bool {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        guard descriptor >= 0 else { return false }
        defer { close(descriptor) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        let length = socklen_t(MemoryLayout<sockaddr_in>.size)
        return withUnsafePointer(to: &address) { address in
            address.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
                bind(descriptor, address, length) == 0
            }
        }
    }
}

package struct NoFreePort: Error {}
