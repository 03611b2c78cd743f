package import SelatCore

extension Limits {
    /// Everything of an envelope but its payload: header, both keys parts, manifest and the tar
    /// framing between them.
    package static let envelopeHeadBytesMax =
        headerBytesMax + 2 * keysBytesMax + manifestBytesMax + 64 << 10
    /// The JSON document that answers an offer or an upload: mostly the receipt.
    package static let transportAnswerBytesMax = 1 << 20
    /// A TLS handshake, from the first byte to the last.
    package static let handshakeSecondsMax: Int64 = 10
}
