import SelatCore
import SelatCrypto

extension MembershipList {
    /// In what this list differs from an older one; nil compares with nothing, as a first list does.
    package func differences(from before: MembershipList?) -> [Difference] {
        var comparison = Comparison()
        comparison.compare("serial", before.map { "\($0.serial)" }, "\(serial)")
        comparison.compare("issued", before?.issued.text, issued.text)
        comparison.compare("expires", before?.expires.text, expires.text)
        comparison.compare("sandbox", before?.sandboxWord, sandboxWord)
        comparison.compare("quorum", before?.quorumWords, quorumWords)
        comparison.compare(before?.suiteWords ?? [:], suiteWords) { comparison, number, old, new in
            comparison.compare("suite \(number)", old, new)
        }
        comparison.compare("profile", before?.profileWords, profileWords)
        comparison.compare(before?.membersByCountry ?? [:], membersByCountry) {
            comparison, country, old, new in
            comparison.compare(member: country, old, new)
        }
        comparison.compare(before?.cutsBySubject ?? [:], cutsBySubject) {
            comparison, subject, old, new in
            comparison.compare("cut of \(subject)", old?.words, new?.words)
        }
        return comparison.differences
    }

    private var sandboxWord: String { isSandbox ? "yes" : "no" }
    private var quorumWords: String { "\(quorum) of \(members.count) members" }

    private var profileWords: String {
        profile.rawValue + (highFrom.map { ", high from \($0.rawValue) on" } ?? "")
    }

    private var suiteWords: [Int64: String] {
        Dictionary(
            uniqueKeysWithValues: suites.map { suite, sunset in
                (suite.rawValue, sunset.map { "until \($0)" } ?? "in use")
            })
    }

    private var membersByCountry: [Country: Member] {
        Dictionary(uniqueKeysWithValues: members.map { ($0.country, $0) })
    }

    private var cutsBySubject: [Cut.Subject: Cut] {
        Dictionary(uniqueKeysWithValues: cuts.map { ($0.subject, $0) })
    }
}

extension Comparison {
    fileprivate mutating func compare(
        member country: Country, _ before: MembershipList.Member?, _ after: MembershipList.Member?
    ) {
        let name = "member \(country)"
        if before == nil || after == nil { compare(name, before?.words, after?.words) }
        if let before, let after {
            compare("\(name), sector", before.sector.rawValue, after.sector.rawValue)
            compare("\(name), roles", before.roleWords, after.roleWords)
            compare("\(name), threshold", before.thresholdWords, after.thresholdWords)
        }
        compare("\(name), CA", before?.anchors ?? [], after?.anchors ?? [])
        compare("\(name), authority", before?.authorities ?? [], after?.authorities ?? [])
    }
}

extension MembershipList.Member {
    fileprivate var words: String {
        "\(sector.rawValue), \(thresholdWords), roles \(roleWords)"
    }

    fileprivate var thresholdWords: String {
        "\(threshold) of \(authorities.count) authorities sign"
    }

    fileprivate var roleWords: String {
        roles.isEmpty ? "none" : roles.map(\.rawValue).sorted().joined(separator: ", ")
    }
}

extension MembershipList.Cut {
    fileprivate var words: String {
        "distrusted from \(distrustFrom)"
            + (logSize.map { ", its log trusted up to \($0) entries" } ?? "")
    }
}
