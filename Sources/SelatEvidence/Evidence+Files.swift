import SelatAudit
import SelatCore
import SelatCrypto
import SelatFederation

// Evidence as the files of a folder, by path (Format.md, *Files*).

extension Evidence {
    /// The files to write.
    package var files: [String: [UInt8]] {
        var files = ["evidence.json": subject.json.canonical]
        files["header.cms"] = header
        files["receipt.json"] = receipt
        for (entry, document) in laterReceipts { files["receipts/\(entry).json"] = document }
        files["membership/membership.cms"] = membership.lists[0]
        for (index, list) in membership.lists.enumerated().dropFirst() {
            files["membership/lists/\(index + 1).cms"] = list
        }
        for (index, list) in laterLists.enumerated() {
            files["membership/later/\(membership.lists.count + index + 1).cms"] = list
        }
        for (country, record) in membership.records {
            files["membership/records/\(country.code).cms"] = record
        }
        for (country, list) in membership.revocationLists {
            files["membership/crls/\(country.code).crl"] = list
        }
        for (country, record) in former.records {
            files["membership/former/\(country.code).cms"] = record
        }
        for (country, list) in former.revocationLists {
            files["membership/former/\(country.code).crl"] = list
        }
        for (name, file) in policies {
            files["policies/\(name).yaml"] = file.bytes
            files["policies/\(name).yaml.p7s"] = file.signatures
        }
        for (digest, message) in approvals { files["approvals/\(digest.hex).cms"] = message }
        for entry in entries {
            let stem = "log/\(entry.entry.sequence)"
            files["\(stem).entry.json"] = entry.entry.canonical
            files["\(stem).details.json"] = entry.details
            files["\(stem).salt"] = entry.salt.map { Array((Base64.encode($0) + "\n").utf8) }
            files["\(stem).tlog-proof"] = entry.proof.bytes
        }
        return files
    }

    /// Parses the files of a folder strictly; what they claim is not checked yet.
    /// - Throws: `EvidenceError` naming the first file, in order, that is missing, unknown or
    ///   malformed.
    package init(files: [String: [UInt8]]) throws(EvidenceError) {
        var reader = FileReader(files)
        guard files.count <= Self.filesMax,
            files.values.reduce(0, { $0 + $1.count }) <= Self.bytesMax
        else { throw .tooLarge }
        subject = try reader.parse("evidence.json") { try Subject(canonical: $0) }
        let lists =
            try [reader.required("membership/membership.cms")]
            + reader.lists("membership/lists/", from: 2)
        membership = MembershipDocuments(
            lists: lists,
            records: try reader.countries("membership/records/", ".cms"),
            revocationLists: try reader.countries("membership/crls/", ".crl"))
        former = Former(
            records: try reader.countries("membership/former/", ".cms"),
            revocationLists: try reader.countries("membership/former/", ".crl"))
        laterLists = try reader.lists("membership/later/", from: UInt64(lists.count) + 1)
        header = reader.take("header.cms")
        receipt = reader.take("receipt.json")
        laterReceipts = reader.numbered("receipts/", ".json")
        entries = try reader.entries()
        policies = reader.policies()
        approvals = try reader.approvals()
        if let file = reader.files.keys.min() { throw .unknown(file: file) }
    }
}

extension Evidence.Subject {
    var json: JSON {
        [
            "type": "evidence", "version": 1, "federation": .string(federation.text),
            "maker": .string(maker.text), "from": .string(from.text), "to": .string(to.text),
            "id": .string(id.text), "made": .string(made.text),
        ]
    }

    init(canonical bytes: [UInt8]) throws(CoreError) {
        var reader = try ObjectReader(try JSON(parsing: bytes), "evidence")
        guard try reader.string("type") == "evidence", try reader.unsigned("version") == 1 else {
            throw .wrongType("version", in: "evidence", expected: "`evidence` of version 1")
        }
        federation = try reader.digest("federation")
        maker = try reader.node("maker")
        from = try reader.node("from")
        to = try reader.node("to")
        id = try TransferID(try reader.string("id"))
        made = try reader.timestamp("made")
        try reader.end()
        guard json.canonical == bytes else {
            throw .wrongType("(top)", in: "evidence", expected: "in canonical form")
        }
        guard from != to, maker == from || maker == to else {
            throw .wrongType("maker", in: "evidence", expected: "one of two ends")
        }
    }
}

/// Takes files out of a folder; what is left over at the end belongs to nothing.
private struct FileReader {
    var files: [String: [UInt8]]

