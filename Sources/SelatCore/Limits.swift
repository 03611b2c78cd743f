/// Every limit of the system, with its unit in its name. Reaching one is a clear error for the one
/// who caused it.
package enum Limits {
    /// Nesting of JSON and YAML documents.
    package static let jsonDepthMax = 64
    /// Objects and arrays of one JSON text: each takes more memory than its few bytes.
    package static let jsonContainersMax = 250_000
    /// Values of one JSON text, these among them: two bytes of text are sixteen of memory.
    package static let jsonValuesMax = 1_000_000
    /// One policy or configuration file.
    package static let policyFileBytesMax = 1 << 20
    /// Editions of one name that are held for later moments.
    package static let waitingEditionsMax = 16
    /// Editions of one name that are taken from other nodes within a day: each is kept for good.
    package static let editionsPerDayMax = 32
    /// Files of one policy set.
    package static let policyFilesMax = 512
    /// Facts in one question.
    package static let factsMax = 128
    /// A national marking, verbatim.
    package static let markingBytesMax = 128
    /// A dataset's title.
    package static let titleBytesMax = 512

    /// `header.cms` of an envelope.
    package static let headerBytesMax = 64 << 10
    /// `keys.cms` and `keys.mlkem`, each.
    package static let keysBytesMax = 8 << 10
    /// The sealed manifest.
    package static let manifestBytesMax = 4 << 20
    /// Everything of an envelope but its payload: header, both keys parts, manifest, the leaves' hashes and the tar framing
    /// between them.
    package static let envelopeHeadBytesMax =
        headerBytesMax + 2 * keysBytesMax + manifestBytesMax + 1 << 20 + 64 << 10
    /// A whole package that travels in one request.
    package static let inlinePackageBytesMax = 1 << 20
    /// A sealed payload that lies in the database, not in a file of its own.
    package static let storedPayloadBytesMax = 64 << 10
    /// Nodes on a route, sender and recipient among them: a longer one is a plan that nobody oversees.
    package static let routeNodesMax = 4
    /// Files in one dataset.
    package static let resourcesMax = 10_000
    /// A resource's path.
    package static let pathBytesMax = 1_024
    /// One name in a resource's path: what common file systems take.
    package static let pathComponentBytesMax = 255
    /// One dataset, before it is sealed: 4 TiB, far below what 64-bit offsets and JSON integers hold.
    package static let payloadBytesMax: UInt64 = 4 << 40

    /// An envelope's life, from created to expires.
    package static let envelopeLifeSecondsMax: Int64 = 30 * 86_400
    /// A party's signature in `agreements.yaml`, base64.
    package static let agreementSignatureTextBytesMax = 8_192
    /// A record that lists a new key has reached every node that can be reached by then; the key
    /// signs nothing earlier.
    package static let keySpreadSecondsMax: Int64 = 60
    /// A sender's clock may run ahead of the recipient's by this much.
    package static let clockSkewSecondsMax: Int64 = 300
    /// A verdict's age at release.
    package static let verdictAgeSecondsMax: Int64 = 72 * 3_600

    /// The body of a request to the control socket that is not a payload.
    package static let controlBodyBytesMax = 8 << 20
    /// A dataset that comes with its request.
    package static let payloadWithRequestBytesMax = 48 << 10
    /// Canonical descriptions of permitted transfers whose payload is awaited or being sealed, all together.
    package static let pendingDescriptionBytesMax = 64 << 20
    /// Officers' statements that are looked at for one verdict.
    package static let statementsKeptMax = 4_096
    /// Approvals and refusals that are kept for one transfer, or travel with it.
    package static let approvalsPerTransferMax = 64
    /// The front of an approval request: everything but the sealed payload.
    package static let approvalRequestBytesMax = 16 << 20
    /// After an emergency release by one officer: when the report on it is due.
    package static let breakGlassReportSeconds: Int64 = 72 * 3_600
    /// Received transfers from which one dataset derives.
    package static let derivedFromMax = 64
    /// Between a recall and the destruction of what it names.
    package static let recallHoldSeconds: Int64 = 24 * 3_600
    /// Recalls of one member that one peer may bring in a minute, those that are known here aside.
    package static let recallsPerMinuteMax = 60
    /// Letters about one member's transfers that are held for it.
    package static let lettersPerMemberMax = 10_000
    /// Letters about transfers that are not known here, which are passed on for one member's nodes at a time.
    package static let straysAtOnceMax = 4
    /// And in a minute.
    package static let straysPerMinuteMax = 20
    /// Uploads that one peer may have begun and not ended.
    package static let uploadsPerPeerMax = 256
    /// Beyond any limit on what may lie here: transfers that less urgent ones leave to flash.
    package static let flashTransfersMax = 64
    /// And bytes of their payloads.
    package static let flashBytesMax: UInt64 = 64 << 20
    /// Refusals of what one peer brings that are entered one by one in a minute; more are counted.
    package static let refusalsPerMinuteMax = 60

    /// The canonical details of one audit entry.
    package static let entryDetailsBytesMax = 256 << 10
    /// How long a backup of a node is kept: erased details are gone everywhere after this.
    package static let backupLifeSecondsMax: Int64 = 30 * 86_400
    /// What one backup holds, before it is sealed: 64 TiB.
    package static let backupContentBytesMax: UInt64 = 64 << 40
    /// Ranges of entries whose details one entry erases.
    package static let erasureRangesMax = 4_096
    /// Why details were erased, in words.
    package static let erasureReasonBytesMax = 1_024
    /// Who else holds a copy of erased details, as far as known.
    package static let erasureHoldersMax = 256
    /// Changes that wait for the database's writer.
    package static let changesWaitingMax = 65_536
    /// Changes in one commit.
    package static let changesPerCommitMax = 1_024
    /// One line of an export: details, the entry, and a proof.
    package static let exportLineBytesMax = 1 << 20
    /// A signed note, with its signatures.
    package static let noteBytesMax = 64 << 10
    /// Signature lines of one note; C2SP demands at least 16.
    package static let noteSignaturesMax = 64
    /// Hashes of one proof: a tree of 2⁶³ leaves has no longer one.
    package static let proofHashesMax = 63
}
