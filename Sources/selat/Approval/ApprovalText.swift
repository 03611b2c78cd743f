import SelatCore

/// Approvals in words.
enum ApprovalText {
    /// `1 × releasing-officer (source), 2 × data-protection-officer (source)`
    static func owed(_ standing: JSON?) -> String {
        (standing?["owed"]?.arrayValue ?? []).map {
            "\($0.text("count")) × \($0.text("role")) (\($0.text("side")))"
        }.joined(separator: ", ")
    }

    /// The officers whose approval counts.
    static func approvers(_ standing: JSON) -> [String] {
        (standing["given"]?.arrayValue ?? []).filter {
            $0["fault"] == nil && $0["decision"] == "approve"
        }.map { $0.text("officer") }
    }

    static func lines(_ standing: JSON?) -> [String] {
        guard let standing else { return [] }
        let given = (standing["given"]?.arrayValue ?? []).map { given in
            guard given["decision"] != nil else {
                return Terminal.plain("cannot be read: \(given.text("fault"))")
            }
            let verb =
                given["decision"] == "refuse"
                ? "refused" : given["break_glass"] == true ? "released alone" : "approved"
            let officer = given["officer"] == nil ? "an unknown officer" : given.text("officer")
            let fault = given["fault"] == nil ? "" : "; counts for nothing: \(given.text("fault"))"
            return Terminal.plain(
                "\(verb): \(officer) as \(given.text("role")), \(given.text("side")), until "
                    + "\(given.text("not_after")): \(given.text("reason"))\(fault)")
        }
        let owed = owed(standing)
        return given + (owed.isEmpty ? [] : ["owed: \(owed)"])
    }

    /// What the daemon answered to an officer's word.
    static func report(_ answer: JSON) {
        let verb = answer["decision"] == "refuse" ? "refused" : "approved"
        let owed = owed(answer)
        Terminal.result(
            "\(answer.text("id"))  \(verb) by \(answer.text("officer")) as \(answer.text("role")); "
                + "\(answer.text("state"))" + (owed.isEmpty ? "" : ", owed: \(owed)"))
    }

    /// Who spoke, in the timeline of a transfer.
    static func officer(of entry: JSON) -> String {
        guard entry.text("kind").hasPrefix("approval."), let details = entry["details"],
            details["officer"] != nil
        else { return "" }
        let role = details["statement"].map { " (\($0.text("role")))" } ?? ""
        return "  \(details.text("officer"))\(role)"
    }
}
