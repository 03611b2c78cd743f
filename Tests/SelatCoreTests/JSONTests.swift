import Foundation
import SelatCore
import SelatTestSupport
import Testing

struct JSONTests {
    @Test(.enabled(if: Material.exists, "\(Material.absent)"))
    func canonicalFormMatchesTheOthersVectors() throws {
        let inputs = try Material.files("jcs/input")
        #expect(inputs.count >= 4)
        for input in inputs {
            let name = input.lastPathComponent
            let json = try JSON(parsing: Array(Data(contentsOf: input)), floats: true)
            #expect(json.canonical == (try Material.read("jcs/output/\(name)")), "\(name)")
        }
    }

    @Test(.enabled(if: Material.exists, "\(Material.absent)"))
    func whatMustNotParseDoesNot() throws {
        let files = try Material.files("JSONTestSuite/test_parsing")
        for file in files {
            let name = file.lastPathComponent
            let bytes = Array(try Data(contentsOf: file))
            if name.hasPrefix("n_") {
                #expect(throws: CoreError.self, "\(name)") {
                    try JSON(parsing: bytes, floats: true)
                }
            } else if name.hasPrefix("y_"), !name.contains("duplicated_key") {
                #expect(throws: Never.self, "\(name)") { try JSON(parsing: bytes, floats: true) }
            }
        }
    }

    @Test(arguments: [
        #"{"a":1,"a":2}"#, "1.5", "1e3", "9007199254740992", "-0", "[1,]", "{\"a\":1}x", "", " ",
        "\"\\ud800\"", "\"\u{1}\"", "nul", "[", "\"", "{\"a\"}", "\u{FEFF}1",
    ])
    func refuses(_ text: String) {
        #expect(throws: CoreError.self) { try JSON(parsing: Array(text.utf8)) }
    }

    @Test func depthHasALimit() throws {
        let deepest = String(repeating: "[", count: 64) + String(repeating: "]", count: 64)
        #expect(throws: Never.self) { try JSON(parsing: Array(deepest.utf8)) }
        #expect(throws: CoreError.self) { try JSON(parsing: Array("[\(deepest)]".utf8)) }
    }

    /// Several letters are looked at at once: one that is written otherwise may stand anywhere among them.
    /// A few bytes of text are many of memory.
    @Test func containersHaveALimit() throws {
        func text(_ count: Int, _ container: String) -> [UInt8] {
            Array("[\(Array(repeating: container, count: count - 1).joined(separator: ","))]".utf8)
        }
        for container in ["{}", "[]", "{\"\":0}"] {
            let most = try JSON(parsing: text(Limits.jsonContainersMax, container))
            #expect(most.arrayValue?.count == Limits.jsonContainersMax - 1)
            #expect(throws: CoreError.self) {
                try JSON(parsing: text(Limits.jsonContainersMax + 1, container))
            }
        }
    }

    @Test(arguments: ["\"", "\\", "\n", "\u{1}", "\u{1f}", " ", "\u{7f}", "\u{e9}", "\u{1f30a}"])
    func aStringIsWrittenAndReadAsItIs(letter: String) throws {
        let written = [
            "\"": #"\""#, "\\": #"\\"#, "\n": #"\n"#, "\u{1}": #"\u0001"#, "\u{1f}": #"\u001f"#,
        ]
        for length in 0...40 {
            for place in 0...length {
                func around(_ middle: String) -> String {
                    String(repeating: "x", count: place) + middle
                        + String(repeating: "y", count: length - place)
                }
                let canonical = Array("\"\(around(written[letter] ?? letter))\"".utf8)
                #expect(JSON.string(around(letter)).canonical == canonical)
                #expect(try JSON(parsing: canonical) == .string(around(letter)))
                #expect(
                    try JSON(
                        parsing: Array("[\"a\",\"\(around(written[letter] ?? letter))\"]".utf8))
                        == .array([.string("a"), .string(around(letter))]))
                guard let byte = letter.utf8.first, byte < 0x20 else { continue }
                #expect(throws: CoreError.self) {
                    try JSON(parsing: Array("\"\(around(letter))\"".utf8))
                }
            }
        }
    }

    @Test func keysAreSortedByUTF16() throws {
        let json = try JSON(parsing: Array(#"{"\ufb33":1,"\ud83d\ude00":2,"a":3}"#.utf8))
        #expect(
            String(decoding: json.canonical, as: UTF8.self) == "{\"a\":3,\"😀\":2,\"\u{FB33}\":1}")
    }

    @Test func mutatedTextGivesAValueOrATypedError() throws {
        let valid = Array(#"{"a":[1,-2,true,null,"xé\n"],"b":{"c":"\u00e9😀"}}"#.utf8)
        for bytes in Mutations.of(valid, count: 3_000, seed: 1) {
            do throws(CoreError) {
                let json = try JSON(parsing: bytes)
                let again = try JSON(parsing: json.canonical)
                #expect(again == json)
            } catch {
                #expect(!error.description.isEmpty)
            }
        }
    }

    @Test func readerRefusesWhatNobodyRead() throws {
        var reader = try ObjectReader(["a": 1, "retenion": 2], "rule")
        #expect(try reader.unsigned("a") == 1)
        #expect(throws: CoreError.unknown("retenion", in: "rule")) { try reader.end() }
        #expect(throws: CoreError.missing("b", in: "rule")) { try reader.string("b") }
        #expect(throws: CoreError.self) { try reader.string("a") }
    }
}
