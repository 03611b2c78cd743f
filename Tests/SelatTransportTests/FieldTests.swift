import HTTPTypes
import SelatCore
import SelatHTTP
import Testing

@testable import SelatTransport

/// The header fields, one text for one value.
@Suite struct FieldTests {
    private func fields(_ name: HTTPField.Name, _ values: String...) -> HTTPFields {
        var fields = HTTPFields()
        for value in values { fields.append(HTTPField(name: name, value: value)) }
        return fields
    }

    @Test(arguments: [("0", 0), ("1", 1), ("999999999999999", 999_999_999_999_999)])
    func readsAnOffset(_ text: String, _ value: UInt64) throws {
        #expect(try fields(.uploadOffset, text).uploadInteger(.uploadOffset) == value)
    }

    @Test(arguments: [
        "", "-1", "+1", "1.0", "0x1", "1;a=b", "1, 1", "1000000000000000", "٣",
        "99999999999999999999",
    ])
    func refusesAnOffsetThatIsNoInteger(_ text: String) {
        #expect(throws: Problem.self) {
            try fields(.uploadOffset, text).uploadInteger(.uploadOffset)
        }
    }

    @Test func refusesAFieldThatStandsTwice() {
        #expect(throws: Problem.self) {
            try fields(.uploadOffset, "1", "1").uploadInteger(.uploadOffset)
        }
    }

    @Test func refusesAMissingField() {
        #expect(throws: Problem.self) { try HTTPFields().uploadInteger(.uploadOffset) }
        #expect(throws: Problem.self) { try HTTPFields().uploadBoolean(.uploadComplete) }
        #expect(throws: Problem.self) { try HTTPFields().membershipMark() }
    }

    @Test(arguments: [("?0", false), ("?1", true)])
    func readsABoolean(_ text: String, _ value: Bool) throws {
        #expect(try fields(.uploadComplete, text).uploadBoolean(.uploadComplete) == value)
    }

    @Test(arguments: ["", "0", "1", "true", "?2", "?1;a", "?0, ?1"])
    func refusesABooleanThatIsNone(_ text: String) {
        #expect(throws: Problem.self) {
            try fields(.uploadComplete, text).uploadBoolean(.uploadComplete)
        }
    }

    @Test func readsItsOwnMembershipMark() throws {
        let mark = MembershipMark(
            serial: 12, digest: try Digest(bytes: [UInt8](repeating: 7, count: 32)))
        #expect(MembershipMark(mark.description) == mark)
    }

    @Test(arguments: [
        "", "12", "12;", ";sha256:00", "012;sha256:" + String(repeating: "0", count: 64),
        "12\u{37E}sha256:" + String(repeating: "0", count: 64),
    ])
    func refusesAMalformedMembershipMark(_ text: String) {
        #expect(MembershipMark(text) == nil)
    }
}
