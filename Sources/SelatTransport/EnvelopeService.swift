package import SelatCore

/// What a node does with the envelopes that its peers bring; the transport calls it, and nothing
/// else of the node.
///
/// Each call may throw a `Problem` (of SelatHTTP), which the peer receives as it is. Any other
/// error is logged, and the peer receives a bare 500.
package protocol EnvelopeService: Sendable {
    /// Judges an offered envelope before any byte of its payload is taken. Offering a known
    /// envelope again is harmless: the answer states where it stands.
    /// - Parameters:
    ///   - head: everything up to the payload: the package up to and including the payload's tar
    ///     header.
    ///   - payload: for a small package, all that follows the head's bytes; nil when an upload
    ///     follows.
    ///   - peer: the node at the other end of the TLS connection.
    func offer(head: [UInt8], payload: [UInt8]?, from peer: NodeID) async throws -> OfferAnswer

    /// How much of an upload is durable.
    /// - Throws: `Problem.unknownUpload` unless `peer` has offered this envelope.
    func uploadState(_ upload: UploadID, from peer: NodeID) async throws -> UploadState

    /// Appends payload bytes at `offset`. A newer append to the same upload fences off an older
    /// one, which then throws.
    /// - Parameters:
    ///   - offset: where the peer believes the upload stands.
    ///   - length: the size of the whole payload, if the peer stated it.
    ///   - complete: whether the payload ends with this body.
    ///   - body: throws when the connection breaks; what came before may be kept.
    /// - Returns: the durable state, with the receipt when the upload is complete.
    /// - Throws: `Problem.mismatchingOffset` when the upload does not stand at `offset`,
    ///   `Problem.inconsistentLength`.
    func append(
        _ upload: UploadID, from peer: NodeID, offset: UInt64, length: UInt64?, complete: Bool,
        body: UploadBody
    ) async throws -> UploadState

    /// Where payload bytes are counted; nil where nobody wants to know.
    var traffic: Traffic? { get }
}

extension EnvelopeService {
    package var traffic: Traffic? { nil }
}

/// Which upload: one belongs to a TLS peer, the sender that the header names, and the transfer.
package struct UploadID: Hashable, Sendable, CustomStringConvertible {
    /// The node that sealed the envelope; not always the peer that carries it.
    package let from: NodeID
    package let transfer: TransferID

    package init(from: NodeID, transfer: TransferID) {
        self.from = from
        self.transfer = transfer
    }

    package var description: String { "\(from)/\(transfer)" }
    /// The resource of the payload, as in the offer's `Location`.
    package var path: String { "\(resource)/payload" }
    /// The resource of the envelope, where its state is asked for.
    package var resource: String { "/v1/envelopes/\(from)/\(transfer)" }
}

/// What an offer was answered with.
package struct OfferAnswer: Hashable, Sendable {
    /// The envelope was not known before.
    package let created: Bool
    /// Which envelope it is, for the `Location` of its payload.
    package let upload: UploadID
    /// Where the transfer stands, one word of the exchange.
    package let state: String
    /// Payload bytes that are durable.
    package let offset: UInt64
    /// Why a relay has not passed it on yet.
    package let cause: String?
    /// The receipt's document, once there is one.
    package let receipt: JSON?

    package init(
        created: Bool, upload: UploadID, state: String, offset: UInt64, cause: String? = nil,
        receipt: JSON?
    ) {
        self.cause = cause
        self.created = created
        self.upload = upload
        self.state = state
        self.offset = offset
        self.receipt = receipt
    }
}

/// Where an upload stands.
package struct UploadState: Hashable, Sendable {
    /// Payload bytes that are durable.
    package let offset: UInt64
    /// The size of the whole payload, as the header states it.
    package let length: UInt64
    /// Every byte is durable and checked.
    package let complete: Bool
    /// Where the transfer stands, one word of the exchange.
    package let state: String
    /// Why a relay has not passed it on yet.
    package let cause: String?
    /// The receipt's document, once there is one.
    package let receipt: JSON?

    package init(
        offset: UInt64, length: UInt64, complete: Bool, state: String, cause: String? = nil,
        receipt: JSON?
    ) {
        self.cause = cause
        self.offset = offset
        self.length = length
        self.complete = complete
        self.state = state
        self.receipt = receipt
    }
}

/// Which edition of the membership list a node goes by: named in every request and response.
package struct MembershipMark: Hashable, Sendable, CustomStringConvertible {
    package let serial: UInt64
    package let digest: Digest
    /// The digest of the node's index of documents; nil where it serves none.
    package let index: Digest?

    package init(serial: UInt64, digest: Digest, index: Digest? = nil) {
        self.serial = serial
        self.digest = digest
        self.index = index
    }

    /// The value of the `Selat-Membership` field.
    package var description: String { "\(serial);\(digest.text)" }
}
