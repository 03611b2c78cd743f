import Foundation
import SelatCore
import SelatDelivery
import SelatHTTP
import SelatTestSupport
import Testing

@testable import SelatControl

/// The document of the API beside the table of routes, the page, and its own copy.
@Suite struct OpenAPITests {
    private static let folder = URL(filePath: #filePath).deletingLastPathComponent()
        .deletingLastPathComponent().deletingLastPathComponent()
        .appending(path: "Sources/SelatControl/Control.docc")

    @Test func everyRouteIsDescribedOnce() {
        let routes = OpenAPI.operations.map(\.route)
        #expect(Set(routes) == Set(Permissions.roles.keys))
        #expect(Set(routes).count == routes.count)
        #expect(Set(OpenAPI.operations.map(\.name)).count == routes.count)
    }

    /// `selat openapi > Sources/SelatControl/Control.docc/openapi.json` mends it.
    @Test func theCopyInTheManualIsTheDocument() throws {
        let copy = try Data(contentsOf: Self.folder.appending(path: "openapi.json"))
        #expect(String(decoding: copy, as: UTF8.self) == OpenAPI.document.pretty + "\n")
    }

    @Test func everyReferenceLeadsToAComponentAndEachIsUsed() throws {
        var used: Set<String> = []
        func collect(_ json: JSON) {
            switch json {
            case .array(let elements): elements.forEach(collect)
            case .object(let members):
                members["$ref"]?.stringValue.map { _ = used.insert($0) }
                members.values.forEach(collect)
            default: break
            }
        }
        collect(OpenAPI.document)
        let components = ["schemas", "responses"].flatMap { kind in
            (OpenAPI.document["components"]?[kind]?.objectValue ?? [:]).keys.map {
                "#/components/\(kind)/\($0)"
            }
        }
        #expect(used == Set(components))
    }

    @Test func thePageListsExactlyTheProblemsOfTheDocument() throws {
        let page = try String(
            contentsOf: Self.folder.appending(path: "API.md"), encoding: .utf8)
        let section = try #require(page.components(separatedBy: "\n## Problems\n").last)
        let rows = section.matches(
            of: #/(?m)^\| `(urn:selat:problem:[a-z-]+)` \| ([0-9]+) \|.*\| ([0-9]+) \|$/#)
        let listed = Dictionary(
            uniqueKeysWithValues: rows.map { (String($0.1), [Int($0.2), Int($0.3)]) })
        let described = Dictionary(
            uniqueKeysWithValues: ProblemKind.allCases.map {
                ($0.type, [Int?($0.status), Int?(Int($0.exitCode))])
            })
        #expect(listed == described)
    }

    /// What a recipient or relay says for good is a receipt, and no problem.
    @Test func everyRefusalOfAnOfferIsAKindOfProblem() {
        let causes = Recipient.Refusal.allCases.filter { !$0.isFinal }.map(\.rawValue)
        let kinds = causes.compactMap { ProblemKind(type: "urn:selat:problem:\($0)") }
        #expect(kinds.map(\.rawValue) == causes)
        #expect(kinds.allSatisfy { [1, 2, 3, 4].contains($0.exitCode) })
    }

    /// README.md says what each code means to scripts.
    @Test func everyKindEndsWithACodeOfTheContract() throws {
        let readme = try String(
            contentsOf: Self.folder.appending(path: "../../../README.md"), encoding: .utf8)
        let section = try #require(readme.components(separatedBy: "\n## Exit codes\n").last)
        let table = section.components(separatedBy: "\n## ")[0]
        let codes = Set(table.matches(of: #/(?m)^\| ([0-9]+) \|/#).compactMap { Int32($0.1) })
        for kind in ProblemKind.allCases {
            #expect(kind.exitCode != 0 && codes.contains(kind.exitCode), "\(kind)")
            #expect(ProblemKind(type: kind.type) == kind)
        }
        #expect(ProblemKind(type: "about:blank") == nil)
    }

    /// What the reader of a send request takes, the document takes, and the other way round.
    @Test(arguments: [
        ("{}", false),
        (#"{"to":"VN/hub","label":LABEL,"facts":{},"dataset":{}}"#, true),
        (#"{"to":"VN/hub","label":LABEL,"facts":{},"dataset":{},"life_seconds":0}"#, false),
        (#"{"to":"VN/hub","label":LABEL,"facts":{},"dataset":{},"series":"A b"}"#, false),
        (#"{"to":"VN/hub","label":LABEL,"facts":{},"dataset":{},"series":"a.b"}"#, true),
        (#"{"to":"VN/hub","label":LABEL,"facts":{"a":["b"]},"dataset":{},"titel":"x"}"#, false),
        (#"{"to":"Vietnam","label":LABEL,"facts":{},"dataset":{}}"#, false),
        (#"{"to":"VN/hub","label":LABEL,"facts":{},"dataset":{},"derived_from":["ID"]}"#, true),
        (
            #"{"to":"VN/hub","label":LABEL,"facts":{},"dataset":{},"derived_from":["SG/a:ID"]}"#,
            true
        ),
        (#"{"to":"VN/hub","label":LABEL,"facts":{},"dataset":{},"derived_from":["SG:ID"]}"#, false),
        (#"{"to":"VN/hub","label":{},"facts":{},"dataset":{}}"#, false),
        (#"{"to":"VN/hub","label":LABEL,"facts":{},"dataset":{},"precedence":"fast"}"#, false),
        (#"{"to":"VN/hub","label":LABEL,"facts":{},"dataset":{},"payload":""}"#, true),
        (#"{"to":"VN/hub","label":LABEL,"facts":{},"dataset":{},"payload":"bGV2ZWwKMQo="}"#, true),
        (#"{"to":"VN/hub","label":LABEL,"facts":{},"dataset":{},"payload":"bGV2ZWwKMQo"}"#, false),
        (#"{"to":"VN/hub","label":LABEL,"facts":{},"dataset":{},"payload":null}"#, false),
        (#"{"to":"VN/hub","label":LABEL,"facts":{},"dataset":{},"payload":"FULL"}"#, true),
        (#"{"to":"VN/hub","label":LABEL,"facts":{},"dataset":{},"payload":"FULLAA=="}"#, false),
    ])
    func theDocumentTakesWhatTheReaderTakes(_ text: String, _ fits: Bool) throws {
        let label = #"{"classification":"secret","releasable-to":["VN"],"tlp":"TLP:RED"}"#
        let full = Base64.encode([UInt8](repeating: 7, count: Limits.payloadWithRequestBytesMax))
        let filled = text.replacing("LABEL", with: label).replacing("FULL", with: full)
            .replacing("ID", with: "0190a1b2-c3d4-7000-8000-000000000000")
        let json = try JSON(parsing: Array(filled.utf8))
        let read = try? SendRequest(json: json)
        #expect((read != nil) == fits)
        let checker = SchemaChecker(OpenAPI.document)
        let faults = checker.faults(of: json, by: ["$ref": "#/components/schemas/NewTransfer"])
        #expect(faults.isEmpty == fits, "\(faults)")
        // What is only judged is the same without a payload.
        let judged = checker.faults(of: json, by: ["$ref": "#/components/schemas/TransferRequest"])
        #expect(judged.isEmpty == (fits && json["payload"] == nil), "\(judged)")
    }

    @Test func methodsArePathByPath() {
        #expect(Permissions.methods(at: "/v1/transfers") == ["GET", "POST"])
        #expect(Permissions.methods(at: "/v1/transfers/x/payload") == ["PUT"])
        #expect(Permissions.methods(at: "/v1/transfers/x/y/z").isEmpty)
        #expect(Permissions.methods(at: "/").isEmpty)
    }
}
