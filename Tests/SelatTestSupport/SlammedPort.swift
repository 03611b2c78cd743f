import Glibc
import Synchronization

/// A port of 127.0.0.1 that takes every connection, and breaks it off at once.
package final class SlammedPort: Sendable {
    private let descriptor: Int32
    private let taken = Mutex(0)

    /// How many connections it has taken.
    package var count: Int { taken.withLock { $0 } }

    /// - Throws: `NoFreePort` where somebody listens there.
    package init(_ number: UInt16) throws {
        descriptor = socket(
            AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_NONBLOCK.rawValue), 0)
        var name = sockaddr_in()
        name.sin_family = sa_family_t(AF_INET)
        name.sin_port = number.bigEndian
        name.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        let length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let isBound = withUnsafePointer(to: &name) { [descriptor] name in
            name.withMemoryRebound(to: sockaddr.self, capacity: 1) { name in
                bind(descriptor, name, length) == 0
            }
        }
        guard isBound, listen(descriptor, 64) == 0 else {
            Glibc.close(descriptor)
            throw NoFreePort()
        }
    }

    /// Slams the door until the task is cancelled; then nobody listens at the port any more.
    package func run() async {
        repeat { slam() } while (try? await Task.sleep(for: .milliseconds(1))) != nil
        close(descriptor)
    }

    private func slam() {
        while true {
            let connection = accept(descriptor, nil, nil)
            guard connection >= 0 else { return }
            taken.withLock { $0 += 1 }
            // Reset, so that nothing of it keeps the port.
            var reset = linger(l_onoff: 1, l_linger: 0)
            setsockopt(
                connection, SOL_SOCKET, SO_LINGER, &reset, socklen_t(MemoryLayout<linger>.size))
            close(connection)
        }
    }
}
