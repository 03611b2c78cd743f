import ArgumentParser
import SelatControl
import SelatCore

/// How entries are printed, one a line.
enum EntryFormat: String, ExpressibleByArgument, CaseIterable {
    case table, lines
    /// Open Cybersecurity Schema Framework 1.1.0, class API Activity (6003).
    case ocsf
    /// ArcSight Common Event Format, version 0.
    case cef

    /// What SIEM lines say of the node itself; nothing for the other formats.
    static func node(_ format: EntryFormat, _ client: ControlClient) async throws -> JSON {
        format == .ocsf || format == .cef ? try await client.getJSON("/v1/status") : .null
    }

    /// - Parameters:
    ///   - entry: as the control socket gives it.
    ///   - node: its answer to `status`.
    func line(_ entry: JSON, _ node: JSON) -> String {
        switch self {
        case .table, .lines: String(decoding: entry.canonical, as: UTF8.self)
        case .ocsf: String(decoding: Self.ocsf(entry, node).canonical, as: UTF8.self)
        case .cef: Self.cef(entry, node)
        }
    }
}

// OCSF: <https://schema.ocsf.io/1.1.0/classes/api_activity>.
extension EntryFormat {
    static func ocsf(_ entry: JSON, _ node: JSON) -> JSON {
        let kind = entry["kind"]?.stringValue ?? ""
        let act = Act(kind)
        var event: JSON.Object = [
            "category_uid": 6, "category_name": "Application Activity",
            "class_uid": 6_003, "class_name": "API Activity",
            "activity_id": .integer(act.activity.id), "activity_name": .string(act.activity.name),
            "type_uid": .integer(6_003 * 100 + act.activity.id),
            "type_name": .string("API Activity: \(act.activity.name)"),
            "time": .integer(milliseconds(entry)),
            "severity_id": .integer(act.severity.id), "severity": .string(act.severity.name),
            "status_id": act.isFailure ? 2 : 1,
            "status": act.isFailure ? "Failure" : "Success",
            "actor": ["user": ["uid": .string(entry.text("actor")), "type_id": 99]],
            "api": ["operation": .string(kind), "service": ["name": "selatd"]],
            "src_endpoint": ["name": .string(entry.text("actor"))],
            "metadata": [
                "version": "1.1.0", "uid": .string(entry.text("sequence")),
                "log_name": .string(node["log"]?["origin"]?.stringValue ?? ""),
                "product": [
                    "name": "selatd", "vendor_name": "Selat",
                    "version": .string(node["version"]?.stringValue ?? ""),
                ],
            ],
            "dst_endpoint": ["name": .string(node["node"]?.stringValue ?? "")],
        ]
        if let transfer = entry["transfer"] {
            event["resources"] = [["uid": transfer, "type": "transfer"]]
        }
        event["unmapped"] = entry["details"].map { ["details": $0] }
        return .object(event)
    }

    private static func milliseconds(_ entry: JSON) -> Int64 {
        let time = entry["time"]?.stringValue.flatMap { try? Timestamp($0) }
        return (time?.seconds ?? 0) * 1_000
    }
}

// CEF: the header's seven fields, then `key=value` pairs.
extension EntryFormat {
    static func cef(_ entry: JSON, _ node: JSON) -> String {
        let kind = entry["kind"]?.stringValue ?? ""
        let act = Act(kind)
        let header = [
            "CEF:0", "Selat", "selatd", node["version"]?.stringValue ?? "", kind,
            kind.replacing(".", with: " "), "\(act.severity.cef)",
        ]
        var fields: [(String, String)] = [
            ("rt", "\(milliseconds(entry))"), ("externalId", entry.text("sequence")),
            ("dvchost", node["node"]?.stringValue ?? ""), ("suid", entry.text("actor")),
            ("act", kind), ("outcome", act.isFailure ? "failure" : "success"),
        ]
        if let transfer = entry["transfer"]?.stringValue {
            fields += [("cs1Label", "transfer"), ("cs1", transfer)]
        }
        if let details = entry["details"] {
            fields.append(("msg", String(decoding: details.canonical, as: UTF8.self)))
        }
        return header.map(escapedInHeader).joined(separator: "|") + "|"
            + fields.map { "\($0)=\(escapedInValue($1))" }.joined(separator: " ")
    }

    /// Backslash and bar, and no line break.
    static func escapedInHeader(_ text: String) -> String {
        text.replacing("\\", with: "\\\\").replacing("|", with: "\\|")
            .replacing("\r", with: " ").replacing("\n", with: " ")
    }

    /// Backslash and equals sign; line breaks as `\n` and `\r`.
    static func escapedInValue(_ text: String) -> String {
        text.replacing("\\", with: "\\\\").replacing("=", with: "\\=")
            .replacing("\r", with: "\\r").replacing("\n", with: "\\n")
    }
}

/// What a kind of entry is to somebody who watches many systems.
private struct Act {
    let activity: (id: Int64, name: String)
    let severity: (id: Int64, name: String, cef: Int)
    let isFailure: Bool

    init(_ kind: String) {
        let last = kind.split(separator: ".").last.map(String.init) ?? ""
        isFailure =
            ["refused", "rejected", "incomplete", "expired", "unconfirmed", "lapsed", "failed"]
            .contains(last)
        activity =
            switch last {
            case "accepted", "permitted", "received", "started", "released": (1, "Create")
            case "opened", "exported": (2, "Read")
            case "activated", "delivered", "arrived": (3, "Update")
            case "destroyed", "erased", "cancelled", "withdrawn": (4, "Delete")
            default: (99, "Other")
            }
        severity =
            switch (kind, isFailure) {
            case ("details.erased", _), ("audit.exported", _): (3, "Medium", 5)
            case ("peer.refused", _), ("policy.refused", _), ("receipt.rejected", _):
                (4, "High", 7)
            case (_, true): (3, "Medium", 5)
            default: (1, "Informational", 1)
            }
    }
}
