import SelatCore

/// The membership's report, for people.
struct MembershipPage {
    let report: JSON
    let now: Timestamp

    init(_ report: JSON, at now: Timestamp) {
        self.report = report
        self.now = now
    }

    static func member(_ country: String, in report: JSON) -> JSON? {
        report["members"]?.arrayValue?.first { $0.text("country") == country }
    }

    var overview: String {
        var table = Table([
            "member", "sector", "roles", "authorities", "nodes", "officers", "record",
            "revocation list",
        ])
        for member in report["members"]?.arrayValue ?? [] {
            table.add([
                member.text("country"), member.text("sector"), words(member["roles"]),
                "\(member.text("threshold")) sign", "\(member["nodes"]?.arrayValue?.count ?? 0)",
                "\(member["officers"]?.arrayValue?.count ?? 0)",
                version(member["record"], "serial", "expires"),
                version(member["crl"], "number", "next_update"),
            ])
        }
        let count = report["members"]?.arrayValue?.count ?? 0
        var lines = [
            "federation \(report.text("federation"))"
                + (report["sandbox"] == true ? ", a sandbox" : ""),
            "list \(report.text("serial")), \(report.text("digest"))",
            "in force until \(report.text("expires")) (\(left(report.text("expires")))), "
                + "quorum \(report.text("quorum")) of \(count)",
            "", table.text,
        ]
        lines += (report["cuts"]?.arrayValue ?? []).map { cut in
            "cut: \(cut.text("subject")), distrusted from \(cut.text("distrust_from"))"
        }
        lines += (report["forks"]?.arrayValue ?? []).map { serial in
            "forked: two valid lists \(serial.integerValue ?? 0) exist, and nothing is sent"
        }
        lines += (report["warnings"]?.arrayValue ?? []).compactMap(\.stringValue)
            .map { "warning: \($0)" }
        return lines.joined(separator: "\n")
    }

    func detail(of member: JSON) -> String {
        var authorities = Table(["authority", "certificate until", "sha256"])
        for authority in member["authorities"]?.arrayValue ?? [] {
            authorities.add([
                authority.text("name"), until(authority.text("not_after")),
                String(authority.text("digest").dropFirst(7)),
            ])
        }
        var officers = Table(["officer", "roles", "certificate until"])
        for officer in member["officers"]?.arrayValue ?? [] {
            officers.add([
                officer.text("id"), words(officer["roles"]), until(officer.text("not_after")),
            ])
        }
        let tables = [authorities, officers].filter { !$0.rows.isEmpty }.map(\.text)
        let nodes = (member["nodes"]?.arrayValue ?? []).map { detail(ofNode: $0) }
        return
            ([
                "\(member.text("country")): \(member.text("sector")), roles "
                    + "\(words(member["roles"])), \(member.text("threshold")) authorities sign",
                "record \(version(member["record"], "serial", "expires")), revocation list "
                    + version(member["crl"], "number", "next_update"),
            ] + nodes + tables).joined(separator: "\n\n")
    }

    func detail(ofNode node: JSON) -> String {
        var table = Table(["purpose", "certificate until", "sha256"])
        for certificate in node["certificates"]?.arrayValue ?? [] {
            table.add([
                certificate.text("purpose"), until(certificate.text("not_after")),
                String(certificate.text("digest").dropFirst(7)),
            ])
        }
        let cut = node["cut"] == true ? " is CUT OFF" : ""
        return "\(node.text("id"))\(cut) at \(node.text("host")):\(node.text("port")), roles "
            + "\(words(node["roles"]))\n\(table.text)"
    }

    private func words(_ array: JSON?) -> String {
        let words = (array?.arrayValue ?? []).compactMap(\.stringValue)
        return words.isEmpty ? "none" : words.joined(separator: ",")
    }

    /// `5 until 2026-12-27T00:00:00Z (29 days left)`.
    private func version(_ entry: JSON?, _ number: String, _ end: String) -> String {
        guard let entry else { return "none" }
        return "\(entry.text(number)) until \(until(entry.text(end)))"
    }

    private func until(_ text: String) -> String { "\(text) (\(left(text)))" }

    private func left(_ text: String) -> String {
        guard let end = try? Timestamp(text) else { return "unknown" }
        let seconds = end - now
        if seconds <= 0 { return "over" }
        return seconds < 2 * 86_400
            ? "\(seconds / 3_600) hours left" : "\(seconds / 86_400) days left"
    }
}
