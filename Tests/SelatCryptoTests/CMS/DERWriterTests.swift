import Testing

@testable import SelatCrypto

@Suite struct DERWriterTests {
    /// X.690, 8.1.3 and 10.1.
    @Test(
        arguments: [
            (0, [0x00]), (127, [0x7F]), (128, [0x81, 0x80]), (255, [0x81, 0xFF]),
            (256, [0x82, 0x01, 0x00]), (65_536, [0x83, 0x01, 0x00, 0x00]),
        ] as [(Int, [UInt8])])
    func lengthsAreTheShortest(count: Int, length: [UInt8]) {
        let content = [UInt8](repeating: 7, count: count)
        let expected = [0x30] + length + content
        #expect(DER.element(0x30, content) == expected)
        #expect(DERWriter.bytes(capacity: 0) { $0.sequence { $0.append(content) } } == expected)
    }

    @Test func aSetIsInTheOrderOfItsBytes() {
        let elements: [[UInt8]] = [[4, 2, 9, 9], [4, 1, 200], [4, 2, 9, 8], [2, 1, 5]]
        let set = DERWriter.bytes(capacity: 0) {
            $0.set { for element in elements { $0.append(element) } }
        }
        #expect(set == DER.set(elements))
        #expect(set == [0x31, 14, 2, 1, 5, 4, 1, 200, 4, 2, 9, 8, 4, 2, 9, 9])
    }

    /// What a signature covers is what stands in the message, under the tag of a SET OF.
    @Test func attributesAreSignedAsTheyStand() {
        let statement = SignerStatement(
            type: .header,
            signer: IssuerAndSerial(issuer: DER.sequence(), serial: [1]),
            algorithm: .ecdsaP256SHA256, messageDigest: [UInt8](repeating: 1, count: 32),
            signingTime: Authority.now, certificateDigest: [UInt8](repeating: 2, count: 32))
        let message = DERWriter.bytes(capacity: 0) { statement.encode(into: &$0) }
        let inside = [0xA0] + Array(statement.attributes.dropFirst())
        #expect(message.indices.contains { message[$0...].starts(with: inside) })
        #expect(statement.attributes.first == 0x31)
    }
}
