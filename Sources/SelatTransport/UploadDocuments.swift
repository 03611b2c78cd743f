import SelatCore

// The JSON documents that answer offers and uploads.

extension OfferAnswer {
    var json: JSON {
        UploadDocument.json(
            state: state, offset: offset, length: nil, complete: nil, cause: cause, receipt)
    }

    /// - Throws: `CoreError` for anything but the document of Protocol.md.
    init(parsing bytes: [UInt8], created: Bool, upload: UploadID) throws(CoreError) {
        var reader = try ObjectReader(try JSON(parsing: bytes), "offer answer")
        self.init(
            created: created, upload: upload, state: try reader.string("state"),
            offset: try reader.unsigned("offset"), cause: try reader.optionalString("cause"),
            receipt: reader.optional("receipt"))
    }
}

extension UploadState {
    var json: JSON {
        UploadDocument.json(
            state: state, offset: offset, length: length, complete: complete, cause: cause,
            receipt)
    }

    /// - Throws: `CoreError` for anything but the document of Protocol.md.
    init(parsing bytes: [UInt8]) throws(CoreError) {
        var reader = try ObjectReader(try JSON(parsing: bytes), "upload state")
        self.init(
            offset: try reader.unsigned("offset"), length: try reader.unsigned("length"),
            complete: try reader.bool("complete"), state: try reader.string("state"),
            cause: try reader.optionalString("cause"),
            receipt: reader.optional("receipt"))
    }
}

private enum UploadDocument {
    static func json(
        state: String, offset: UInt64, length: UInt64?, complete: Bool?, cause: String?,
        _ receipt: JSON?
    ) -> JSON {
        var members: JSON.Object = ["state": .string(state), "offset": .integer(offset)]
        members["cause"] = cause.map { .string($0) }
        members["length"] = length.map { .integer($0) }
        members["complete"] = complete.map { .bool($0) }
        members["receipt"] = receipt
        return .object(members)
    }
}
