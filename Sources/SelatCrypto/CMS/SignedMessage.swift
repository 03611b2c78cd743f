import SelatCore

/// A CMS SignedData (RFC 5652, 5) of Selat's profile, as values. There is one encoding for one
/// value: parsing encodes again and compares, so nothing that the values do not say can stand in a
/// message.
struct SignedMessage {
    let type: CMSContentType
    /// Inside the message, or beside it where the type is detached.
    let content: [UInt8]
    let signers: [SignerStatement]

    init(type: CMSContentType, content: [UInt8], signers: [SignerStatement]) {
        self.type = type
        self.content = content
        self.signers = signers
    }

    /// - Parameter detached: the content of a message whose type is detached.
    /// - Throws: `CryptoError.unreadableMessage` for bytes that are not the one DER encoding of a
    ///   message of this type within the profile.
    init(
        parsing der: [UInt8], as type: CMSContentType, detached: [UInt8]? = nil
    ) throws(CryptoError) {
        precondition(type.isDetached == (detached != nil), "a content is inside or beside")
        do throws(DERError) {
            try self.init(reading: der, as: type, detached)
        } catch {
            throw .unreadableMessage(error.reason)
        }
        guard encoded() == der else {
            throw .unreadableMessage("not the one DER encoding of the profile")
        }
    }

    private init(
        reading der: [UInt8], as type: CMSContentType, _ detached: [UInt8]?
    ) throws(DERError) {
        var outer = DERReader(der)
        var message = try outer.sequence()
        try outer.end("the message")
        try message.expect(OID.signedData.der, "the message's kind")
        var wrapped = try message.inside(DER.Tag.context | DER.Tag.constructed)
        var signed = try wrapped.sequence()
        try signed.expect(Self.version, "the version")
        _ = try signed.content(DER.Tag.set)
        var encapsulated = try signed.sequence()
        try encapsulated.expect(type.oid.der, "the content type")
        if let detached {
            content = detached
        } else {
            var explicit = try encapsulated.inside(DER.Tag.context | DER.Tag.constructed)
            content = Array(try explicit.content(DER.Tag.octetString))
        }
        if signed.nextTag != DER.Tag.set {
            throw DERError("certificates or revocation lists stand inside")
        }
        var statements = try signed.inside(DER.Tag.set)
        var signers: [SignerStatement] = []
        while !statements.isAtEnd {
            guard signers.count < Self.signersMax else { throw DERError("too many signers") }
            signers.append(try SignerStatement(&statements, of: type))
        }
        guard signers.count == 1 || signers.count > 1 && type.allowsSeveralSigners else {
            throw DERError("\(signers.count) signers where one must stand")
        }
        self.type = type
        self.signers = signers
    }

    func encoded() -> [UInt8] {
        let inside = type.isDetached ? 0 : content.count
        return DERWriter.bytes(capacity: inside + Self.signerBytes * (signers.count + 1)) {
            $0.sequence {
                $0.append(OID.signedData.der)
                $0.explicit(0) { $0.sequence { encode(into: &$0) } }
            }
        }
    }

    private func encode(into writer: inout DERWriter) {
        writer.append(Self.version)
        writer.set {
            for algorithm in SignatureAlgorithm.allCases
            where signers.contains(where: { $0.algorithm == algorithm }) {
                $0.append(algorithm.digestIdentifier)
            }
        }
        writer.sequence {
            $0.append(type.oid.der)
            if !type.isDetached { $0.explicit(0) { $0.octets(content) } }
        }
        writer.set { for signer in signers { signer.encode(into: &$0) } }
    }

    private static let version = DER.integer(3)
    /// Of one signer, with room.
    private static let signerBytes = 768
    /// Every authority of every member, with room.
    private static let signersMax = 64
}
