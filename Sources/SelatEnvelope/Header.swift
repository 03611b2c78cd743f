package import SelatCore
import SelatCrypto

/// What the sender signs: everything that a relay and the recipient must be able to rely on.
package struct Header: Hashable, Sendable {
    /// SHA-256 of the other parts.
    package struct PartDigests: Hashable, Sendable {
        package let keysCMS: Digest
        package let keysMLKEM: Digest
        package let manifest: Digest
        package let leaves: Digest
    }

    package let core: EnvelopeCore
    /// From 1; grows with every header made for the same core.
    package let attempt: UInt64
    /// From the sender over the relays to the recipient.
    package let route: [NodeID]
    package let precedence: Precedence
    package let payload: PayloadIdentity
    package let parts: PartDigests
    package let membershipSerial: UInt64
    package let membershipDigest: Digest
    /// The policy edition of each relay's country that the verdict used.
    package let transit: [Country: Digest]
    /// HMAC-SHA-256 of the verdict's record under a key in the manifest.
    package let verdictCode: Digest

    package init(
        core: EnvelopeCore, attempt: UInt64, route: [NodeID], precedence: Precedence,
        payload: PayloadIdentity, parts: PartDigests, membershipSerial: UInt64,
        membershipDigest: Digest, transit: [Country: Digest], verdictCode: Digest
    ) throws(EnvelopeError) {
        guard attempt >= 1 else { throw .malformed("header", "`attempt` begins at 1") }
        guard (2...Limits.routeNodesMax).contains(route.count), route.first == core.from,
            route.last == core.to, Set(route).count == route.count
        else { throw .malformed("header", "`route` does not lead from `from` to `to`") }
        let relayCountries = Set(route.dropFirst().dropLast().map(\.country))
        guard relayCountries.isSuperset(of: transit.keys) else {
            throw .malformed("header", "`transit` names a country without a relay")
        }
        self.core = core
        self.attempt = attempt
        self.route = route
        self.precedence = precedence
        self.payload = payload
        self.parts = parts
        self.membershipSerial = membershipSerial
        self.membershipDigest = membershipDigest
        self.transit = transit
        self.verdictCode = verdictCode
    }

    package var json: JSON {
        var members = core.members
        members["type"] = "header"
        members["attempt"] = .integer(attempt)
        members["route"] = .strings(route.map(\.text))
        members["precedence"] = .string(precedence.rawValue)
        members["payload"] = [
            "root": .string(payload.root.text), "size": .integer(payload.size),
        ]
        members["parts"] = [
            "keys.cms": .string(parts.keysCMS.text), "keys.mlkem": .string(parts.keysMLKEM.text),
            "leaves": .string(parts.leaves.text), "manifest": .string(parts.manifest.text),
        ]
        members["membership"] = [
            "digest": .string(membershipDigest.text), "serial": .integer(membershipSerial),
        ]
        members["transit"] = .object(
            JSON.Object(transit.map { ($0.key.code, .string($0.value.text)) }))
        members["verdict"] = .string(verdictCode.text)
        return .object(members)
    }

    /// The envelope's identity: SHA-256 of the header's canonical bytes.
    package var identity: Digest { SHA256.digest(json.canonical) }

    /// - Parameter bytes: the signed content.
    /// - Throws: `EnvelopeError.malformed` unless the bytes are canonical and exactly a header.
    package init(parsing bytes: [UInt8]) throws(EnvelopeError) {
        let json = try SelatEnvelope.reading("header") { () throws(CoreError) in
            try JSON(canonical: bytes)
        }
        var reader = try SelatEnvelope.reading("header") { () throws(CoreError) in
            try ObjectReader(json, "header")
        }
        let core = try EnvelopeCore(reading: &reader)
        var fields = reader
        let read = try SelatEnvelope.reading("header") { () throws(CoreError) in
            try Fields(&fields)
        }
        try self.init(
            core: core, attempt: read.attempt, route: read.route, precedence: read.precedence,
            payload: PayloadIdentity(size: read.size, root: read.root), parts: read.parts,
            membershipSerial: read.serial, membershipDigest: read.membership,
            transit: read.transit, verdictCode: read.verdict)
        _ = try SegmentLayout(sealedSize: payload.size)
    }

    /// The header's own fields, as they stand in JSON.
    private struct Fields {
        let attempt: UInt64
        let route: [NodeID]
        let precedence: Precedence
        let size: UInt64
        let root: Digest
        let parts: PartDigests
        let serial: UInt64
        let membership: Digest
        let transit: [Country: Digest]
        let verdict: Digest

        init(_ reader: inout ObjectReader) throws(CoreError) {
            let type = try reader.string("type")
            guard type == "header" else {
                throw .wrongType("type", in: "header", expected: "`header`")
            }
            attempt = try reader.unsigned("attempt")
            var nodes: [NodeID] = []
            for node in try reader.strings("route") { nodes.append(try NodeID(node)) }
            route = nodes
            precedence = try reader.choice("precedence")
            var payload = try reader.object("payload")
            size = try payload.unsigned("size")
            root = try payload.digest("root")
            try payload.end()
            var digests = try reader.object("parts")
            parts = PartDigests(
                keysCMS: try digests.digest("keys.cms"),
                keysMLKEM: try digests.digest("keys.mlkem"),
                manifest: try digests.digest("manifest"), leaves: try digests.digest("leaves"))
            try digests.end()
            var list = try reader.object("membership")
            serial = try list.unsigned("serial")
            membership = try list.digest("digest")
            try list.end()
            var editions: [Country: Digest] = [:]
            guard case .object(let members) = try reader.json("transit") else {
                throw .wrongType("transit", in: "header", expected: "an object")
            }
            for (country, digest) in members {
                guard let text = digest.stringValue else {
                    throw .wrongType("transit", in: "header", expected: "digests by country")
                }
                editions[try Country(country)] = try Digest(text)
            }
            transit = editions
            verdict = try reader.digest("verdict")
            try reader.end()
        }
    }
}

/// Size and tree root of a sealed payload: under one content key they stand for one plaintext.
package struct PayloadIdentity: Hashable, Sendable {
    /// Sealed bytes.
    package let size: UInt64
    package let root: Digest

    package init(size: UInt64, root: Digest) {
        self.size = size
        self.root = root
    }
}