    init(_ files: [String: [UInt8]]) { self.files = files }

    mutating func take(_ path: String) -> [UInt8]? { files.removeValue(forKey: path) }

    mutating func required(_ path: String) throws(EvidenceError) -> [UInt8] {
        guard let bytes = take(path) else { throw .missing(file: path) }
        return bytes
    }

    mutating func parse<Value>(
        _ path: String, _ parse: ([UInt8]) throws -> Value
    ) throws(EvidenceError) -> Value {
        let bytes = try required(path)
        do {
            return try parse(bytes)
        } catch {
            throw .malformed(file: path, reason: "\(error)")
        }
    }

    /// `PREFIX/N.cms` in the order of their numbers, which go on one by one from the first.
    mutating func lists(_ prefix: String, from first: UInt64) throws(EvidenceError) -> [[UInt8]] {
        let found = numbered(prefix, ".cms").sorted { $0.key < $1.key }
        for (number, list) in zip(first..., found) where number != list.key {
            throw .missing(file: "\(prefix)\(number).cms")
        }
        return found.map(\.value)
    }

    /// `PREFIXnSUFFIX`; one that is no number is left over.
    mutating func numbered(_ prefix: String, _ suffix: String) -> [UInt64: [UInt8]] {
        var found: [UInt64: [UInt8]] = [:]
        for (name, bytes) in named(prefix, suffix) {
            if let number = UInt64(name), "\(number)" == name {
                found[number] = bytes
            } else {
                files[prefix + name + suffix] = bytes
            }
        }
        return found
    }

    /// The files `PREFIXnameSUFFIX`, by name.
    mutating func named(_ prefix: String, _ suffix: String) -> [String: [UInt8]] {
        var found: [String: [UInt8]] = [:]
        for path in files.keys
        where path.hasPrefix(prefix) && path.hasSuffix(suffix)
            && path.utf8.count > prefix.utf8.count + suffix.utf8.count
        {
            found[String(path.dropFirst(prefix.count).dropLast(suffix.count))] = take(path)
        }
        return found
    }

    mutating func countries(
        _ prefix: String, _ suffix: String
    ) throws(EvidenceError) -> [Country: [UInt8]] {
        var found: [Country: [UInt8]] = [:]
        for (name, bytes) in named(prefix, suffix) {
            guard let country = try? Country(name) else {
                throw .unknown(file: prefix + name + suffix)
            }
            found[country] = bytes
        }
        return found
    }

    mutating func policies() -> [String: Evidence.PolicyFile] {
        var found: [String: Evidence.PolicyFile] = [:]
        for (name, bytes) in named("policies/", ".yaml") {
            found[name] = Evidence.PolicyFile(
                bytes: bytes, signatures: take("policies/\(name).yaml.p7s"))
        }
        return found
    }

    mutating func approvals() throws(EvidenceError) -> [Digest: [UInt8]] {
        var found: [Digest: [UInt8]] = [:]
        for (name, bytes) in named("approvals/", ".cms") {
            let digest = SHA256.digest(bytes)
            guard digest.hex == name else {
                throw .malformed(
                    file: "approvals/\(name).cms", reason: "its digest is \(digest.hex)")
            }
            found[digest] = bytes
        }
        return found
    }

    mutating func entries() throws(EvidenceError) -> [ProvenEntry] {
        var entries: [ProvenEntry] = []
        for path in files.keys.sorted() where path.hasPrefix("log/") {
            guard path.hasSuffix(".entry.json") else { continue }
            let stem = String(path.dropLast(".entry.json".count))
            let entry = try parse(path) { try Entry(canonical: $0) }
            guard stem == "log/\(entry.sequence)" else { throw .unknown(file: path) }
            let proof = try parse("\(stem).tlog-proof") { try TLogProof(parsing: $0) }
            let details = take("\(stem).details.json")
            let salt = details == nil ? nil : try parse("\(stem).salt") { try Self.salt($0) }
            entries.append(ProvenEntry(entry: entry, details: details, salt: salt, proof: proof))
        }
        return entries.sorted { $0.entry.sequence < $1.entry.sequence }
    }

    private static func salt(_ bytes: [UInt8]) throws(CoreError) -> [UInt8] {
        let text = String(decoding: bytes, as: UTF8.self)
        guard text.hasSuffix("\n"), let salt = Base64.decode(text.dropLast()),
            salt.count == Entry.saltBytes
        else { throw .malformed("salt", "\(bytes.count) bytes", expected: "base64 of 32 bytes") }
        return salt
    }
}
