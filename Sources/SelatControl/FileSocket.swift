import Foundation
import Glibc
package import Logging
import SelatCore
package import SelatHTTP
import Synchronization

/// Takes files that callers have opened, beside the control socket (`Files.md`).
package final class FileSocket: Sendable {
    private let socket: UnixSocket
    /// What is written here ends the threads.
    private let end: OwnedDescriptor
    private let ending: OwnedDescriptor
    private let handed = Mutex<[String: Handed]>([:])
    /// How many each user has.
    private let connections = Mutex<[UInt32: Int]>([:])
    private let register: RoleRegister
    private let patience: Duration
    private let logger: Logger

    private struct Handed: Sendable {
        let user: UInt32
        let files: HandedFiles
    }

    /// Connections at a time, and of one user's.
    private static let connectionsMax = 128
    private static let connectionsPerUserMax = 32

    /// Where the files go of whoever calls at a control socket.
    static func path(beside control: String) -> String { "\(control).files" }

    /// Listens beside the control socket.
    /// - Parameters:
    ///   - register: who may be what: only those may hand files over who may make a call that takes them.
    ///   - patience: how long a caller may take to hand files over, and then to make the call that takes them; at
    ///     most some minutes.
    /// - Throws: `HTTPFault` as the control socket does.
    package init(
        beside control: String, roles register: RoleRegister, patience: Duration = .seconds(30),
        logger: Logger
    ) throws(HTTPFault) {
        var ends: [Int32] = [-1, -1]
        guard pipe(&ends) == 0 else {
            throw .socket(
                "pipe", path: control, errno: errno, reason: String(cString: strerror(errno)))
        }
        (ending, end) = (OwnedDescriptor(ends[0]), OwnedDescriptor(ends[1]))
        for descriptor in ends { _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC) }
        socket = try UnixSocket(path: Self.path(beside: control), mode: 0o666, kind: .packets)
        self.register = register
        self.patience = patience
        self.logger = logger
    }

    /// Takes files in, on threads of its own, until `shutDown`.
    package func start() {
        inThread {
            self.acceptAll()
            close(self.socket.descriptor)
        }
    }

    /// Takes nothing more. The threads end after it, or with the process.
    package func shutDown() {
        socket.unlink()
        var byte: UInt8 = 0
        _ = write(end.number, &byte, 1)
    }

    /// The files that were handed over under a ticket, by a process of this user; once.
    func take(_ ticket: String, of user: UInt32) -> HandedFiles? {
        handed.withLock { handed in
            guard handed[ticket]?.user == user else { return nil }
            return handed.removeValue(forKey: ticket)?.files
        }
    }

    // MARK: Connections

    /// Each connection has its own: looking at a descriptor, and closing it, may take as long as its owner likes.
    private func inThread(_ work: @escaping @Sendable () -> Void) {
        let thread = Thread(block: work)
        thread.name = "selat-files"
        thread.stackSize = 256 << 10
        thread.start()
    }

    private func acceptAll() {
        while wait(for: socket.descriptor) {
            let number = accept(socket.descriptor, nil, nil)
            guard number >= 0 else {
                // Out of descriptors, or the caller has gone: it must not be asked again at once.
                if errno != EAGAIN { usleep(100_000) }
                continue
            }
            _ = fcntl(number, F_SETFD, FD_CLOEXEC)
            let descriptor = OwnedDescriptor(number)
            guard let caller = ProcessCredentials(ofPeer: number), enter(caller.user) else {
                continue
            }
            let mayHandOver = mayHandOver(caller)
            inThread {
                // What nobody may hand over is not even received. The kernel lets go of it when this is closed, which
                // may take as long as receiving it.
                if mayHandOver { self.serve(descriptor, of: caller.user) }
                descriptor.end()
                self.leave(caller.user)
            }
        }
    }

    private func mayHandOver(_ caller: ProcessCredentials) -> Bool {
        let roles = register.book.roles(of: caller)
        return Self.routes.contains { !roles.isDisjoint(with: Permissions.roles[$0] ?? []) }
    }

    /// What files are handed over for.
    private static let routes = [
        "PUT /v1/transfers/:id/payload", "POST /v1/transfers/:id/opening",
    ]

    private func enter(_ user: UInt32) -> Bool {
        connections.withLock { connections in
            let all = connections.values.reduce(0, +)
            guard all < Self.connectionsMax,
                connections[user, default: 0] < Self.connectionsPerUserMax
            else { return false }
            connections[user, default: 0] += 1
            return true
        }
    }

    private func leave(_ user: UInt32) {
        connections.withLock { connections in
            connections[user, default: 1] -= 1
            if connections[user] == 0 { connections[user] = nil }
        }
    }

    /// Waits until there is something to read, or the other end has closed.
    /// - Parameter patience: nil for as long as it takes.
    /// - Returns: false when nothing more is served, or the time is over.
    private func wait(for descriptor: Int32, atMost patience: Duration? = nil) -> Bool {
        let until = patience.map { ContinuousClock.now + $0 }
        while true {
            var milliseconds: Int32 = -1
            if let until {
                let left = max(Duration.zero, until - ContinuousClock.now)
                milliseconds = Int32((left / Duration.milliseconds(1)).rounded(.up))
            }
            var waiting = [ending.number, descriptor].map {
                pollfd(fd: $0, events: Int16(POLLIN), revents: 0)
            }
            let count = poll(&waiting, 2, milliseconds)
            if count < 0, errno == EINTR { continue }
            guard count > 0, waiting[0].revents == 0 else { return false }
            return true
        }
    }

    /// One who hands files over, from the connection to its end.
    private func serve(_ descriptor: OwnedDescriptor, of user: UInt32) {
        // Whoever hangs here has a place that others of this user lack.
        guard wait(for: descriptor.number, atMost: patience),
            let ticket = take(from: descriptor, of: user)
        else { return }
        // Nothing is said after the files: it has closed, is not as it should be, or makes no call.
        if !wait(for: descriptor.number, atMost: patience) {
            let unused = handed.withLock { $0.removeValue(forKey: ticket) }
            // A call that runs is told here how far it is, however long it takes.
            if unused == nil { _ = wait(for: descriptor.number) }
        }
        // A call that runs has them, and keeps them to its end.
        handed.withLock { $0[ticket] = nil }
    }

    /// - Returns: the ticket under which the files lie.
    private func take(from descriptor: OwnedDescriptor, of user: UInt32) -> String? {
        guard
            let message = DescriptorMessage.receive(
                from: descriptor.number, upTo: FileWords.bytesMax)
        else { return nil }
        let files: HandedFiles
        do throws(FileFault) {
            let progress = Progress(to: descriptor)
            files = try HandedFiles(message.descriptors) { progress.tell($0) }
        } catch {
            refuse(descriptor, of: user, error.description)
            return nil
        }
        guard !message.isCut, message.bytes == FileWords.handOver, !message.descriptors.isEmpty
        else {
            refuse(descriptor, of: user, "it is no packet with 1 to 64 descriptors")
            return nil
        }
        let ticket = Self.ticket()
        handed.withLock { $0[ticket] = Handed(user: user, files: files) }
        _ = DescriptorMessage.send(
            FileWords.taken + Array(ticket.utf8), to: descriptor.number)
        return ticket
    }

    private func refuse(_ descriptor: OwnedDescriptor, of user: UInt32, _ reason: String) {
        logger.debug("files not taken", metadata: ["uid": "\(user)", "cause": "\(reason)"])
        let words = Array(reason.utf8.prefix(FileWords.bytesMax - 1))
        _ = DescriptorMessage.send(FileWords.refused + words, to: descriptor.number)
    }

    private static func ticket() -> String {
        var random = SystemRandomNumberGenerator()
        let halves = (0..<2).map { _ in String(random.next() as UInt64, radix: 16) }
        return halves.map { String(repeating: "0", count: 16 - $0.count) + $0 }.joined()
    }
}

