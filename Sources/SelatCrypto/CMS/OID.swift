/// An ASN.1 object identifier.
package struct OID: Hashable, Sendable {
    /// The complete element.
    let der: [UInt8]

    /// - Parameter der: one element with an object identifier's tag.
    init(der: [UInt8]) { self.der = der }

    private init(content: [UInt8]) { der = DER.element(DER.Tag.oid, content) }

    /// A standard identifier, such as `OID(2, 5, 29, 15)`.
    init(_ arcs: UInt64...) {
        precondition(arcs.count >= 2 && arcs[0] <= 2, "an object identifier has two arcs or more")
        self.init(
            content: Self.base128(arcs[0] * 40 + arcs[1])
                + arcs.dropFirst(2).flatMap(Self.base128))
    }

    /// An identifier of Selat's own: `2.25.<Selat's UUID>.<group>.<number>`.
    init(selat group: UInt64, _ number: UInt64) {
        self.init(content: Self.selatArc + Self.base128(group) + Self.base128(number))
    }

    /// The dotted form of Selat's arc: `2.25.` and UUID ba34891c-4e34-4f81-98b6-9c36367bb4bf as a
    /// decimal number (ITU-T X.667). Chosen at random once; it needs no registration.
    package static let selatArcText = "2.25.247509187585345484441312395198224643263"

    /// 2.25, which share the byte 2 × 40 + 25, and the UUID's 128 bits in groups of seven.
    private static let selatArc: [UInt8] = {
        let uuid: (high: UInt64, low: UInt64) = (0xBA34_891C_4E34_4F81, 0x98B6_9C36_367B_B4BF)
        var groups: [UInt8] = []
        var (high, low) = uuid
        while high != 0 || low != 0 {
            groups.append(UInt8(low & 0x7F) | (groups.isEmpty ? 0 : 0x80))
            low = low >> 7 | high << 57
            high >>= 7
        }
        return [80 + 25] + groups.reversed()
    }()

    private static func base128(_ value: UInt64) -> [UInt8] {
        var groups = [UInt8(value & 0x7F)]
        var rest = value >> 7
        while rest != 0 {
            groups.append(UInt8(rest & 0x7F) | 0x80)
            rest >>= 7
        }
        return groups.reversed()
    }
}

extension OID {
    // Certificate extensions (RFC 5280).
    static let subjectKeyIdentifier = OID(2, 5, 29, 14)
    static let keyUsage = OID(2, 5, 29, 15)
    static let subjectAltName = OID(2, 5, 29, 17)
    static let basicConstraints = OID(2, 5, 29, 19)
    static let crlNumber = OID(2, 5, 29, 20)
    static let authorityKeyIdentifier = OID(2, 5, 29, 35)
    static let extendedKeyUsage = OID(2, 5, 29, 37)
    static let serverAuth = OID(1, 3, 6, 1, 5, 5, 7, 3, 1)
    static let clientAuth = OID(1, 3, 6, 1, 5, 5, 7, 3, 2)
    static let countryName = OID(2, 5, 4, 6)
    static let commonName = OID(2, 5, 4, 3)
    /// The attribute of a certification request that asks for extensions (RFC 2985, 5.4.2).
    static let extensionRequest = OID(1, 2, 840, 113549, 1, 9, 14)

    // Algorithms (RFC 5754, RFC 5758, RFC 5753, RFC 5084).
    static let sha256 = OID(2, 16, 840, 1, 101, 3, 4, 2, 1)
    static let sha384 = OID(2, 16, 840, 1, 101, 3, 4, 2, 2)
    static let ecdsaWithSHA256 = OID(1, 2, 840, 10045, 4, 3, 2)
    static let ecdsaWithSHA384 = OID(1, 2, 840, 10045, 4, 3, 3)
    static let ecPublicKey = OID(1, 2, 840, 10045, 2, 1)
    static let dhSinglePassSHA256 = OID(1, 3, 132, 1, 11, 1)
    static let dhSinglePassSHA384 = OID(1, 3, 132, 1, 11, 2)
    static let aes256Wrap = OID(2, 16, 840, 1, 101, 3, 4, 1, 45)
    static let aes256GCM = OID(2, 16, 840, 1, 101, 3, 4, 1, 46)

    // CMS (RFC 5652, RFC 5083, RFC 5035).
    static let cmsDataContent = OID(1, 2, 840, 113549, 1, 7, 1)
    static let signedData = OID(1, 2, 840, 113549, 1, 7, 2)
    static let authEnvelopedData = OID(1, 2, 840, 113549, 1, 9, 16, 1, 23)
    static let contentType = OID(1, 2, 840, 113549, 1, 9, 3)
    static let messageDigest = OID(1, 2, 840, 113549, 1, 9, 4)
    static let signingTime = OID(1, 2, 840, 113549, 1, 9, 5)
    static let federation = OID(selat: 3, 1)
    static let signingCertificateV2 = OID(1, 2, 840, 113549, 1, 9, 16, 2, 47)
}
