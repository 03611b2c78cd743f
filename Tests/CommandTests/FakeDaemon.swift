import Foundation

/// What stands at a control socket and gives every call the same answer, whatever it was.
final class FakeDaemon: Sendable {
    let path: String
    private let listener: Int32

    /// - Parameter answers: how many calls it answers; at the next one it goes away.
    init(
        at path: String, status: String, type: String, answers: Int = .max, _ answer: [UInt8]
    ) throws {
        self.path = path
        // That of the one before it.
        unlink(path)
        listener = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
        let number = listener
        let bound = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(number, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        guard bound == 0, listen(number, 8) == 0 else { throw POSIXError(.EIO) }
        let head =
            "HTTP/1.1 \(status)\r\nContent-Type: \(type)\r\nContent-Length: \(answer.count)\r\n\r\n"
        let bytes = Array(head.utf8) + answer
        Thread.detachNewThread {
            var left = answers
            while left >= 0, case let connection = accept(number, nil, nil), connection >= 0 {
                Self.serve(connection, bytes, &left)
                close(connection)
            }
            shutdown(number, Int32(SHUT_RDWR))
        }
    }

    /// Ends the listening; the descriptor goes with the test's process.
    func end() { shutdown(listener, Int32(SHUT_RDWR)) }

    private static func serve(_ connection: Int32, _ bytes: [UInt8], _ left: inout Int) {
        var asked = [UInt8](repeating: 0, count: 4_096)
        // None of the calls that are answered has a large body: one read has the whole.
        while recv(connection, &asked, asked.count, 0) > 0 {
            left -= 1
            guard left >= 0 else { return }
            var sent = 0
            while sent < bytes.count {
                let count = bytes[sent...].withUnsafeBytes {
                    send(connection, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
                }
                guard count > 0 else { return }
                sent += count
            }
        }
    }
}
