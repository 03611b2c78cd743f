/// What a receipt states.
package enum ReceiptKind: String, CaseIterable, Sendable {
    case relayed, delivered, refused
}
