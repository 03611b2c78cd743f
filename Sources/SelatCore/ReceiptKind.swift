/// What a receipt states.
package enum ReceiptKind: String, CaseIterable, Sendable {
    case relayed, delivered, refused
    /// The plaintext was handed out for the first time.
    case opened
    /// By an officer's word of the sender's it can be opened no more; it may be destroyed after a hold.
    case recalled
    /// By an own officer's word it is kept although it was recalled, and can be opened again.
    case retained
    /// The sender has taken it back before anything whole left: what lies of it elsewhere is let go.
    case cancelled
    /// Key and payload are gone at the recipient.
    case destroyed
}