/// Tells whoever handed files over how far it is, now and then.
private final class Progress: Sendable {
    private let descriptor: OwnedDescriptor
    private let next = Mutex(ContinuousClock.now)

    private static let interval = Duration.milliseconds(100)

    init(to descriptor: OwnedDescriptor) { self.descriptor = descriptor }

    func tell(_ passed: UInt64) {
        let isDue = next.withLock { next in
            let now = ContinuousClock.now
            guard now >= next else { return false }
            next = now + Self.interval
            return true
        }
        // Who does not read learns the next one, or none.
        guard isDue else { return }
        let number = withUnsafeBytes(of: passed.bigEndian) { Array($0) }
        // The caller may have hung up, and the call not have heard of it.
        descriptor.use { _ = DescriptorMessage.send(FileWords.passed + number, to: $0) }
    }
}

/// The first bytes of packets, and their size.
enum FileWords {
    static let handOver: [UInt8] = [0x01]
    static let taken: [UInt8] = [0x02]
    static let refused: [UInt8] = [0x03]
    static let passed: [UInt8] = [0x04]
    static let bytesMax = 256
}

/// A descriptor that is closed when this goes away, or before.
final class OwnedDescriptor: Sendable {
    let number: Int32
    private let isOpen = Mutex(true)

    init(_ number: Int32) { self.number = number }

    /// Lets `body`, which waits for nobody, use it where it is open still: its number may be another's by now.
    func use(_ body: (Int32) -> Void) {
        isOpen.withLock { if $0 { body(number) } }
    }

    /// Closes it; nobody may use its number any more.
    func end() {
        let wasOpen = isOpen.withLock { isOpen in
            defer { isOpen = false }
            return isOpen
        }
        // Not under the lock: it may take as long as the other end likes.
        if wasOpen { close(number) }
    }

    deinit { end() }
}
