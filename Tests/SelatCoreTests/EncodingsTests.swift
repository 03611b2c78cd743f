import Foundation
import SelatCore
import SelatTestSupport
import Testing

struct EncodingsTests {
    @Test func base64IsWhatOthersWrite() {
        let entropy = SeededEntropy(11)
        for length in 0...300 {
            let bytes = entropy.bytes(length)
            let text = Base64.encode(bytes)
            #expect(text == Data(bytes).base64EncodedString())
            #expect(Base64.encode(bytes[...]) == text)
            #expect(Base64.text(of: bytes) == Array(text.utf8))
            #expect(Base64.decode(text) == bytes)
            var letters = Array(text.utf8)
            let count = Base64.decode(inPlace: &letters)
            #expect(count == length && letters.starts(with: bytes))
        }
    }

    @Test(arguments: [
        "=", "==", "====", "A", "AA", "AAA", "A===", "AA=A", "AB==", "AAB=", "AA==AA==", "AA-_",
    ])
    func whatIsNotBase64IsRefused(text: String) {
        #expect(Base64.decode(text) == nil)
    }

    @Test func hexadecimalIsWhatOthersWrite() throws {
        let entropy = SeededEntropy(12)
        for bytes in (0..<64).map({ entropy.bytes($0) }) + [[UInt8](0...255)] {
            let text = Hex.encode(bytes)
            #expect(text == bytes.map { String(format: "%02x", $0) }.joined())
            #expect(Hex.encode(bytes[...]) == text)
            #expect(Hex.decode(text) == bytes)
            guard bytes.count == Digest.byteCount else { continue }
            let digest = try Digest(bytes: bytes)
            #expect(digest.hex == text && digest.text == "sha256:\(text)")
        }
    }
}
