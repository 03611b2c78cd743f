import Foundation
import SelatCore
import Testing

@testable import SelatPolicy

/// Pages hold what a reader needs, and nothing that a file's text could turn into markup.
@Suite("Pages")
struct PageTests {
    static let hostile = #"Singapore<script>alert(1)</script>' onload='x [a](b) | `c`"#

    /// The frozen files, one of them with a title that tries to be markup.
    static func page() throws -> Page {
        let files = try FrozenPolicies.sources(
            changing: "SG", "title: \"Singapore\"", to: "title: \"\(hostile)\"")
        let set = try PolicySet.load(files: files)
        let matrix = try PolicyMatrix(set, try #require(try question()))
        return try #require(
            Page.file("SG", of: set, PolicyTexts(files), matrix, language: .en))
    }

    static func question() throws -> Question? {
        PolicyMatrix.question(at: try Timestamp("2026-09-01T00:00:00Z"))
    }

    @Test func aHostileTitleStaysText() throws {
        let page = try Self.page()
        let html = page.html(marked: try Country("SG"))
        #expect(html.contains("Singapore&lt;script&gt;alert(1)&lt;/script&gt;&#39; onload=&#39;x"))
        #expect(!html.contains("<script"))
        #expect(!html.contains("' onload='"))
        #expect(page.markdown.contains(#"\<script\>alert(1)\</script\>"#))
        #expect(page.markdown.contains(#"\[a\](b) \| \`c\`"#))
    }

    @Test func aPageNeedsNothingFromElsewhere() throws {
        let html = try Self.page().html()
        for word in [
            "src=", "url(", "@import", "<link", "<iframe", "javascript:", "http-equiv=\"r",
        ] {
            #expect(!html.contains(word), "\(word)")
        }
        // The only address is the name of SVG's vocabulary.
        let addresses = html.ranges(of: "http")
        #expect(addresses.count == html.ranges(of: "http://www.w3.org/2000/svg").count + 1)
        #expect(html.contains("default-src 'none'; style-src 'unsafe-inline'"))
    }

    @Test func termsOfAnotherLanguageSayWhichOne() throws {
        let set = try FrozenPolicies.load()
        let page = try #require(
            Page.rule(
                "MY/equivalent-protection", of: set, PolicyTexts(try FrozenPolicies.sources()),
                language: .vi))
        let html = page.html()
        #expect(html.contains("<html lang=\"en\">"))
        #expect(
            html.contains(
                "<b class=\"t\" lang=\"vi\" title=\"dpv:PublicBenefit\">Lợi ích công cộng</b>"))
        #expect(
            page.text.contains(
                "It rests on these facts: personal data, the attested documents, the purposes"))
    }

    @Test func tagsAreClosedInOrder() throws {
        for html in [try Self.page().html(), try Self.verdict("42").html()] {
            #expect(Self.open(html) == [])
        }
    }

    @Test("every file that ships has a sound page", arguments: Language.allCases)
    func everyFileThatShipsHasASoundPage(_ language: Language) throws {
        let files = try ShippedPolicies.sources()
        let set = try PolicySet.load(files: files)
        let texts = PolicyTexts(files)
        let matrix = try PolicyMatrix(set, try #require(try Self.question()))
        for name in set.files.map(\.name) {
            let page = try #require(Page.file(name, of: set, texts, matrix, language: language))
            #expect(Self.open(page.html()) == [], "\(name)")
            let long = page.text.split(separator: "\n").filter { $0.count > 80 }
            #expect(long.filter { !$0.contains("sha256:") } == [], "\(name)")
        }
    }

    /// The elements that a page opens and does not close, or the first that closes out of order.
    static func open(_ html: String) -> [String] {
        let empty: Set<String> = ["meta", "br", "rect", "!doctype"]
        var open: [String] = []
        let parts = html.split(separator: "<", omittingEmptySubsequences: false)
        for part in parts.dropFirst() {
            let name = part.prefix { !" >/\n".contains($0) || $0 == "/" && part.first == "/" }
                .lowercased()
            if name.hasPrefix("/") {
                guard open.popLast() == String(name.dropFirst()) else { return ["</" + name] }
            } else if !empty.contains(name) {
                open.append(name)
            }
        }
        return open
    }

    @Test func aFileSaysStandingDigestSourcesAndWhereToSign() throws {
        let files = try FrozenPolicies.sources()
        let set = try PolicySet.load(files: files)
        let page = try #require(
            Page.file("SG", of: set, PolicyTexts(files), nil, language: .en))
        let digest = try #require(set.editions["SG"]?.digest.text)
        for text in [page.text, page.markdown, page.html()] {
            for wanted in ["published", digest, "Personal Data Protection Act 2012", "PDPA 2012"] {
                #expect(text.contains(wanted), "\(wanted)")
            }
        }
        // On paper the signatures may stand on a sheet of their own.
        let signed = try #require(page.html().components(separatedBy: "class=\"sign\"").last)
        #expect(
            signed.contains("edition 1 of <code>Policies/SG.yaml</code>, <code>\(digest)</code>."))
        for rule in set.ruleNames where rule.hasPrefix("SG/") {
            #expect(page.html().contains("<code>\(rule)</code>"), "\(rule)")
        }
    }

    @Test func textFitsEightyColumns() throws {
        let long = try Self.page().text.split(separator: "\n").filter { $0.count > 80 }
        // A digest is one word.
        #expect(long.filter { !$0.contains("sha256:") } == [])
    }

    @Test func anUnknownNameHasTheNearest() throws {
        let set = try FrozenPolicies.load()
        let texts = PolicyTexts(try FrozenPolicies.sources())
        #expect(Page.rule("SG/consnt", of: set, texts, language: .en) == nil)
        #expect(set.nearest(to: "SG/consnt") == "SG/consent")
        #expect(Page.file("ZZ", of: set, texts, nil, language: .en) == nil)
    }

    /// The page of the gauges that are released to others only, or of a roster.
    static func verdict(_ name: String) throws -> Page {
        let set = try FrozenPolicies.load()
        let texts = PolicyTexts(try FrozenPolicies.sources())
        let question = try Question.gauges { question in
            if name == "42" { question.label?.releasableTo = [try Country("MY")] }
        }
        return try Page.verdict(on: question, by: set, texts, language: .en)
    }

    @Test func aVerdictSaysWhyAndWhatWouldChangeIt() throws {
        let text = try Self.verdict("42").text
        #expect(text.hasPrefix("The transfer from SG/hub to VN/hub is refused."))
        #expect(
            text.contains("Above all files: the label does not release the dataset to the"))
        #expect(text.contains("- The countries to which the label releases it: also Viet Nam"))
        #expect(text.contains("Each line is a change of one fact alone"))
    }

    @Test func aVerdictByOtherEditionsSaysSo() throws {
        let set = try FrozenPolicies.load()
        let files = try FrozenPolicies.sources(changing: "SG", "edition: 1", to: "edition: 2")
        let other = try PolicySet.load(files: files)
        let record = try other.decide(try Question.gauges()).verdict
        let page = try Page.verdict(
            on: record.question, given: record, by: set, PolicyTexts(files), language: .en)
        #expect(page.text.contains("The record was made with other editions of SG than those"))
    }
}
