package import SelatCore
package import SelatCrypto

/// Why a membership document is not accepted, or why the membership knows no such node.
package enum FederationError: Error, Hashable, Sendable, CustomStringConvertible {
    /// A file could not be read.
    case fileUnreadable(_ path: String, reason: String)
    /// A document's JSON is not of its format.
    case documentInvalid(_ document: String, CoreError)
    /// A document contradicts itself or another.
    case contradiction(_ document: String, reason: String)
    /// A document's signatures, or a certificate in it, are not good.
    case notTrusted(_ document: String, CryptoError)
    /// Too few of those who must sign a document have signed it.
    case tooFewSigners(_ document: String, signed: Int, needed: Int)
    /// A policy edition lacks signatures, or bears one that must not stand there.
    case editionNotSigned(_ file: String, reason: String)
    /// A policy edition bears a signature by somebody whom no record lists as a policy signer, or whose
    /// certificate is not good at that moment: nothing can be told of it.
    case editionSignerUnknown(_ file: String, reason: String)
    /// The list is not the one that the operator trusts.
    case anotherList(_ found: Digest, trusted: Digest)
    /// A document is not valid yet, or no longer.
    case notInForce(_ document: String, from: Timestamp, until: Timestamp)
    /// A sandbox's list where only a real one may be.
    case sandbox
    /// The membership has no such country.
    case unknownMember(Country)
    /// No member record in force names such a node.
    case unknownNode(NodeID)
    /// The list in force has cut the node off.
    case cut(NodeID, by: MembershipList.Cut)
    /// No certificate of this name is listed for this node or purpose.
    case unknownSigner(IssuerAndSerial)
    /// The node's record lists no key of the kind that is needed.
    case unlistedKey(NodeID, _ what: String)
    /// A certificate of the country is good, but names nobody or somebody else.
    case wrongName(_ certificate: String, expected: String)

    package var description: String {
        switch self {
        case .fileUnreadable(let path, let reason): "`\(path)`: \(reason)"
        case .documentInvalid(let document, let error): "\(document): \(error)"
        case .contradiction(let document, let reason): "\(document): \(reason)"
        case .notTrusted(let document, let error): "\(document): \(error)"
        case .tooFewSigners(let document, let signed, let needed):
            "\(document): signed by \(signed) of the \(needed) who are needed"
        case .editionNotSigned(let file, let reason),
            .editionSignerUnknown(let file, let reason):
            "`\(file)`: \(reason)"
        case .anotherList(let found, let trusted):
            "membership list is `\(found)`, but the configuration trusts `\(trusted)`"
        case .notInForce(let document, let from, let until):
            "\(document): in force only from \(from) until \(until); ask a member for a newer one"
        case .sandbox: "membership list is a sandbox's; a production node refuses it"
        case .unknownMember(let country): "`\(country)` is not a member"
        case .unknownNode(let node): "`\(node)` is in no member record in force"
        case .cut(let node, let cut):
            "`\(node)` is cut off by the membership list: what it stated from "
                + "\(cut.distrustFrom) on is distrusted"
        case .unknownSigner(let name): "no listed certificate has \(name)"
        case .unlistedKey(let node, let what): "the record of `\(node)` lists no key for \(what)"
        case .wrongName(let certificate, let expected):
            "certificate names `\(certificate)`, expected \(expected)"
        }
    }
}
