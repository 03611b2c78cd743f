import Glibc
import SelatHTTP
import Synchronization

/// Files that are handed over to the daemon for one call: their bytes pass no socket (`Files.md`).
package final class FileHandover: Sendable {
    /// What the call names them by.
    let ticket: String
    private let descriptor: OwnedDescriptor
    private let latest = Mutex<UInt64>(0)

    /// Files that can be handed over for one call.
    package static let filesMax = DescriptorMessage.descriptorsMax

    /// - Parameter control: the path of the control socket at which the call is made.
    /// - Returns: nil where the daemon takes none of these: it says why, and everything is as if they had not
    ///   been offered.
    package init?(_ files: [Int32], control: String) {
        guard (1...Self.filesMax).contains(files.count),
            let number = try? UnixSocket.connected(
                to: FileSocket.path(beside: control), kind: .packets)
        else { return nil }
        descriptor = OwnedDescriptor(number)
        guard DescriptorMessage.send(FileWords.handOver, files, to: number) else { return nil }
        var waiting = pollfd(fd: number, events: Int16(POLLIN), revents: 0)
        guard poll(&waiting, 1, Self.patienceMilliseconds) == 1,
            let answer = DescriptorMessage.receive(from: number, upTo: FileWords.bytesMax),
            answer.bytes.starts(with: FileWords.taken)
        else { return nil }
        ticket = String(decoding: answer.bytes.dropFirst(), as: UTF8.self)
    }

    private static let patienceMilliseconds: Int32 = 5_000

    /// How many bytes have passed, as the daemon last said.
    package var passed: UInt64 {
        latest.withLock { latest in
            while let packet = DescriptorMessage.receive(
                from: descriptor.number, upTo: FileWords.bytesMax)
            {
                guard packet.bytes.count == 9, packet.bytes.starts(with: FileWords.passed) else {
                    continue
                }
                latest = packet.bytes.dropFirst().reduce(0) { $0 << 8 | UInt64($1) }
            }
            return latest
        }
    }
}
