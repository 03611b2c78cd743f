package import SelatCore

/// One entry of the log: what the tree's leaf is the hash of.
package struct Entry: Hashable, Sendable {
    /// Its index in the tree: the first entry is 0, and none is left out.
    package let sequence: UInt64
    package let time: Timestamp
    package let kind: EntryKind
    package let transfer: TransferID?
    package let actor: EntryActor
    /// Binds salt and details, which lie beside the entry and can be erased.
    package let commitment: Digest

    package init(
        sequence: UInt64, time: Timestamp, kind: EntryKind, transfer: TransferID?,
        actor: EntryActor, commitment: Digest
    ) {
        self.sequence = sequence
        self.time = time
        self.kind = kind
        self.transfer = transfer
        self.actor = actor
        self.commitment = commitment
    }
}
