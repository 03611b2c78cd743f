import SelatCore
import SelatDelivery
import Testing

/// A sender `a`, a recipient `z`, and relays between them.
struct RouteChoiceTests {
    static let paths = [["a", "b", "z"], ["a", "c", "z"]]

    static func ways(
        _ paths: [[String]] = paths, permitted: [String] = ["a", "b", "z"],
        isApproved: Bool = false, outOfReach: Set<String> = [], unlawful: Set<String> = []
    ) -> Ways<String> {
        Ways(
            permitted: permitted, isApproved: isApproved, outOfReach: outOfReach,
            paths: { avoided in paths.filter { avoided.isDisjoint(with: $0) } },
            isLawful: { unlawful.isDisjoint(with: $0) })
    }

    static func choice(
        _ route: [String] = ["a", "b", "z"], isTaken: Bool = false
    ) -> RouteChoice<String> {
        RouteChoice(to: "z", route: route, isTaken: isTaken)
    }

    static let refusal = Reply.blocked(cause: "no", isRefusal: true)
    static let queued: [Sender.Event] = [.sealed(approvalsOwed: false), .due, .released]
    static let relayed = queued + [.accepted(offset: 0), .lastPieceReady, .relayProven]

    @Test func thePermittedRouteComesFirstAndWhatIsOutOfReachLast() throws {
        let three = [["a", "z"]] + Self.paths
        #expect(
            try Self.ways(three).routes(avoiding: [])
                == [["a", "b", "z"], ["a", "z"], ["a", "c", "z"]])
        #expect(
            try Self.ways(three, outOfReach: ["b", "z"]).routes(avoiding: [])
                == [["a", "c", "z"], ["a", "b", "z"], ["a", "z"]])
        #expect(try Self.ways(three).routes(avoiding: ["b"]) == [["a", "z"], ["a", "c", "z"]])
    }

    /// Of the permitted one the verdict is made again.
    @Test func anotherRouteIsLawfulAndNothingIsApprovedForIt() throws {
        #expect(try Self.ways(unlawful: ["b", "c"]).routes(avoiding: []) == [["a", "b", "z"]])
        #expect(try Self.ways(isApproved: true).routes(avoiding: []) == [["a", "b", "z"]])
    }

    @Test func aRelayThatRefusesIsGoneRound() throws {
        var choice = Self.choice()
        choice.weigh(Self.refusal, SenderTests.sender(Self.queued))
        #expect(choice.avoided == ["b"])
        let isAnother = try choice.isAnotherOpen(of: Self.ways())
        #expect(isAnother)
        #expect(try choice.openRoutes(of: Self.ways()) == [["a", "c", "z"]])
        // The law may permit the one and not the other.
        #expect(try choice.routesToJudge(of: Self.ways()) == [["a", "c", "z"], ["a", "b", "z"]])
    }

    @Test func onlyWhatARelayItselfDidCountsAgainstIt() {
        let sender = SenderTests.sender(Self.queued)
        for reply in [
            Reply.blocked(cause: "no connection", isRefusal: false),
            .failed(cause: "the disk here", isOwn: true), .deliveryProven,
            .refusalProven(cause: "import-refused"), .accepted(offset: 0), .relayProven(cause: nil),
            .failed(cause: "once", isOwn: false),
        ] {
            var choice = Self.choice()
            choice.weigh(reply, sender)
            #expect(choice.avoided.isEmpty, "\(reply)")
        }
        var direct = Self.choice(["a", "z"])
        direct.weigh(Self.refusal, sender)
        #expect(direct.avoided.isEmpty)
    }

    @Test(arguments: [
        Reply.failed(cause: "it breaks off", isOwn: false), .held(cause: nil),
        .headStale(cause: "asks again"),
    ])
    func whatLeadsToNothingThreeTimesIsVain(_ reply: Reply) {
        var choice = Self.choice()
        var sender = SenderTests.sender(Self.queued)
        for _ in 1..<Sender.failuresPerRoute {
            choice.weigh(reply, sender)
            #expect(choice.avoided.isEmpty)
            let event = choice.event(of: reply, sender, isAnother: false)
            _ = sender.handle(event, at: SenderTests.start)
        }
        choice.weigh(reply, sender)
        #expect(choice.avoided == ["b"])
    }

    /// Many would leave it at once, with all that it holds of them.
    @Test func aBusyRelayIsLeftSoonBeforeItHoldsAnythingAndElseLate() {
        let busy = Reply.busy(cause: "busy")
        func tries(_ first: Sender, isTaken: Bool = false) -> Int {
            var (choice, sender, count) = (Self.choice(isTaken: isTaken), first, 0)
            while count < 20, !sender.isToBeReleased(at: SenderTests.start) {
                choice.weigh(busy, sender)
                let event = choice.event(of: busy, sender, isAnother: true)
                _ = sender.handle(event, at: SenderTests.start)
                count += 1
            }
            #expect(choice.avoided == ["b"])
            return count
        }
        #expect(tries(SenderTests.sender(Self.queued)) == Sender.failuresPerRoute)
        let sending = SenderTests.sender(Self.queued + [.accepted(offset: 0)])
        #expect(tries(sending, isTaken: true) == Sender.asksPerRoute)
        // Another relay had begun to take it, and was left: this one has nothing of it.
        #expect(tries(sending) == Sender.failuresPerRoute)
        // The recipient is down for a while: an answer more that does not come changes nothing.
        var relayed = SenderTests.sender(Self.relayed)
        for _ in 0..<5 {
            _ = relayed.handle(.held(cause: nil, isAnother: true), at: SenderTests.start)
        }
        #expect(tries(relayed) == Sender.asksPerRoute - 5)
    }

    @Test func aRelayThatLosesWhatItHeldIsVain() {
        var choice = Self.choice()
        choice.weigh(.accepted(offset: 0), SenderTests.sender(Self.relayed))
        #expect(choice.avoided == ["b"])
    }

    @Test func aSlowRelayIsLeftOnceWhereAnotherWayIsOpen() throws {
        let slow = Reply.slow(cause: "slow")
        var (choice, sender) = (Self.choice(), SenderTests.sender(Self.queued))
        #expect(try choice.mayGoRound(Self.ways()))
        #expect(try !choice.mayGoRound(Self.ways(outOfReach: ["c"])))
        #expect(try !choice.mayGoRound(Self.ways(unlawful: ["c"])))
        #expect(try !choice.mayGoRound(Self.ways(isApproved: true)))
        choice.weigh(slow, sender)
        #expect(choice.looksElsewhere(after: slow, sender))
        // One try is enough.
        let event = choice.event(of: slow, sender, isAnother: true)
        _ = sender.handle(event, at: SenderTests.start)
        #expect(sender.handle(.due, at: SenderTests.start) == [.release(attempt: 2)])
        #expect(try choice.openRoutes(of: Self.ways()) == [["a", "c", "z"]])
        // That one is no faster, and is kept.
        choice.route = ["a", "c", "z"]
        #expect(try !choice.mayGoRound(Self.ways()))
        #expect(try choice.mayGoRound(Self.ways([["a", "z"]] + Self.paths)))
        choice.route = ["a", "z"]
        #expect(try !choice.mayGoRound(Self.ways([["a", "z"]] + Self.paths)))
    }

    @Test func patienceIsUsedUpByTheRelayAlone() {
        let start = ContinuousClock.now
        var patience = Patience(.flash, flash: .seconds(60))
        func isUsedUp(_ seconds: Int) -> Bool { patience.isUsedUp(at: start + .seconds(seconds)) }
        #expect(!isUsedUp(10_000))
        // It takes the least that one may: that goes on for ever, and no piece is too long.
        var position: UInt64 = 0
        for minute in 0..<100 {
            patience.wait(for: 20 * Patience.bytesMin, from: start + .seconds(60 * minute))
            #expect(!isUsedUp(60 * minute + 1_200))
            position += Patience.bytesMin
            patience.end(at: start + .seconds(60 * minute + 60), position: position)
        }
        // The sender itself needs a while.
        patience.wait(for: 0, from: start + .seconds(9_000))
        #expect(!isUsedUp(9_059) && isUsedUp(9_061))
        patience.renew(at: start + .seconds(9_061))
        #expect(!isUsedUp(9_121) && isUsedUp(9_122))
    }

    @Test func patienceIsUsedUpOverAllTries() {
        let start = ContinuousClock.now
        var patience = Patience(.flash, flash: .seconds(60))
        var tries = 0
        for number in 0..<100 {
            let begun = start + .seconds(60 * number)
            // A byte more each time, and the same ones again.
            patience.end(at: begun, position: UInt64(number))
            patience.wait(for: Patience.pieceBytes, from: begun)
            if patience.isUsedUp(at: begun + .seconds(55)) { break }
            patience.end(at: begun + .seconds(55))
            tries += 1
        }
        #expect(tries == 5)
        // What came before it broke off counts, also where no piece was whole.
        var slow = Patience(.flash, flash: .seconds(60))
        for number in 0..<100 {
            let begun = start + .seconds(60 * number)
            slow.end(at: begun, position: UInt64(number) * Patience.bytesMin)
            slow.wait(for: Patience.pieceBytes, from: begun)
            #expect(!slow.isUsedUp(at: begun + .seconds(55)))
            slow.end(at: begun + .seconds(55))
        }
    }

    @Test(arguments: zip(Precedence.allCases, [60, 300, 900, 3_600]))
    func whatIsLessUrgentIsMorePatient(_ precedence: Precedence, _ seconds: Int) {
        let start = ContinuousClock.now
        var patience = Patience(precedence, flash: .seconds(60))
        patience.wait(for: 0, from: start)
        #expect(!patience.isUsedUp(at: start + .seconds(seconds)))
        #expect(patience.isUsedUp(at: start + .seconds(seconds + 1)))
    }

    @Test func relaysAreAskedAgainWhereNoOtherWayCanBeReached() throws {
        var choice = Self.choice()
        choice.weigh(Self.refusal, SenderTests.sender(Self.queued))
        choice.route = ["a", "c", "z"]
        // It is tried as long as it can be.
        var isAnother = try choice.isAnotherOpen(of: Self.ways())
        #expect(!isAnother)
        #expect(choice.avoided == ["b"])
        isAnother = try choice.isAnotherOpen(of: Self.ways(outOfReach: ["c"]))
        #expect(isAnother)
        #expect(choice.avoided.isEmpty)
        for relay in ["b", "c"] {
            choice.route = ["a", relay, "z"]
            choice.weigh(Self.refusal, SenderTests.sender(Self.queued))
        }
        #expect(try choice.openRoutes(of: Self.ways()) == Self.paths)
        #expect(choice.avoided.isEmpty)
    }

    @Test func aReplyIsWhatTheMachineKnows() {
        let (choice, queued, relayed) = (
            Self.choice(), SenderTests.sender(Self.queued), SenderTests.sender(Self.relayed)
        )
        let holds = Reply.relayProven(cause: "waits")
        #expect(!choice.looksElsewhere(after: holds, queued))
        #expect(choice.event(of: holds, queued, isAnother: false) == .relayProven)
        #expect(choice.looksElsewhere(after: holds, relayed))
        #expect(
            choice.event(of: holds, relayed, isAnother: true)
                == .held(cause: "waits", isAnother: true))
        // The recipient manages it over no other way.
        let failed = Reply.failed(cause: "it breaks off", isOwn: false)
        #expect(choice.looksElsewhere(after: failed, queued))
        #expect(!Self.choice(["a", "z"]).looksElsewhere(after: failed, queued))
    }
}
