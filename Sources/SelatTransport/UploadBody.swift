package import NIOCore

/// The bytes of one append, pulled from the connection with back-pressure; to be read once.
package struct UploadBody: AsyncSequence, Sendable {
    private let pieces: any AsyncSequence<ByteBuffer, any Error> & Sendable

    /// - Parameter pieces: throws when the connection breaks before the end.
    package init(_ pieces: some AsyncSequence<ByteBuffer, any Error> & Sendable) {
        self.pieces = pieces
    }

    package func makeAsyncIterator() -> Iterator { Iterator(pieces.makeAsyncIterator()) }

    package struct Iterator: AsyncIteratorProtocol {
        private var pieces: any AsyncIteratorProtocol<ByteBuffer, any Error>

        fileprivate init(_ pieces: any AsyncIteratorProtocol<ByteBuffer, any Error>) {
            self.pieces = pieces
        }

        package mutating func next() async throws -> ByteBuffer? {
            try await pieces.next(isolation: #isolation)
        }
    }
}
