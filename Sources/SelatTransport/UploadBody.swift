package import NIOCore

/// The bytes of one append, pulled from the connection with back-pressure; to be read once.
package struct UploadBody: AsyncSequence, Sendable {
    private let pull: @Sendable () async throws -> ByteBuffer?

    /// - Parameter pull: gives the next piece, nil at the end; throws when the connection breaks.
    package init(_ pull: @escaping @Sendable () async throws -> ByteBuffer?) { self.pull = pull }

    package func makeAsyncIterator() -> Iterator { Iterator(pull: pull) }

    package struct Iterator: AsyncIteratorProtocol {
        fileprivate let pull: @Sendable () async throws -> ByteBuffer?

        package func next() async throws -> ByteBuffer? { try await pull() }
    }
}
