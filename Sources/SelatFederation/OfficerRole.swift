/// What an officer answers as, in records and in approvals: `releasing-officer`.
package enum OfficerRole {
    /// 1 to 64 ASCII letters, digits, `-`, `_` and `.`: what nobody who signs it can misread.
    package static func isOne(_ text: String) -> Bool {
        (1...64).contains(text.utf8.count)
            && text.utf8.allSatisfy { byte in
                switch byte {
                case 0x2D, 0x2E, 0x30...0x39, 0x41...0x5A, 0x5F, 0x61...0x7A: true
                default: false
                }
            }
    }
}
