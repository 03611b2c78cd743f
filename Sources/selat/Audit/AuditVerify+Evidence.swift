import SelatCore
import SelatEvidence

// A folder of evidence, verified from one digest.

extension AuditVerb.Verify {
    func verifyEvidence(_ path: String) throws {
        let report = try Self.evidence(path, trust: trust)
        if client.json { Terminal.result(report.json) } else { Self.print(report) }
        guard report.isSound else { throw Ending(.verificationFailed) }
    }

    private static func evidence(_ path: String, trust: Digest?) throws -> EvidenceReport {
        guard let trust else {
            throw Ending(
                .usage,
                "`\(path)` is evidence, which is verified from one digest: --trust is missing",
                hint: "give the digest of the federation's first membership list, obtained from "
                    + "somebody you trust; what a node holds it to be is `federation` of "
                    + "`membership` in `selat status --json`")
        }
        let files = try EvidenceFolder.read(path)
        do throws(EvidenceError) {
            return EvidenceVerifier.verify(try Evidence(files: files), trusted: trust)
        } catch {
            throw Ending(.verificationFailed, error.description)
        }
    }

    private static func print(_ report: EvidenceReport) {
        var lines = report.proven.map { "proven: \($0)" }
        lines += report.unproven.map { "not proven: \($0)" }
        lines += report.wrong.map { "WRONG: \($0)" }
        lines.append(report.isSound ? "sound" : "NOT SOUND")
        Terminal.result(lines: lines)
    }
}
