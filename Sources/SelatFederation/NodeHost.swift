import Glibc

/// What peers dial, or a daemon listens at: a DNS name or an IP address, without port and brackets.
package enum NodeHost {
    package static func isOne(_ text: String) -> Bool { isAddress(text) || isName(text) }

    private static func isAddress(_ text: String) -> Bool {
        // C would see the text only up to there.
        guard !text.utf8.contains(0) else { return false }
        var v4 = in_addr()
        var v6 = in6_addr()
        return inet_pton(AF_INET, text, &v4) == 1 || inet_pton(AF_INET6, text, &v6) == 1
    }

    private static func isName(_ text: String) -> Bool {
        // A dot at the end says that the name is whole.
        let name = text.hasSuffix(".") ? text.dropLast() : text[...]
        let labels = name.split(separator: ".", omittingEmptySubsequences: false)
        // A number at the end makes an address of it, and this is none.
        guard text.utf8.count <= 253, let last = labels.last, !last.utf8.allSatisfy(isDigit) else {
            return false
        }
        return labels.allSatisfy(isLabel)
    }

    private static func isLabel(_ label: Substring) -> Bool {
        (1...63).contains(label.utf8.count) && !label.hasPrefix("-") && !label.hasSuffix("-")
            && label.utf8.allSatisfy { byte in
                switch byte {
                case 0x2D, 0x41...0x5A, 0x5F, 0x61...0x7A: true
                default: isDigit(byte)
                }
            }
    }

    private static func isDigit(_ byte: UInt8) -> Bool { (0x30...0x39).contains(byte) }
}
