/// What a receipt states.
package enum ReceiptKind: String, CaseIterable, Sendable {
    case relayed, delivered, refused
    /// The plaintext was handed out for the first time.
    case opened
    /// Key and payload are gone at the recipient.
    case destroyed
}
