import SelatCore
import SelatHTTP
import Testing

@testable import SelatTransport

/// How often one peer may ask, and what it hears when it asks more often.
@Suite struct RequestRateTests {
    private static let rate = RequestRate(perSecond: 10)

    @Test func fiveSecondsWorthMayComeAtOnce() {
        let now = ContinuousClock.now
        var bucket = TokenBucket(fullAt: now)
        let answers = (0..<51).map { _ in bucket.take(Self.rate, at: now) }
        #expect(answers.prefix(50).allSatisfy { $0 == nil })
        #expect(answers[50] == .milliseconds(100))
        // What is refused uses nothing up.
        #expect(bucket.take(Self.rate, at: now) == .milliseconds(100))
        #expect(bucket.take(Self.rate, at: now + .milliseconds(99)) == .milliseconds(1))
        #expect(bucket.take(Self.rate, at: now + .milliseconds(100)) == nil)
        #expect(bucket.take(Self.rate, at: now + .milliseconds(100)) != nil)
    }

    @Test func silenceSavesUpNoMoreThanThat() {
        let now = ContinuousClock.now
        var bucket = TokenBucket(fullAt: now)
        let later = now + .seconds(86_400)
        let passed = (0..<100).count { _ in bucket.take(Self.rate, at: later) == nil }
        #expect(passed == 50)
    }

    @Test func aClockThatStandsStillOrGoesBackGivesNothing() {
        let now = ContinuousClock.now
        var bucket = TokenBucket(fullAt: now)
        for _ in 0..<50 { _ = bucket.take(Self.rate, at: now) }
        #expect(bucket.take(Self.rate, at: now - .seconds(60)) != nil)
    }

    @Test func onePeerTakesNothingFromAnother() throws {
        let (rates, now) = (RequestRates(Self.rate), ContinuousClock.now)
        let (busy, other) = (try NodeID("MY/nacsa"), try NodeID("VN/mps"))
        let refused = (0..<60).count { _ in rates.admit(busy, at: now) != nil }
        #expect(refused == 10)
        #expect(rates.admit(other, at: now) == nil)
        #expect(rates.takeRefused() == [busy: 10])
        #expect(rates.takeRefused() == [:])
        rates.replace(RequestRate(perSecond: 1_000))
        #expect(rates.admit(busy, at: now + .seconds(1)) == nil)
    }

    @Test func whoAsksTooOftenIsToldToWaitAndNotRefused() async throws {
        let rates = RequestRates(RequestRate(perSecond: 1))
        try await withNode(rates: rates) { node in
            let client = try await node.connect()
            let peer = try NodeID("MY/nacsa")
            let upload = try ExamService.upload(from: peer)
            for _ in 0..<5 { _ = try await client.offer(upload, head: [1], payload: nil) }
            let problem = try await #require(throws: Problem.self) {
                while true { _ = try await client.offer(upload, head: [1], payload: [2]) }
            }
            #expect(problem.type == Problem.tooManyRequestsType && problem.status == 429)
            #expect(problem.retryAfterSeconds == 1)
            #expect(problem.remedy?.contains("Retry-After") == true)
            // The connection stays, and so does the peer.
            #expect(client.isOpen)
            #expect(rates.takeRefused() == [peer: 1])
            await client.close()
        }
    }

    /// Each kind of request counts, also one for what does not exist.
    @Test func noRouteIsExempt() async throws {
        let rates = RequestRates(RequestRate(perSecond: 1))
        try await withNode(rates: rates) { node in
            let client = try await node.connect()
            let upload = try ExamService.upload(from: try NodeID("MY/nacsa"))
            var types: Set<String> = []
            for _ in 0..<1_000 where types.count < 2 {
                do { _ = try await client.uploadState(upload) } catch let problem as Problem {
                    types.insert(problem.type)
                }
            }
            #expect(types == [Problem.unknownUploadType, Problem.tooManyRequestsType])
            await client.close()
        }
    }
}
