package import NIOCore
import SelatAudit
package import SelatCore
import SelatCrypto
import SelatDelivery
import SelatEnvelope
import SelatHTTP
import SelatStore
import SelatTransport

// Packages that somebody brings by hand (`Exchange.md`, *By hand*): the same checks as over a link.

extension Exchange {
    /// What became of a package that was brought.
    package struct BroughtPackage: Sendable {
        package let from: NodeID
        package let id: TransferID
        package let to: NodeID
        /// The node that this relay offers it to; nil at its recipient.
        package let next: NodeID?
        package let state: String
        /// Bytes of the sealed payload.
        package let size: UInt64
        /// The document that goes back to the sender, by hand as well.
        package let receipt: [UInt8]?
    }

    /// Takes a package as an offer of the sender's that its header names; only what this sender's record
    /// lists has signed it.
    /// - Parameters:
    ///   - front: everything before the payload.
    ///   - body: the payload from its first byte on; what is here already is passed over.
    ///   - user: who brings it; it is entered before the first byte of the payload is kept.
    /// - Throws: `Problem` for what an offer over the link would be refused with as well.
    package func take<Body: AsyncSequence & Sendable>(
        packageFront front: [UInt8], payload body: Body, by user: UInt32
    ) async throws -> BroughtPackage where Body.Element == ByteBuffer {
        let (head, header) = try Self.unverified(front)
        let core = header.core
        let upload = UploadID(from: core.from, transfer: core.id)
        // Whoever carries it stands for the hop before this node.
        let own = header.route.firstIndex(of: identity.node) ?? 0
        let peer = own > 0 ? header.route[own - 1] : core.from
        let next = own > 0 ? header.route.dropFirst(own + 1).first : nil
        let answer = try await offer(head: front, payload: nil, from: peer, by: .user(user))
        let entry = EntryDraft(
            kind: "transfer.imported", transfer: core.id, actor: .user(user),
            details: [
                "from": .string(core.from.text), "envelope": .string(header.identity.text),
                "state": .string(answer.state),
            ])
        _ = try await store.commit { try $0.append(entry) }
        guard answer.state == Recipient.State.receiving.rawValue else {
            return BroughtPackage(
                from: core.from, id: core.id, to: core.to, next: next, state: answer.state,
                size: head.payloadSize, receipt: answer.receipt?.canonical)
        }
        let state = try await uploads.alone(upload, .hand) {
            // An upload that still ran over the link has been fenced off, and has kept what it had.
            let offset = try await self.arrival(of: upload, peer).durable
            return try await self.take(
                upload, peer, by: .user(user), offset: offset, length: head.payloadSize,
                complete: true, UploadBody(SkippingBody(body, count: offset)))
        }
        return BroughtPackage(
            from: core.from, id: core.id, to: core.to, next: next, state: state.state,
            size: head.payloadSize, receipt: state.receipt?.canonical)
    }

    /// Whom it says that it is from, before anything in it is believed.
    private static func unverified(_ front: [UInt8]) throws -> (EnvelopeHead, Header) {
        do {
            let head = try EnvelopeHead(parsing: front)
            let content = try CMS.unverifiedContent(head.headerCMS, type: .header)
            return (head, try Header(parsing: content))
        } catch {
            throw ServiceProblem.verificationFailed("the package's front: \(error)")
        }
    }
}

/// A body without its first bytes.
private struct SkippingBody<Body: AsyncSequence & Sendable>: AsyncSequence, Sendable
where Body.Element == ByteBuffer {
    let body: Body
    let count: UInt64

    init(_ body: Body, count: UInt64) {
        self.body = body
        self.count = count
    }

    func makeAsyncIterator() -> Iterator {
        Iterator(pieces: body.makeAsyncIterator(), left: count)
    }

    struct Iterator: AsyncIteratorProtocol {
        var pieces: Body.AsyncIterator
        var left: UInt64

        mutating func next() async throws -> ByteBuffer? {
            while var piece = try await pieces.next() {
                let skipped = Swift.min(left, UInt64(piece.readableBytes))
                left -= skipped
                piece.moveReaderIndex(forwardBy: Int(skipped))
                if piece.readableBytes > 0 { return piece }
            }
            return nil
        }
    }
}
