import SelatCore
import Testing

@testable import SelatPolicy

/// Who may send to whom.
@Suite("The matrix")
struct MatrixTests {
    static func matrix(_ change: (inout Question) -> Void = { _ in }) throws -> PolicyMatrix {
        var question = try #require(try PageTests.question())
        change(&question)
        return try PolicyMatrix(try FrozenPolicies.load(), question)
    }

    static func answer(_ matrix: PolicyMatrix, _ from: String, _ to: String) -> PolicyMatrix.Answer?
    {
        matrix.cells.joined().first {
            $0.source.code == from && $0.destination.code == to
        }?.answer
    }

    @Test func eachPairHasTheVerdictOfItsOwnQuestion() throws {
        let matrix = try Self.matrix()
        #expect(matrix.countries.map(\.code) == ["MY", "SG", "VN"])
        #expect(Self.answer(matrix, "SG", "VN") == .permitted)
        #expect(Self.answer(matrix, "VN", "SG") == .incomplete)
        #expect(Self.answer(matrix, "SG", "SG") == .refused)
        let set = try FrozenPolicies.load()
        for cell in matrix.cells.joined() {
            #expect(try set.decide(cell.verdict.question).verdict == cell.verdict)
            #expect(cell.verdict.question.label?.releasableTo == [cell.destination])
        }
    }

    @Test func anApprovalIsAnAnswerOfItsOwn() throws {
        let matrix = try Self.matrix { $0.facts["ai-use"] = Fact(.set(["inference"]), .stated) }
        #expect(Self.answer(matrix, "SG", "VN") == .approval)
    }

    @Test func theTableHasASignAndAReasonForEachAnswer() throws {
        let sentences = try SentenceTests.sentences()
        let lines = try Self.matrix().text(sentences)
        #expect(lines[0] == "    MY SG VN")
        #expect(lines[2] == "SG   +  x  +")
        #expect(
            lines.contains("+ permitted   A permitted after approval   ? facts missing   x refused")
        )
        #expect(lines.contains("Facts missing: the national categories"))
        #expect(lines.contains { $0.hasPrefix("Refused: the sender's file: no ground") })
        #expect(lines.allSatisfy { $0.count <= 80 })
    }

    @Test func thePictureHasAFieldForEachPairAndSaysMoreThanColour() throws {
        let svg = try Self.matrix().svg(
            try SentenceTests.sentences(), marked: try Country("SG"))
        #expect(svg.ranges(of: "<g class=\"m-").count == 9 + 4)
        #expect(svg.contains("SG → VN: permitted</title>"))
        #expect(svg.contains("VN → SG: facts missing: the national categories</title>"))
        #expect(svg.ranges(of: "class=\"m-frame\"").count == 2)
        #expect(PageTests.open(svg) == [])
    }

    @Test func anUnknownFactIsNoMatrix() throws {
        #expect(throws: QuestionError.self) {
            try Self.matrix { $0.facts["colour"] = Fact(.flag(true), .stated) }
        }
    }

    @Test func manyCountriesStandInBlocksOfEightyColumns() throws {
        let sentences = try SentenceTests.sentences()
        let codes = Countries.codes.prefix(60)
        let base = try FrozenPolicies.load()
        let file = try #require(base.jurisdictions[try Country("SG")])
        var set = base
        for code in codes { set.jurisdictions[try Country(code)] = file }
        let matrix = try PolicyMatrix(set, try #require(try PageTests.question()))
        let table = matrix.text(sentences).prefix { !$0.hasPrefix("+ permitted") }
        #expect(table.count == 3 * 63 + 3 + 2 + 1)
        #expect(table.allSatisfy { $0.count <= 80 })
    }
}
