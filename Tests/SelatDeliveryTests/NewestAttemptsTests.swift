import SelatDelivery
import Testing

struct NewestAttemptsTests {
    @Test func anUploadIsWhosesWhoBringsTheNewestAttempt() {
        var attempts = NewestAttempts<String>()
        #expect(attempts.admits(2, of: "a", first: 2, isSenders: false) == true)
        #expect(attempts.admits(1, of: "a", first: 2, isSenders: false) == false)
        #expect(attempts.admits(3, of: "a", first: 2, isSenders: false) == true)
        #expect(attempts.admits(2, of: "a", first: 2, isSenders: false) == false)
        #expect(attempts.admits(3, of: "a", first: 2, isSenders: false) == true)
        #expect(attempts.admits(1, of: "b", first: 1, isSenders: false) == true)
    }

    /// What the sender brings, or somebody by hand, is an older one at times, and makes none of it the newest.
    @Test func theSenderMayBringAnyAttempt() {
        var attempts = NewestAttempts<String>()
        #expect(attempts.admits(3, of: "a", first: 1, isSenders: false) == true)
        #expect(attempts.admits(1, of: "a", first: 1, isSenders: true) == true)
        #expect(attempts.admits(2, of: "a", first: 1, isSenders: false) == false)
    }

    /// Whoever offers many ids fills no memory.
    @Test func onlySoManyAreKept() {
        var attempts = NewestAttempts<String>(uploadsMax: 2)
        for upload in ["a", "b"] {
            #expect(attempts.admits(5, of: upload, first: 1, isSenders: false) == true)
        }
        #expect(attempts.admits(4, of: "b", first: 1, isSenders: false) == false)
        #expect(attempts.admits(4, of: "a", first: 1, isSenders: false) == false)
        #expect(attempts.admits(1, of: "c", first: 1, isSenders: false) == true)
        #expect(attempts.admits(4, of: "a", first: 1, isSenders: false) == true)
    }
}
