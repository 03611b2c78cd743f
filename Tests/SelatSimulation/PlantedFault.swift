/// Deliberate mistakes of the shell, or of the machines as it sees them. A simulation that does not
/// find each of them would not find their like either.
package enum PlantedFault: String, CaseIterable, Sendable {
    /// The sealed payload is not synced before the row that accepts it.
    case payloadNotSynced = "payload-not-synced"
    /// The folder is not synced before the row that names its new files.
    case folderNotSynced = "folder-not-synced"
    /// The committed offset runs ahead of what is durable.
    case offsetAheadOfDisk = "offset-ahead-of-disk"
    /// The receipt leaves before its commit.
    case receiptBeforeCommit = "receipt-before-commit"
    /// An offer of a known transfer is taken for a new one.
    case duplicateNotRecognised = "duplicate-not-recognised"
    /// A relay that was gone round takes an upload away from whoever brings it now.
    case olderAttemptTaken = "older-attempt-taken"
    /// A release trusts the verdict under which the payload was sealed.
    case permitNotCheckedAgain = "permit-not-checked-again"
    /// A release is committed though an edition or a list was committed after its verdict.
    case basisNotCommitted = "basis-not-committed"
    /// A durable head is offered though what it rests on has changed.
    case basisNotCheckedAgain = "basis-not-checked-again"
    /// A head is offered though its release never became durable.
    case headNotCheckedAgain = "head-not-checked-again"
    /// A release does not ask for the approvals that are owed.
    case approvalsNotChecked = "approvals-not-checked"
    /// The mark *handed on* is not committed before the last piece.
    case handedOnNotSaved = "handed-on-not-saved"
    /// What leaves with the commit that accepts it leaves without the mark *handed on*.
    case leftAtOnceUnmarked = "left-at-once-unmarked"
    /// What is accepted and released in one commit is so by editions or a list that are not in force any more.
    case atOnceOnOldBasis = "at-once-on-old-basis"
    /// A package leaves by hand without the mark *handed on*.
    case exportNotMarked = "export-not-marked"
    /// The content key is erased before the outcome is committed.
    case keyErasedFirst = "key-erased-first"
    /// The files are removed before the outcome is committed.
    case filesRemovedFirst = "files-removed-first"
    /// An outcome is committed without its entry.
    case outcomeWithoutEntry = "outcome-without-entry"
    /// An entry is committed after the change that it tells of.
    case entryInLaterCommit = "entry-in-later-commit"
    /// A piece is stored without comparing it with its leaf.
    case leafNotChecked = "leaf-not-checked"
    /// A small payload that comes with its offer is kept without comparing it with its leaves.
    case wholeNotChecked = "whole-not-checked"
    /// The parts of a small transfer are committed after the row that they belong to.
    case partsInLaterCommit = "parts-in-later-commit"
    /// What of a transfer lies in the database stays there when it ends.
    case partsOutliveTransfer = "parts-outlive-transfer"
    /// A payload that becomes whole after `expires` is put into the inbox.
    case expiredAccepted = "expired-accepted"
    /// What is over by a clock that is in doubt ends.
    case doubtfulClockBelieved = "doubtful-clock-believed"
    /// A receipt that comes after `unconfirmed` is dropped.
    case lateReceiptIgnored = "late-receipt-ignored"
    /// A receipt counts whoever signed it.
    case foreignReceiptAccepted = "foreign-receipt-accepted"
    /// A receipt counts whatever transfer it is about.
    case receiptOfAnotherAccepted = "receipt-of-another-accepted"
    /// A start does not take up what was being sent.
    case recoveryForgetsSending = "recovery-forgets-sending"
    /// A start does not end what was being sealed.
    case recoveryForgetsSealing = "recovery-forgets-sealing"
    /// A start removes the files of what is on its way.
    case recoveryRemovesTooMuch = "recovery-removes-too-much"
    /// A commit of uncertain outcome is taken for one that was not applied.
    case uncertainTakenAsFailed = "uncertain-taken-as-failed"
    /// Failed tries are repeated at once.
    case retryWithoutBackoff = "retry-without-backoff"
    /// A commit does not check the state on which it was decided.
    case stateNotChecked = "state-not-checked"
    /// The plaintext is handed out before the opening is recorded.
    case openedBeforeRecord = "opened-before-record"
    /// A dataset is handed out after its retention ended.
    case retentionIgnored = "retention-ignored"
    /// The plaintext is handed out without verifying its chunks.
    case openedUnverified = "opened-unverified"
    /// The recipient does not judge the import itself.
    case importNotJudged = "import-not-judged"
    /// A relay passes on what its country's rules do not let pass.
    case transitNotJudged = "transit-not-judged"
    /// A relay by which nothing comes further is taken for every new attempt.
    case vainRelayAskedForEver = "vain-relay-asked-for-ever"
    /// A relay's word that it holds the whole is taken for the recipient's.
    case relayTakenForRecipient = "relay-taken-for-recipient"
    /// An invalid edition replaces a valid one.
    case invalidEditionTaken = "invalid-edition-taken"
    /// An offer of a node that was cut off is taken.
    case cutNodeServed = "cut-node-served"
    /// An operator takes back what may have arrived whole.
    case takenBackBlindly = "taken-back-blindly"
    /// The word that a transfer was taken back is forgotten before the other node has it.
    case wordForgottenFirst = "word-forgotten-first"
    /// A letter is forgotten before its addressee has it.
    case letterForgottenFirst = "letter-forgotten-first"
    /// A letter is written after the commit of what it tells.
    case letterInLaterCommit = "letter-in-later-commit"
    /// What a recipient states is kept as often as it is brought.
    case receiptKeptTwice = "receipt-kept-twice"
    /// Whoever pursues a transfer is not told that its recipient has stated what it did with it.
    case arrivalNotTold = "arrival-not-told"
    /// The content key stays where a dataset was destroyed.
    case keyKeptAfterDestruction = "key-kept-after-destruction"
    /// The copies that a destruction does not reach are counted before the last of them was made.
    case copiesNotCountedAgain = "copies-not-counted-again"
    /// A dataset is opened though it was recalled.
    case openedThoughRecalled = "opened-though-recalled"
    /// Whoever reads a dataset reads on when it is taken back.
    case readerNotStopped = "reader-not-stopped"
    /// A recall counts whosever officer has signed it.
    case foreignRecallObeyed = "foreign-recall-obeyed"
    /// A recall that is brought again is entered again.
    case recallEnteredTwice = "recall-entered-twice"
    /// A relay takes a recall, and owes it to nobody.
    case recallNotBroughtFurther = "recall-not-brought-further"
    /// A relay brings a recall further, and keeps what it holds.
    case recalledKeptByRelay = "recalled-kept-by-relay"
    /// A transfer is sent once more though it was recalled.
    case recalledSentAgain = "recalled-sent-again"
    /// What was recalled is destroyed at once, whether or not anybody ordered it.
    case holdIgnored = "hold-ignored"
    /// A part is let go on anybody's word.
    case foreignWordObeyed = "foreign-word-obeyed"
    /// Any number of transfers use one link at a time.
    case lanesUnbounded = "lanes-unbounded"
}
