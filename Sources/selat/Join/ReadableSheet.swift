import SelatAudit
import SelatCore
import SelatCrypto
import SelatFederation

/// A sheet for people: what is compared by telephone, and who does what next.
struct ReadableSheet {
    let sheet: JoinSheet
    let isSandbox: Bool

    /// Every key with its fingerprint, in the order in which they are read out.
    var fingerprints: [(purpose: KeyPurpose, fingerprint: KeyFingerprint)] {
        var rows = KeyPurpose.certified.compactMap { purpose in
            sheet.requests[purpose].map { (purpose, $0.publicKey.fingerprint) }
        }
        rows += sheet.mlkem.map { (.mlkem, $0.fingerprint) }
        if let log = try? VerifierKey(sheet.logKey) { rows.append((.log, log.key.fingerprint)) }
        if let text = sheet.witnessKey, let witness = try? CosignerKey(text) {
            rows.append((.witness, witness.key.fingerprint))
        }
        return rows
    }

    var text: String {
        var keys = Table(["key", "fingerprint", "where"])
        for row in fingerprints {
            let place =
                row.purpose.certificate == nil
                ? "named in the member record" : "requests/\(row.purpose.rawValue).csr"
            keys.add([row.purpose.rawValue, row.fingerprint.text, place])
        }
        return """
            A node joins a Selat federation\(isSandbox ? " (a SANDBOX: for trials only)" : "")

            node        \(sheet.node)
            dialled at  \(sheet.endpoint)
            roles       \(sheet.roles.map(\.rawValue).sorted().joined(separator: ", "))
            federation  \(sheet.federation)

            Whoever issues the certificates reads these numbers to whoever made the keys, over a
            telephone that both know. One digit that differs means another key: stop there.

            \(keys.text)

            1. Hand join.json and requests/*.csr to the authority of \(sheet.node.country). No key leaves this node.
            2. The authority compares the numbers, issues (certs/README.md) and returns the certificates.
            3. Here: selat join finish --out FOLDER --membership DIR --certificates FILE…
               (while \(sheet.node.country) is no member yet, --ca FILE, its authority's own certificate, instead of --membership)
            4. The authority puts the node into the member's record (selat join record for the first one,
               selat members propose --record for a later one), signs it and publishes it.
            5. Put the members' signed policy files where selatd.yaml says, and start selatd. It waits until
               the membership lists the node, and then serves.

            """
    }
}
