import Foundation
import Testing

/// Keeps the documents true where their text alone can tell: verbs, routes, keys and words.
struct DocumentTests {
    private static let root = ArrowTests.sources.deletingLastPathComponent()

    private static func text(_ path: String) throws -> String {
        try String(contentsOf: root.appending(path: path), encoding: .utf8)
    }

    /// Paths, from the root, of the files below a folder.
    private static func files(_ folder: String, _ suffix: String = "") throws -> [String] {
        let found = try #require(
            FileManager.default.enumerator(atPath: root.appending(path: folder).path()))
        return found.compactMap { $0 as? String }.filter { $0.hasSuffix(suffix) }
            .map { "\(folder)/\($0)" }
            .filter { path in
                var isFolder: ObjCBool = false
                let place = root.appending(path: path).path()
                return FileManager.default.fileExists(atPath: place, isDirectory: &isFolder)
                    && !isFolder.boolValue
            }
    }

    /// The first cells, in backticks, of the table rows below a heading.
    private static func firstCells(_ path: String, below heading: String) throws -> Set<String> {
        let parts = try text(path).components(separatedBy: "\n## \(heading)\n")
        let section = try #require(parts.count == 2 ? parts[1] : nil, "\(path) has `\(heading)`")
        let body = section.components(separatedBy: "\n## ")[0]
        return Set(body.matches(of: #/(?m)^\| `([^`]+)`/#).map { String($0.1) })
    }

    // MARK: Verbs

    /// Verb to its sub-verbs, read from the command's `subcommands` lists.
    private static func verbs() throws -> [String: Set<String>] {
        var lists: [String: [String]] = [:]
        for file in try files("Sources/selat", ".swift") {
            let pattern = #/struct (\w+): AsyncParsableCommand \{[^@]*?subcommands: \[([^\]]*)\]/#
            for match in try text(file).matches(of: pattern) {
                lists[verb(match.1)] = match.2.matches(of: #/(\w+)\.self/#).map { verb($0.1) }
            }
        }
        let top = try #require(lists["selat"])
        return Dictionary(uniqueKeysWithValues: top.map { ($0, Set(lists[$0] ?? [])) })
    }

    /// `PackageVerb` is `package`, `PolicyCheck` is `check`.
    private static func verb(_ type: Substring) -> String {
        let name = type.replacing("Verb", with: "")
        let groups = [
            "Policy", "Statement", "Join", "Keys", "Members", "Approve", "Package", "Recall",
        ]
        guard !groups.contains(String(name)) else { return name.lowercased() }
        return groups.reduce(String(name)) { $0.replacing($1, with: "") }.lowercased()
    }

    @Test(arguments: [
        "README.md", "SECURITY.md", "AUDITING.md", "Policies/README.md", "CHANGELOG.md",
    ])
    func everyVerbThatADocumentNamesExists(_ path: String) throws {
        let verbs = try Self.verbs()
        #expect(verbs["audit"]?.contains("verify") == true)
        let code = try Self.text(path).matches(of: #/```[\s\S]*?```|`[^`\n]+`/#).map(\.0)
        for match in code.flatMap({ $0.matches(of: #/(?:^|[`\s(])selat +([a-z]+)(?: ([a-z]+))?/#) })
        {
            let named = try #require(
                verbs[String(match.1)], "\(path) names `selat \(match.1)`")
            if let second = match.2, !named.isEmpty {
                #expect(named.contains(String(second)), "\(path): `\(match.1) \(second)`")
            }
        }
    }

    // MARK: Keys

    @Test func theReadmeShowsEveryConfigurationKey() throws {
        let lists = try Self.text("Sources/selatd/Configuration.swift")
            .matches(of: #/\[\s*("[a-z]+"(?:,\s*"[a-z]+")*),?\s*\]/#)
        let keys = Set(lists.flatMap { $0.1.matches(of: #/[a-z]+/#).map { String($0.0) } })
        #expect(keys.contains("sandbox") && keys.contains("agreement"))
        let readme = try Self.text("README.md")
        for key in keys { #expect(readme.contains("\(key):"), "README lacks `\(key)`") }
    }

    @Test(arguments: [
        "README.md", "SECURITY.md", "AUDITING.md", "Policies/README.md", "certs/README.md",
    ])
    func everyLinkLeadsSomewhere(_ path: String) throws {
        let folder = Self.root.appending(path: path).deletingLastPathComponent()
        let links = try Self.text(path).matches(of: #/\]\(([^)#]+)\)/#).map { String($0.1) }
        for link in links where !link.hasPrefix("https://") {
            let target = folder.appending(path: link).path()
            #expect(FileManager.default.fileExists(atPath: target), "\(path) links to \(link)")
        }
    }

    // MARK: Routes and entries

    @Test func theControlPageListsExactlyTheRoutes() throws {
        let pattern = #/(?:v1|group)\.(get|post|put|patch|delete)(?:\("([^"]*)"\))? \{/#
        var routes: Set<String> = []
        // The router itself, below `v1`; and `addAudit` adds those of the group `audit`.
        for file in try Self.files("Sources/SelatControl", ".swift") {
            for section in try Self.text(file).components(separatedBy: "static func ") {
                let group = section.firstMatch(of: #/^add(\w+)\(/#).map { $0.1.lowercased() }
                for match in section.matches(of: pattern) {
                    let path = [group, match.2.map { String($0) }].compactMap { $0 }
                        .filter { !$0.isEmpty }.map { "/\($0)" }.joined()
                    routes.insert("\(match.1.uppercased()) /v1\(path)")
                }
            }
        }
        let page = try Self.firstCells("Sources/SelatControl/Control.docc/API.md", below: "Routes")
        #expect(page.filter { $0.contains("/v1/") } == routes)
        #expect(routes.count >= 12)
    }

    @Test func theControlPageListsExactlyTheRolesOfEachRoute() throws {
        let page = try Self.text("Sources/SelatControl/Control.docc/API.md")
        let rows = page.matches(of: #/(?m)^\| `([A-Z]+ \/v1[^`]*)` \| [^|]+ \| ([a-z, ]+) \|$/#)
        let listed = Dictionary(uniqueKeysWithValues: rows.map { (String($0.1), String($0.2)) })
        let table = try Self.text("Sources/SelatControl/Permissions.swift")
            .matches(of: #/"([A-Z]+ \/v1[^"]*)": (\[[^\]]*\]|everyone),/#)
        let granted = Dictionary(
            uniqueKeysWithValues: table.map { match in
                let roles = match.2.matches(of: #/\.([a-z]+)/#).map { String($0.1) }
                return (String(match.1), roles.isEmpty ? "all" : roles.joined(separator: ", "))
            })
        #expect(listed == granted)
        #expect(
            Set(granted.keys)
                == (try Self.firstCells(
                    "Sources/SelatControl/Control.docc/API.md", below: "Routes"
                )
                .filter { $0.contains(" /v1/") }))
    }

    @Test func theExchangePageListsExactlyTheEntryKinds() throws {
        var kinds: Set<String> = []
        let areas = [
            "transfer", "witness", "log", "clock", "keys", "calls?", "offers?", "receipt", "peer",
            "policy", "node", "relay", "letter", "recall", "statement", "audit", "details",
            "approval", "membership", "backup", "intake", "requests",
        ].joined(separator: "|")
        // Names of files and settings are none.
        let names = "json|cms|mlkem|key|pem|last"
        let pattern = try Regex(
            "\"((?:\(areas))\\.(?!(?:\(names))\")[a-z-]+)\"", as: (Substring, Substring).self)
        for file in try Self.files("Sources", ".swift") {
            kinds.formUnion(try Self.text(file).matches(of: pattern).map { String($0.1) })
        }
        let sender = try Self.text("Sources/SelatDelivery/Sender.swift")
        #expect(sender.contains(#""transfer.\(outcome.rawValue)""#))
        let outcomes = try #require(sender.firstMatch(of: #/case (delivered, [a-z, ]+)\n/#))
        kinds.formUnion(outcomes.1.split(separator: ", ").map { "transfer.\($0)" })
        let relay = try Self.text("Sources/SelatDelivery/Relay.swift")
        #expect(relay.contains(#""relay.\(outcome.rawValue)""#))
        kinds.formUnion(["delivered", "refused", "lapsed", "withdrawn"].map { "relay.\($0)" })
        let page = try Self.firstCells(
            "Sources/SelatExchange/Exchange.docc/Exchange.md", below: "Audit entries")
        #expect(page == kinds)
    }

    @Test func theExchangePageListsExactlyTheRefusals() throws {
        let page = try Self.firstCells(
            "Sources/SelatExchange/Exchange.docc/Exchange.md", below: "Refusals")
        #expect(page == (try Self.refusals()))
    }

    /// Why a recipient or a relay takes no offer.
    private static func refusals() throws -> Set<String> {
        let source = try text("Sources/SelatDelivery/Recipient.swift")
        let refusals = try #require(source.firstMatch(of: #/enum Refusal[^{]*\{([\s\S]*?)\n\n/#))
        return Set(
            refusals.1.matches(of: #/case (\w+)(?: = "([a-z-]+)")?/#)
                .map { String($0.2 ?? $0.1) })
    }

    @Test func everyProblemOfTheControlPageIsMade() throws {
        let page = try Self.text("Sources/SelatControl/Control.docc/API.md")
        let types = Set(page.matches(of: #/urn:selat:problem:[a-z-]+/#).map { String($0.0) })
        let sources = try Self.files("Sources", ".swift").map { try Self.text($0) }.joined()
        var made = Set(
            sources.matches(of: #/"(urn:selat:problem:[a-z-]+)"/#).map { String($0.1) })
        // Not as an expectation of its own: that would show the whole text.
        let areRefusalsMade = sources.contains(#""urn:selat:problem:\(refusal.rawValue)""#)
        #expect(areRefusalsMade)
        made.formUnion(try Self.refusals().map { "urn:selat:problem:\($0)" })
        #expect(types.subtracting(made) == [])
    }

    // MARK: Words

    @Test(arguments: [
        "Sources", "Policies", "certs", "systemd", "scripts", "contrib", "Benchmarks", "",
    ])
    func noFileHoldsWhatOnlyItsAuthorsNeed(_ folder: String) throws {
        let paths =
            folder.isEmpty
            ? ["README.md", "SECURITY.md", "CHANGELOG.md", "Package.swift"]
            : try Self.files(folder)
        #expect(!paths.isEmpty)
        for path in paths {
            guard let text = try? Self.text(path) else { continue }
            for word in ["TODO", "FIXME", "../shared", "/work/", "/root/", "/home/"] {
                #expect(!text.contains(word), "\(path) holds `\(word)`")
            }
        }
    }
}
