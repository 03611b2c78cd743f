package import NIOCore
import NIOPosix

/// The event loops that every listener and client of this process shares.
package enum EventLoops {
    /// Returns once each loop has run a task that was given to it now: a loop that is stuck does not.
    package static func pass(
        through group: any EventLoopGroup = MultiThreadedEventLoopGroup.singleton
    ) async throws {
        for loop in group.makeIterator() { try await loop.submit {}.get() }
    }
}
