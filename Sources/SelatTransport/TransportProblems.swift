import SelatCore
package import SelatHTTP

// The problem types of this protocol; Protocol.md lists them. The service adds its own.

extension Problem {
    /// The upload stands elsewhere; `expected-offset` says where (409).
    package static func mismatchingOffset(expected: UInt64, provided: UInt64) -> Problem {
        Problem(
            type: mismatchingOffsetType, title: "mismatching upload offset", status: 409,
            detail: "the upload stands at \(expected), not at \(provided)",
            remedy: "continue at the expected offset",
            extensions: [
                "expected-offset": .integer(expected), "provided-offset": .integer(provided),
            ])
    }

    /// The stated length is not the size in the signed header (400).
    package static func inconsistentLength(stated: UInt64, expected: UInt64) -> Problem {
        Problem(
            type: inconsistentLengthType, title: "inconsistent upload length", status: 400,
            detail: "the header says \(expected) bytes, the upload \(stated)",
            remedy: "send the payload that the header was signed for")
    }

    /// This peer has not offered this envelope, or it is forgotten (404).
    package static func unknownUpload(_ upload: UploadID) -> Problem {
        Problem(
            type: unknownUploadType, title: "unknown upload", status: 404,
            detail: "no upload of `\(upload)` is open for this node",
            remedy: "offer the envelope first")
    }

    /// A newer append to the same upload took over (409).
    package static func uploadSuperseded(_ upload: UploadID) -> Problem {
        Problem(
            type: uploadSupersededType, title: "upload superseded", status: 409,
            detail: "a newer request continues `\(upload)`",
            remedy: "ask for the offset before sending more")
    }

    /// The members have cut the asking node off (403).
    package static func cutOff(_ reason: String) -> Problem {
        Problem(
            type: "urn:selat:problem:cut-off", title: "cut off", status: 403, detail: reason,
            remedy: "obtain the membership list: GET /v1/membership")
    }

    /// The peer asks more often than one peer may (429).
    package static func tooManyRequests(_ wait: Duration) -> Problem {
        let seconds = wait.components.seconds + (wait.components.attoseconds > 0 ? 1 : 0)
        var problem = Problem(
            type: tooManyRequestsType, title: "too many requests", status: 429,
            detail: "you ask more often than one node may",
            remedy: "wait for as many seconds as `Retry-After` says; nothing was refused for good")
        problem.retryAfterSeconds = max(1, seconds)
        return problem
    }

    package static let tooManyRequestsType = "urn:selat:problem:too-many-requests"

    /// A request that does not keep to the protocol (400).
    package static func malformed(_ detail: String) -> Problem {
        Problem(
            type: "urn:selat:problem:malformed-request", title: "malformed request", status: 400,
            detail: detail, remedy: "keep to the transport protocol")
    }

    /// Where the upload stands, according to a `mismatchingOffset` of the peer.
    package var expectedOffset: UInt64? {
        guard type == Self.mismatchingOffsetType else { return nil }
        return extensions["expected-offset"]?.integerValue.flatMap { UInt64(exactly: $0) }
    }

    package static let mismatchingOffsetType =
        "https://iana.org/assignments/http-problem-types#mismatching-upload-offset"
    package static let inconsistentLengthType =
        "https://iana.org/assignments/http-problem-types#inconsistent-upload-length"
    package static let unknownUploadType = "urn:selat:problem:unknown-upload"
    package static let uploadSupersededType = "urn:selat:problem:upload-superseded"
}
