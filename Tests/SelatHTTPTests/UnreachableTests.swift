import Glibc
import SelatHTTP
import Testing

@Suite struct UnreachableTests {
    @Test func aPortThatNobodyListensOnIsNamed() async throws {
        // Bound and not listening: the port is nobody else's meanwhile.
        let held = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(held) }
        var name = sockaddr_in()
        name.sin_family = sa_family_t(AF_INET)
        name.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let isBound = withUnsafeMutablePointer(to: &name) { name in
            name.withMemoryRebound(to: sockaddr.self, capacity: 1) { name in
                bind(held, name, length) == 0 && getsockname(held, name, &length) == 0
            }
        }
        try #require(isBound)
        let port = Int(UInt16(bigEndian: name.sin_port))
        let fault = await #expect(throws: HTTPFault.self) {
            try await HTTPClient.connect(to: .tcp(host: "127.0.0.1", port: port))
        }
        #expect(fault == .unreachable("127.0.0.1:\(port)", reason: "connection refused"))
    }
}
