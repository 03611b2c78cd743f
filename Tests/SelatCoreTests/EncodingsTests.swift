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
            #expect(Base64.decode(text) == bytes)
        }
    }
}
