import Foundation
import Logging
import SelatCore
import SelatHTTP
import SelatTestSupport
import Testing

@testable import SelatControl

/// Open files that change hands beside a control socket.
struct FileSocketTests {
    private let folder: MemoryFolder
    private let socket: FileSocket
    private let me = getuid()

    private var control: String { "\(folder.path)/c" }

    init() throws {
        folder = try MemoryFolder()
        socket = try FileSocket(
            beside: "\(folder.path)/c", roles: Self.roles(operators: [getgid()]),
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
        socket.start()
    }

    private static func roles(operators: Set<UInt32>) -> RoleRegister {
        RoleRegister(
            RoleBook(
                daemon: 1, ownerHasAll: false, groups: [.operator: operators], names: [:]))
    }

    /// Neither an administrator nor who is nothing here: their descriptors are not even received.
    @Test func onlyWhoMaySealOrOpenHandsOver() throws {
        socket.shutDown()
        let other = "\(folder.path)/other"
        let strict = try FileSocket(
            beside: other, roles: Self.roles(operators: [4_000_000_000]),
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
        strict.start()
        defer { strict.shutDown() }
        #expect(FileHandover([file("a", "one")], control: other) == nil)
    }

    /// An open file with these bytes.
    private func file(_ name: String, _ content: String, flags: Int32 = O_RDWR) -> Int32 {
        folder.open(name, content.utf8, flags: flags)
    }

    private func read(_ descriptor: Int32) -> String {
        var bytes = [UInt8](repeating: 0, count: 100)
        let count = pread(descriptor, &bytes, bytes.count, 0)
        return String(decoding: bytes.prefix(max(0, count)), as: UTF8.self)
    }

    @Test func filesArriveInTheirOrderAndStayOpen() throws {
        defer { socket.shutDown() }
        let own = [file("a", "one"), file("b", "two")]
        var handover = FileHandover(own, control: control)
        let ticket = try #require(handover).ticket
        for descriptor in own { close(descriptor) }
        let taken = try #require(socket.take(ticket, of: me))
        #expect(taken.descriptors.map(read) == ["one", "two"])
        handover = nil
        // The call has them, whoever else has gone.
        #expect(taken.descriptors.map(read) == ["one", "two"])
    }

    @Test func aTicketIsGoodOnceAndForItsUser() throws {
        defer { socket.shutDown() }
        let own = file("a", "one")
        let handover = try #require(FileHandover([own], control: control))
        #expect(socket.take(handover.ticket, of: me + 1) == nil)
        #expect(socket.take("00", of: me) == nil)
        #expect(socket.take(handover.ticket, of: me) != nil)
        #expect(socket.take(handover.ticket, of: me) == nil)
        let other = try #require(FileHandover([own], control: control))
        #expect(other.ticket != handover.ticket && other.ticket.count == 32)
    }

    @Test func whatNobodyUsesGoesWithItsConnection() throws {
        defer { socket.shutDown() }
        // The lock lives as long as anybody holds this opening of the file.
        let own = file("a", "one")
        #expect(flock(own, LOCK_EX) == 0)
        var handover = FileHandover([own], control: control)
        let ticket = try #require(handover).ticket
        close(own)
        let other = open("\(folder.path)/a", O_RDWR)
        defer { close(other) }
        #expect(flock(other, LOCK_EX | LOCK_NB) != 0)
        handover = nil
        // The connection has a thread of its own, which sees the end a moment later.
        for _ in 0..<500 where flock(other, LOCK_EX | LOCK_NB) != 0 { usleep(10_000) }
        #expect(flock(other, LOCK_EX | LOCK_NB) == 0)
        #expect(socket.take(ticket, of: me) == nil)
    }

    @Test func itsOwnerHearsHowFarItIs() throws {
        defer { socket.shutDown() }
        let handover = try #require(FileHandover([file("a", "one")], control: control))
        #expect(handover.passed == 0)
        let taken = try #require(socket.take(handover.ticket, of: me))
        taken.passed(7)
        // Too early after the last.
        taken.passed(8)
        #expect(handover.passed == 7)
        usleep(110_000)
        taken.passed(1 << 40)
        #expect(handover.passed == 1 << 40)
    }

    @Test func onlyPlainFilesOfThisMachineAreTaken() throws {
        defer { socket.shutDown() }
        var ends: [Int32] = [0, 0]
        #expect(pipe(&ends) == 0)
        let good = file("good", "good")
        for bad in [
            ends[0], open(folder.path, O_RDONLY), open("/proc/self/status", O_RDONLY),
            open("/dev/null", O_RDWR), file("appended", "x", flags: O_RDWR | O_APPEND),
        ] {
            #expect(FileHandover([bad], control: control) == nil)
            #expect(FileHandover([good, bad], control: control) == nil)
            close(bad)
        }
        #expect(FileHandover([], control: control) == nil)
        #expect(FileHandover([good], control: control) != nil)
        #expect(FileHandover([good], control: "\(folder.path)/nothing") == nil)
    }

    /// The number of descriptors that this process has open.
    private func openCount() throws -> Int {
        try FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd").count
    }

    @Test func badPacketsEndTheirConnectionAndLeaveNothingOpen() throws {
        defer { socket.shutDown() }
        let good = file("good", "good")
        let path = FileSocket.path(beside: control)
        let before = try openCount()
        let packets: [([UInt8], Int)] = [
            ([0x01], 0), ([0x00], 1), ([0x02], 1), ([0x01, 0x01], 1), ([], 1),
            ([UInt8](repeating: 0x01, count: 4_096), 1), ([UInt8](repeating: 0xFF, count: 9), 64),
        ]
        for (bytes, count) in packets {
            let raw = try rawConnection(path)
            _ = DescriptorMessage.send(
                bytes, [Int32](repeating: good, count: count), to: raw.number)
            let answer = reply(raw)
            #expect(answer?.bytes.first != FileWords.taken[0], "\(bytes.prefix(4)), \(count)")
            #expect(reply(raw) == nil)
        }
        // A second packet on one connection ends it too.
        let raw = try rawConnection(path)
        #expect(DescriptorMessage.send(FileWords.handOver, [good], to: raw.number))
        let ticket = String(decoding: try #require(reply(raw)).bytes.dropFirst(), as: UTF8.self)
        #expect(DescriptorMessage.send(FileWords.handOver, [good], to: raw.number))
        #expect(reply(raw) == nil)
        #expect(socket.take(ticket, of: me) == nil)
        #expect(FileHandover([good], control: control) != nil)
        // That of `raw`, and no other; their threads close them a moment later.
        for _ in 0..<500 where try openCount() > before + 1 { usleep(10_000) }
        #expect(try openCount() <= before + 1)
    }

    @Test func oneUserTakesNotEverything() throws {
        defer { socket.shutDown() }
        let good = file("good", "good")
        let all = (0..<40).map { _ in FileHandover([good], control: control) }
        #expect(all.count { $0 != nil } == 32)
    }

    /// One beside another control socket, with little patience, in place of the first.
    private func hasty() throws -> (FileSocket, control: String) {
        socket.shutDown()
        let control = "\(folder.path)/other"
        let hasty = try FileSocket(
            beside: control, roles: Self.roles(operators: [getgid()]),
            patience: .milliseconds(20),
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
        hasty.start()
        return (hasty, control)
    }

    @Test func whoHangsHoldsNoPlaceForGood() throws {
        let (hasty, other) = try hasty()
        defer { hasty.shutDown() }
        let path = FileSocket.path(beside: other)
        // They say nothing, as many as one user may have.
        let silent = try (0..<32).map { _ in try rawConnection(path) }
        let good = file("good", "good")
        var handover = FileHandover([good], control: other)
        for _ in 0..<500 where handover == nil {
            usleep(10_000)
            handover = FileHandover([good], control: other)
        }
        #expect(handover != nil)
        withExtendedLifetime(silent) {}
        // Files for which no call comes.
        let unused = try #require(try idle(path, good))
        #expect(reply(unused.connection) == nil)
        #expect(hasty.take(unused.ticket, of: me) == nil)
    }

    @Test func aCallThatRunsKeepsItsConnection() throws {
        let (hasty, other) = try hasty()
        defer { hasty.shutDown() }
        let own = file("a", "one")
        var call: (handover: FileHandover, files: HandedFiles)?
        // This thread may not come to it in time.
        for _ in 0..<100 where call == nil {
            guard let handover = FileHandover([own], control: other),
                let files = hasty.take(handover.ticket, of: me)
            else { continue }
            call = (handover, files)
        }
        let (handover, files) = try #require(call)
        // One that came later and makes no call is closed by now: the patience with this one is over, too.
        let later = try #require(try idle(FileSocket.path(beside: other), own))
        #expect(reply(later.connection) == nil)
        files.passed(7)
        #expect(handover.passed == 7)
    }

    /// By then its number may be that of a connection to another node.
    @Test func nothingIsSaidOnWhatWasClosed() throws {
        socket.shutDown()
        let descriptor = OwnedDescriptor(open("/dev/null", O_RDONLY))
        var used: [Int32] = []
        descriptor.use { used.append($0) }
        descriptor.end()
        descriptor.use { used.append($0) }
        #expect(used == [descriptor.number])
    }

    /// A connection that has handed a file over. One that is closed first, since this thread did not come to
    /// it in time, is made anew.
    private func idle(
        _ path: String, _ file: Int32
    ) throws -> (connection: OwnedDescriptor, ticket: String)? {
        for _ in 0..<100 {
            let raw = try rawConnection(path)
            guard DescriptorMessage.send(FileWords.handOver, [file], to: raw.number),
                let answer = reply(raw)
            else { continue }
            return (raw, String(decoding: answer.bytes.dropFirst(), as: UTF8.self))
        }
        return nil
    }

    private func rawConnection(_ path: String) throws -> OwnedDescriptor {
        OwnedDescriptor(try UnixSocket.connected(to: path, kind: .packets))
    }

    /// The next packet, or nil where the other end has closed.
    private func reply(_ raw: OwnedDescriptor) -> DescriptorMessage.Received? {
        var waiting = pollfd(fd: raw.number, events: Int16(POLLIN), revents: 0)
        guard poll(&waiting, 1, 5_000) == 1 else { return nil }
        return DescriptorMessage.receive(from: raw.number, upTo: FileWords.bytesMax)
    }
}
