import Foundation
import SelatCore
import SelatTestSupport
import Testing

@testable import SelatEnvelope

struct DatasetTests {
    @Test(arguments: [
        "a.csv", "folder/b c.csv", "ไฟล์/ข้อมูล.csv", "a..b/...c", "é.txt", "a/\u{200D}b/\u{301}c",
    ])
    func aRelativePathIsTaken(path: String) throws {
        #expect(try DatasetPath(path).text == path)
    }

    @Test(arguments: [
        "", "/etc/passwd", "../a", "a/../b", "a/./b", "./a", "a//b", "a/", "a\\b", "a\u{0}b",
        "a\nb", "a\u{85}b", "cafe\u{301}.csv", "\u{202E}vsc.exe", "~root", ".hidden",
        "http://x/y", "datapackage.json", "DataPackage.JSON", "datapackage.json/a.csv",
        "DataPackage.JSON/a/b", "datapackage.j\u{17F}on/a", String(repeating: "a", count: 256),
        String(repeating: "ab/", count: 400) + "c", "a/..",
        // Slashes and dots that are no characters of their own.
        "/\u{301}x", "a/../\u{200D}b", "a/./\u{FE0F}b", "a//\u{301}b", ".\u{301}x", "~\u{301}x",
        "http://\u{301}x",
    ])
    func aPathThatCouldHarmIsRefused(path: String) {
        #expect(throws: EnvelopeError.self) { try DatasetPath(path) }
    }

    /// The rule that a path of ASCII breaks, said in another way than `DatasetPath` looks for it.
    private func fault(of path: String) -> String? {
        let components = path.components(separatedBy: "/")
        if path.isEmpty { return "is empty" }
        if path.utf8.count > 1_024 { return "is longer than 1024 bytes" }
        if components[0].isEmpty { return "is absolute" }
        if path.hasPrefix(".") || path.hasPrefix("~") || path.range(of: "://") != nil {
            return "begins with `.` or `~`, or is a URL"
        }
        if path.utf8.contains(where: { $0 < 0x20 || $0 == 0x7F || $0 == 0x5C }) {
            return "has a control character, a direction override or a backslash"
        }
        for component in components {
            if component.isEmpty { return "has an empty component" }
            if [".", ".."].contains(component) { return "has a component `.` or `..`" }
            if component.utf8.count > 255 { return "has a component over 255 bytes" }
        }
        return components[0].lowercased() == "datapackage.json"
            ? "takes the place of the dataset's own description" : nil
    }

    /// ASCII is spared what cannot happen there, and nothing else.
    @Test func aPathOfASCIIIsJudgedByEachRule() {
        let letters = (UInt8(0)..<0x80).map { String(UnicodeScalar($0)) }
        let parts: [String] = [
            "", "/", "//", "/", ".", "..", "/./", "/../", ":", ":/", "://", "~", "%2e%2E", "\\",
            "a", "Z", "a.csv", "datapackage.json", "DataPackage.JSON", "datapackage.json/",
            String(repeating: "b", count: 255), String(repeating: "cd/", count: 300),
        ]
        var random = SeededEntropy(6)
        var paths: [String] = letters
        for letter in letters {
            paths += ["a\(letter)b", "a/\(letter)", "\(letter)/b", "a\(letter)/b"]
        }
        for count in (0..<20_000).map({ $0 % 6 }) {
            paths.append(
                (0..<count).map { _ in
                    let among = Bool.random(using: &random) ? parts : letters
                    return among[Int.random(in: among.indices, using: &random)]
                }.joined())
        }
        var taken = 0
        for path in paths {
            #expect(Array(path.precomposedStringWithCanonicalMapping.utf8) == Array(path.utf8))
            let fault = fault(of: path)
            do throws(EnvelopeError) {
                let taking = try DatasetPath(path)
                #expect(taking.text == path && fault == nil)
                taken += 1
            } catch {
                #expect(error == .unsafePath(path, fault ?? "nothing"))
            }
        }
        #expect(taken > 1_000 && taken < paths.count - 1_000)
    }

