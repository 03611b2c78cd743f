import HTTPTypes
import Hummingbird
import SelatCore
import SelatHTTP
import Testing

@Suite struct ProblemTests {
    private let problem = Problem(
        type: "urn:selat:problem:exam", title: "exam", status: 409, detail: "why", remedy: "what",
        extensions: ["count": 3])

    @Test func survivesTheRoundTrip() throws {
        let again = try Problem(parsing: problem.json.canonical, status: 409)
        #expect(again == problem)
    }

    @Test func countsMembersOfTheWrongTypeAsAbsent() throws {
        let text = #"{"type":1,"title":[],"status":"x","detail":{},"remedy":null,"more":true}"#
        let problem = try Problem(parsing: Array(text.utf8), status: 400)
        #expect(problem.type == "about:blank")
        #expect(problem.status == 400)
        #expect(problem.detail == nil)
        #expect(problem.extensions == ["more": true])
    }

    @Test func saysInItsFieldWhenItMayBeTriedAgain() throws {
        #expect(problem.response.headers[.retryAfter] == nil)
        var later = problem
        later.retryAfterSeconds = 7
        #expect(later.response.headers[.retryAfter] == "7")
        #expect(try Problem(parsing: later.json.canonical, status: 409).retryAfterSeconds == 7)
    }

    @Test(arguments: ["", "[]", "{", #"{"a":1,"a":2}"#, "7"])
    func refusesWhatIsNoObject(_ text: String) {
        #expect(throws: CoreError.self) { try Problem(parsing: Array(text.utf8), status: 400) }
    }
}
