// The header fields of Protocol.md: resumable uploads
// (draft-ietf-httpbis-resumable-upload, interop version 8) and the membership mark. Parsing is
// strict, one text for one value.

import HTTPTypes
import SelatCore
import SelatHTTP

extension HTTPField.Name {
    static let uploadOffset = named("Upload-Offset")
    static let uploadLength = named("Upload-Length")
    static let uploadComplete = named("Upload-Complete")
    static let uploadDraft = named("Upload-Draft-Interop-Version")
    /// How many leading bytes of a whole package are its head.
    static let headBytes = named("Selat-Head-Bytes")
    static let membership = named("Selat-Membership")
    static let index = named("Selat-Documents")
    /// The newest checkpoint of the author's log, and the digest of its program.
    static let checkpoint = named("Selat-Checkpoint")
    static let program = named("Selat-Program")

    private static func named(_ text: String) -> HTTPField.Name {
        guard let name = HTTPField.Name(text) else {
            preconditionFailure("`\(text)` is no field name")
        }
        return name
    }
}

/// The media types of the protocol.
enum MediaType {
    /// An envelope without its payload.
    static let head = "application/vnd.selat.head"
    /// A whole package.
    static let package = "application/vnd.selat.package"
    /// A piece of an upload.
    static let partialUpload = "application/partial-upload"
    /// A receipt, or another document that one node brings another.
    static let json = "application/json"
    /// A log's size in decimal, with a newline (C2SP `tlog-witness`).
    static let treeSize = "text/x.tlog.size"
    /// A signed membership document (RFC 8551, 3.2).
    static let cms = "application/pkcs7-mime"
    /// Revocation lists, textual.
    static let pem = "application/x-pem-file"
}

extension HTTPFields {
    /// A required integer from 0 to 10^15 - 1 (RFC 9651, 3.3.1, without sign and parameters).
    /// - Throws: `Problem` 400 when the field is missing or is anything else.
    func uploadInteger(_ name: HTTPField.Name) throws -> UInt64 {
        guard let value = try optionalUploadInteger(name) else {
            throw Problem.malformed("the field `\(name)` is missing")
        }
        return value
    }

    func optionalUploadInteger(_ name: HTTPField.Name) throws -> UInt64? {
        guard let text = self[name] else { return nil }
        let digits = text.utf8
        guard (1...15).contains(digits.count), digits.allSatisfy({ (0x30...0x39).contains($0) }),
            let value = UInt64(text)
        else { throw Problem.malformed("`\(name): \(text.prefix(40))` is not an integer from 0") }
        return value
    }

    /// A required boolean, `?0` or `?1` (RFC 9651, 3.3.6).
    func uploadBoolean(_ name: HTTPField.Name) throws -> Bool {
        switch self[name] {
        case "?0": return false
        case "?1": return true
        case nil: throw Problem.malformed("the field `\(name)` is missing")
        case .some(let text):
            throw Problem.malformed("`\(name): \(text.prefix(40))` is neither `?0` nor `?1`")
        }
    }

    /// - Throws: `Problem` 415 for another media type.
    func require(mediaType: String) throws {
        guard self[.contentType]?.lowercased() == mediaType else {
            throw Problem(
                status: .unsupportedMediaType, detail: "the media type must be `\(mediaType)`")
        }
    }

    /// - Throws: `Problem` 400 when the field is missing or malformed.
    func membershipMark() throws -> MembershipMark {
        guard let text = self[.membership], let mark = MembershipMark(text) else {
            throw Problem.malformed(
                "the field `Selat-Membership` must be the serial, a semicolon and the digest")
        }
        let index = try self[.index].map { text in
            guard let digest = try? Digest(text) else {
                throw Problem.malformed("the field `Selat-Documents` must be a digest")
            }
            return digest
        }
        return MembershipMark(serial: mark.serial, digest: mark.digest, index: index)
    }

    /// Says by which membership the author of a message goes.
    mutating func say(_ mark: MembershipMark) {
        self[.membership] = mark.description
        self[.index] = mark.index?.text
    }

    /// What the author of a message says about its log and program.
    var news: PeerNews {
        get { PeerNews(checkpoint: self[.checkpoint], program: self[.program]) }
        set {
            let fits = newValue.checkpoint.map {
                $0.utf8.count <= Limits.checkpointFieldBytesMax
            }
            self[.checkpoint] = fits ?? false ? newValue.checkpoint : nil
            self[.program] = newValue.program
        }
    }

    /// What every answer about an upload says.
    mutating func set(offset: UInt64, complete: Bool) {
        self[.uploadOffset] = String(offset)
        self[.uploadComplete] = complete ? "?1" : "?0"
        self[.uploadDraft] = "8"
        self[.cacheControl] = "no-store"
    }
}

extension MembershipMark {
    /// - Returns: nil unless `field` is what `description` makes of some mark.
    init?(_ field: String) {
        let parts = field.split(separator: ";", omittingEmptySubsequences: false)
        guard parts.count == 2, let serial = UInt64(parts[0]),
            let digest = try? Digest(String(parts[1]))
        else { return nil }
        self.init(serial: serial, digest: digest)
        // Equal strings may differ in bytes: U+037E is a semicolon to Unicode.
        guard description.utf8.elementsEqual(field.utf8) else { return nil }
    }
}
