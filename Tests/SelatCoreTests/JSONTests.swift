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
        #"{"a":1,"a":2}"#, "1.5", "1e3", "9007199254740992", "-9007199254740992",
        "9223372036854775807",
        "-9223372036854775808", "9223372036854775808", "-9223372036854775809", "-0", "[1,]",
        "{\"a\":1}x", "", " ",
        "\"\\ud800\"", "\"\u{1}\"", "nul", "[", "\"", "{\"a\"}", "\u{FEFF}1",
    ])
    func refuses(_ text: String) {
        #expect(throws: CoreError.self) { try JSON(parsing: Array(text.utf8)) }
    }

    @Test func numbersAtTheEdgesAreReadAsTheyAre() throws {
        for number in [JSON.integerMax, -JSON.integerMax, 0, 1, -1] {
            #expect(try JSON(parsing: Array("\(number)".utf8)) == .integer(number))
        }
        for number in ["9007199254740992", "-9007199254740992", "-9223372036854775808", "1e400"] {
            let json = try? JSON(parsing: Array(number.utf8), floats: true)
            #expect(json == (number == "1e400" ? nil : .number(Double(number) ?? 0)))
        }
    }

    @Test func depthHasALimit() throws {
        let deepest = String(repeating: "[", count: 64) + String(repeating: "]", count: 64)
        #expect(throws: Never.self) { try JSON(parsing: Array(deepest.utf8)) }
        #expect(throws: CoreError.self) { try JSON(parsing: Array("[\(deepest)]".utf8)) }
    }

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

    @Test func valuesHaveALimit() throws {
        func text(_ count: Int) -> [UInt8] {
            Array("[\"\"\(String(repeating: ",\"\"", count: count - 2))]".utf8)
        }
        let most = try JSON(parsing: text(Limits.jsonValuesMax))
        #expect(most.arrayValue?.count == Limits.jsonValuesMax - 1)
        let more = text(Limits.jsonValuesMax + 1)
        #expect(throws: CoreError.self) { try JSON(parsing: more) }
        #expect(throws: CoreError.self) { try JSON(canonical: more) }
        #expect(throws: Never.self) { try JSON(parsing: more, isTrusted: true) }
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

    /// Letter by letter as RFC 8785 has it, whatever stands beside it.
    @Test func ofAllLettersOnlyThoseOfTheStandardAreEscaped() throws {
        let short: [UInt8: String] = [
            0x08: #"\b"#, 0x09: #"\t"#, 0x0A: #"\n"#, 0x0C: #"\f"#, 0x0D: #"\r"#, 0x22: #"\""#,
            0x5C: #"\\"#,
        ]
        var letters = ["\u{80}", "é", "\u{301}", "ไ", "\u{2028}", "😀"].map { (text: $0, json: $0) }
        for letter in UInt8(0)..<0x80 {
            let text = String(UnicodeScalar(letter))
            let long = letter < 0x20 ? #"\u00"# + Hex.encode([letter]) : text
            letters.append((text: text, json: short[letter] ?? long))
        }
        for (text, json) in letters {
            #expect(JSON.string(text).canonical == Array("\"\(json)\"".utf8))
        }
        var random = SeededEntropy(5)
        for length in (0..<2_000).map({ $0 % 50 }) {
            let some = (0..<length).map { _ in
                letters[Int.random(in: letters.indices, using: &random)]
            }
            let text = some.map { $0.text }.joined()
            let canonical = JSON.string(text).canonical
            #expect(canonical == Array("\"\(some.map { $0.json }.joined())\"".utf8))
            #expect(try JSON(parsing: canonical) == .string(text))
        }
    }

    @Test func onlyTheCanonicalFormIsReadAsCanonical() throws {
        for text in [
            #"{"a":1,"b":[true,{}],"c":"é\n\u0001\"\\/","d":null}"#,
            "{\"\u{1F600}\":1,\"\u{FB33}\":2}",
            "-7", "0", "[]", "\"\"",
        ] {
            let json = try JSON(canonical: Array(text.utf8))
            #expect(json == (try JSON(parsing: Array(text.utf8))))
            #expect(json.canonical == Array(text.utf8))
        }
        #expect(
            try JSON(canonical: Array("[0.5,1e+30]".utf8), floats: true) == [
                .number(0.5), .number(1e30),
            ])
        for text in [
            " 1", "1 ", "[ ]", "[1, 2]", "{ }", #"{"a": 1}"#, #"{"a" :1}"#, #"{"b":1,"a":2}"#,
            #"{"a":1,"a":1}"#,
            "{\"\u{FB33}\":1,\"\u{1F600}\":2}", #""\u0041""#, #""\/""#, #""\u000a""#, #""\u000A""#,
            #""\u001F""#,
            #""é\ud83d\ude00""#,
        ] {
            #expect(throws: Never.self, "\(text)") {
                if text != #"{"a":1,"a":1}"# { _ = try JSON(parsing: Array(text.utf8)) }
            }
            #expect(throws: CoreError.self, "\(text)") { try JSON(canonical: Array(text.utf8)) }
        }
        for text in ["1.0", "1e2", "1E+30", "-0", "-0.0", "9007199254740993", "0.50"] {
            #expect(throws: Never.self, "\(text)") {
                try JSON(parsing: Array(text.utf8), floats: true)
            }
            #expect(throws: CoreError.self, "\(text)") {
                try JSON(canonical: Array(text.utf8), floats: true)
            }
        }
    }

    /// What is read as canonical is what is written, of any bytes.
    @Test func mutatedCanonicalTextIsReadWhereItIsCanonical() throws {
        let valid = Array(
            #"{"a":[1,-2,true,null,0.25,1e+30,"x\u0001é\n"],"b":{"c":"é😀","d":{}}}"#.utf8)
        var read = 0
        for bytes in Mutations.of(valid, count: 20_000, seed: 2) {
            let isCanonical = (try? JSON(parsing: bytes, floats: true))?.canonical == bytes
            let isRead = (try? JSON(canonical: bytes, floats: true)) != nil
            #expect(isRead == isCanonical)
            if isCanonical { read += 1 }
        }
        #expect(read > 100)
    }

    /// Whatever is done to it, it is as a dictionary, in order.
    @Test func anObjectIsADictionaryInOrder() throws {
        var random = SeededEntropy(3)
        var (object, model): (JSON.Object, [String: JSON]) = ([:], [:])
        let keys = (0..<40).map { "k\($0)" } + ["", "é", "\u{FB33}", "😀", "K", "k"]
        for step in 0..<5_000 {
            let key = keys[Int.random(in: keys.indices, using: &random)]
            switch Int.random(in: 0..<5, using: &random) {
            case 0: #expect(object.removeValue(forKey: key) == model.removeValue(forKey: key))
            case 1: (object[key], model[key]) = (nil, nil)
            default: (object[key], model[key]) = (.integer(Int64(step)), .integer(Int64(step)))
            }
            #expect(object[key] == model[key])
        }
        #expect(object.count == model.count && object.count > 10)
        for (key, value) in object { #expect(model[key] == value) }
        #expect(object == JSON.Object(model) && object.hashValue == JSON.Object(model).hashValue)
        for (a, b) in zip(object.keys, object.keys.dropFirst()) {
            #expect(Array(a.utf16).lexicographicallyPrecedes(Array(b.utf16)))
        }
        let others: JSON.Object = ["k1": 0, "new": 1]
        #expect(
            object.merging(others) { $1 }
                == JSON.Object(
                    model.merging(Dictionary(uniqueKeysWithValues: others.map { ($0, $1) })) { $1 })
        )
    }

    @Test func aKeyThatStandsTwiceIsFoundWhereverItStands() {
        for text in [
            #"{"b":1,"a":2,"b":3}"#, #"{"a":1,"b":2,"a":3,"c":4}"#, #"{"b":1,"a":1,"a":2}"#,
        ] {
            #expect(throws: CoreError.self, "\(text)") { try JSON(parsing: Array(text.utf8)) }
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

    @Test(arguments: [
        ("1", 1, 0), ("[]", 1, 1), (#"{"a":[1,{}],"b":null}"#, 5, 3),
    ])
    func knowsItsExtent(text: String, values: Int, containers: Int) throws {
        #expect(try JSON(parsing: Array(text.utf8)).extent == (values, containers))
    }
}
