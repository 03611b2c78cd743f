import SelatCore

/// What Selat itself reads in a certificate (RFC 5280, 4.1). OpenSSL decodes the same bytes again
/// for the path; a critical extension that it does not know fails there.
struct CertificateFields {
    private(set) var serial: [UInt8] = []
    private(set) var issuer: [UInt8] = []
    private(set) var subject: [UInt8] = []
    private(set) var notBefore = Timestamp(seconds: 0)
    private(set) var notAfter = Timestamp(seconds: 0)
    private(set) var spki: [UInt8] = []
    private(set) var uris: [String] = []
    private(set) var extendedKeyUsages: Set<OID> = []
    private(set) var isAuthority = false
    private(set) var keyUsage: KeyUsage = []

    init(_ der: [UInt8]) throws(DERError) {
        var outer = DERReader(der)
        var certificate = try outer.sequence()
        try outer.end("the certificate")
        var body = try certificate.sequence()
        let algorithm = Array(try certificate.element(DER.Tag.sequence))
        _ = try certificate.content(DER.Tag.bitString)
        try certificate.end("the certificate")
        try body.expect(Self.version, "the certificate's version")
        serial = Array(try body.integer())
        // Inside and outside the signature; OpenSSL's security levels would let weaker digests pass.
        try body.expect(algorithm, "the signature's algorithm")
        guard Self.algorithms.contains(algorithm) else {
            throw DERError("it is not signed by ECDSA with SHA-256 or SHA-384")
        }
        issuer = Array(try body.element(DER.Tag.sequence))
        var validity = try body.sequence()
        notBefore = try validity.time()
        notAfter = try validity.time()
        try validity.end("the validity")
        subject = Array(try body.element(DER.Tag.sequence))
        spki = Array(try body.element(DER.Tag.sequence))
        var extensions = try body.inside(DER.Tag.context | DER.Tag.constructed | 3)
        try body.end("the certificate's body")
        try read(extensions: extensions.sequence())
        try extensions.end("the extensions")
    }

    private static let version = DER.explicit(0, DER.integer(2))

    private static let algorithms: Set<[UInt8]> = [
        SignatureAlgorithm.ecdsaP256SHA256.signatureIdentifier,
        SignatureAlgorithm.ecdsaP384SHA384.signatureIdentifier,
    ]

    private mutating func read(extensions: DERReader) throws(DERError) {
        var extensions = extensions
        var seen: Set<OID> = []
        while !extensions.isAtEnd {
            var one = try extensions.sequence()
            let name = try one.oid()
            guard seen.insert(name).inserted else { throw DERError("an extension stands twice") }
            if one.nextTag == DER.Tag.boolean { try one.expect(DER.yes, "criticality") }
            var value = try one.inside(DER.Tag.octetString)
            try one.end("an extension")
            switch name {
            case .keyUsage: try read(keyUsage: &value)
            case .extendedKeyUsage: try read(extendedKeyUsages: &value)
            case .subjectAltName: try read(alternativeNames: &value)
            case .basicConstraints: try read(basicConstraints: &value)
            default: continue
            }
            try value.end("an extension's value")
        }
    }

    private mutating func read(keyUsage value: inout DERReader) throws(DERError) {
        let bits = try value.content(DER.Tag.bitString)
        guard let first = bits.dropFirst().first else { return }
        keyUsage = KeyUsage(rawValue: first)
    }

    private mutating func read(extendedKeyUsages value: inout DERReader) throws(DERError) {
        var usages = try value.sequence()
        while !usages.isAtEnd { extendedKeyUsages.insert(try usages.oid()) }
    }

    private mutating func read(alternativeNames value: inout DERReader) throws(DERError) {
        var names = try value.sequence()
        let uri = DER.Tag.context | 6
        while let tag = names.nextTag {
            let content = try names.content(tag)
            guard tag == uri else { continue }
            guard content.allSatisfy({ (0x21...0x7E).contains($0) }) else {
                throw DERError("a URI that is not printable ASCII")
            }
            uris.append(String(decoding: content, as: UTF8.self))
        }
    }

    private mutating func read(basicConstraints value: inout DERReader) throws(DERError) {
        var constraints = try value.sequence()
        guard constraints.nextTag == DER.Tag.boolean else { return }
        try constraints.expect(DER.yes, "the CA flag")
        isAuthority = true
    }
}
