import Glibc

/// A port of 127.0.0.1 at which nothing is ever said; nobody else's as long as this lives.
package final class SilentPort: Sendable {
    package let number: Int
    private let descriptor: Int32

    /// - Parameter backlog: how many connections may wait, besides the one that always may, before further ones get
    ///   no answer; nil refuses all.
    /// - Throws: `NoFreePort` where the system gives none.
    package init(backlog: Int32?) throws {
        descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var name = sockaddr_in()
        name.sin_family = sa_family_t(AF_INET)
        name.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let isBound = withUnsafeMutablePointer(to: &name) { [descriptor] name in
            name.withMemoryRebound(to: sockaddr.self, capacity: 1) { name in
                bind(descriptor, name, length) == 0 && getsockname(descriptor, name, &length) == 0
            }
        }
        number = Int(UInt16(bigEndian: name.sin_port))
        guard isBound, backlog.map({ listen(descriptor, $0) == 0 }) ?? true else {
            throw NoFreePort()
        }
    }

    deinit { close(descriptor) }
}