    private func description(_ paths: [String]) throws -> DatasetDescription {
        try DatasetDescription(
            resources: paths.enumerated().map { index, path in
                Resource(name: "r\(index)", path: try DatasetPath(path), bytes: 1)
            })
    }

    @Test(arguments: [
        ["a", "a"], ["A.csv", "a.csv"], ["É", "é"], ["a", "a/b"], ["A", "a/b"], ["a/b", "a"],
        ["a/b", "a-b", "a"], ["a", "a/\u{301}b"], [],
        // What Unicode folds to one, with more letters or fewer.
        ["straße", "STRASSE"], ["straße", "STRAẞE"], ["\u{17F}.csv", "s.csv"], ["ΛΌΓΟΣ", "λόγος"],
        ["λόγος", "λόγοσ"], ["\u{FB01}", "FI"], ["İ", "i\u{307}"], ["ı", "I"], ["ᾳ/b", "ΑΙ"],
        ["\u{3F4}", "θ"], ["\u{13A0}", "\u{AB70}"],
    ])
    func pathsThatDoNotGoTogetherAreRefused(paths: [String]) {
        #expect(throws: EnvelopeError.self) { try description(paths) }
    }

    @Test(arguments: [
        ["é", "e"], ["s", "ss"], ["ａ", "a"], ["Å", "A"], ["i", "j"], ["名", "名1"],
    ])
    func pathsThatDifferByMoreThanLetterCaseGoTogether(paths: [String]) throws {
        #expect(try description(paths).resources.count == 2)
    }

    @Test func resourcesKeepTheirOrderAndMembers() throws {
        let json: JSON = [
            "title": "x", "licenses": [["name": "CC0"]],
            "resources": [
                ["name": "b", "path": "b.csv", "bytes": 5, "schema": ["fields": []]],
                ["name": "a", "path": "a.csv", "bytes": 0, "hash": "sha256:00"],
            ],
        ]
        let dataset = try DatasetDescription(json: json)
        #expect(dataset.resources.map(\.path.text) == ["b.csv", "a.csv"])
        #expect(dataset.totalBytes == 5)
        #expect(dataset.resources[1].hash == "sha256:00")
        #expect(try DatasetDescription(json: dataset.json) == dataset)
        #expect(dataset.json["licenses"] == [["name": "CC0"]])
    }

    /// What an officer signs is the digest of these bytes, at both ends.
    @Test(arguments: [
        #"{"resources":[{"bytes":1,"name":"a","path":"a"}]}"#,
        #"{"$schema":"https://other.example/","resources":[{"bytes":1,"name":"a","path":"a"}]}"#,
    ])
    func nothingIsAddedToADescriptor(text: String) throws {
        let json = try JSON(parsing: Array(text.utf8))
        #expect(try DatasetDescription(json: json).json.canonical == Array(text.utf8))
    }

    @Test(arguments: [
        #"{"resources":[{"name":"a","path":"a","bytes":-1}]}"#,
        #"{"resources":[{"name":"a","path":"a"}]}"#,
        #"{"resources":[{"path":"a","bytes":1}]}"#,
        #"{"resources":[{"name":"a","path":["a","b"],"bytes":1}]}"#,
        #"{"resources":[{"name":"a","data":"x","path":"a","bytes":1}]}"#,
        #"{"resources":[{"name":"a","path":"a","bytes":1,"hash":5}]}"#,
        #"{"resources":[{"name":"a","path":"a","bytes":1},{"name":"a","path":"b","bytes":1}]}"#,
        #"{"resources":[{"name":"a","path":"a","bytes":9007199254740991}]}"#,
        #"{"resources":[{"name":"a","path":"a","bytes":1},{"name":"b","path":"b","bytes":4398046511104}]}"#,
        #"{"resources":[]}"#, #"{"resources":{}}"#, "[]",
    ])
    func aDescriptorThatIsNotOneIsRefused(text: String) throws {
        let json = try JSON(parsing: Array(text.utf8))
        #expect(throws: EnvelopeError.self) { try DatasetDescription(json: json) }
    }
}
