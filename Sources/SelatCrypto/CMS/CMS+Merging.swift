// Lists and records are signed by several people, one after another or each on a copy of their own.
extension CMS {
    /// Who a message says has signed it. It proves nothing: no signature is verified.
    /// - Throws: `CryptoError.unreadableMessage` for a message outside the profile.
    package static func unverifiedSigners(
        of der: [UInt8], type: CMSContentType
    ) throws(CryptoError) -> [IssuerAndSerial] {
        try SignedMessage(parsing: der, as: type).signers.map(\.signer)
    }

    /// One message with the signatures of several copies; who signed two copies stands once.
    /// - Parameter copies: messages with the same content, at least one.
    /// - Throws: `CryptoError.unreadableMessage` for a message outside the profile, copies with
    ///   different contents, or more signers than a message has.
    package static func merged(
        _ copies: [[UInt8]], type: CMSContentType
    ) throws(CryptoError) -> [UInt8] {
        precondition(
            type.allowsSeveralSigners && !type.isDetached, "a message of this type has one signer")
        var messages: [SignedMessage] = []
        for copy in copies { messages.append(try SignedMessage(parsing: copy, as: type)) }
        guard let content = messages.first?.content,
            messages.allSatisfy({ $0.content == content })
        else { throw .unreadableMessage("the copies have different contents") }
        var signers: [SignerStatement] = []
        for signer in messages.flatMap(\.signers)
        where !signers.contains(where: { SignerName(of: $0) == SignerName(of: signer) }) {
            signers.append(signer)
        }
        let merged = SignedMessage(type: type, content: content, signers: signers).encoded()
        // What no reader takes is not written.
        _ = try SignedMessage(parsing: merged, as: type)
        return merged
    }
}
