import Foundation
import SelatCore
import SelatPolicy

/// Makes the vectors of the newest version anew: only when the language changes. Those of earlier
/// versions are never made again.
struct VerdictVectorWriter {
    private let relief = "sg-vn-relief-2026"

    func write() throws {
        try permitted("river gauges, SG to VN", "gauges", .gauges())
        try permitted("a duty roster without a ground", "roster", .roster())
        try permitted("personal data, and nothing else stated", "silence", silence())
        try permitted("special data for relief in an emergency, VN to SG", "emergency", health())
        try permitted(
            "the same without an emergency, the counter at its limit", "counter",
            health { question in
                question.isEmergency = false
                question.counters = ["VN:sensitive-citizens": 100_000]
            })
        try permitted("a part from VN goes on to SG, where it may not", "onward-refused", onward())
        try permitted(
            "a part from VN goes back, with what is owed for it", "onward-returned",
            onward { question in
                question.destination = try NodeID("VN/hub")
                question.sectors = try sectors("MY", "VN")
                question.label?.releasableTo = [try Country("VN")]
            })
        try permitted(
            "a confidential dataset under a signed instrument", "instrument", instrument(),
            signed: relief)
        try permitted(
            "the same and nobody has signed the instrument", "instrument-unsigned", instrument())
        try permitted("a document attested, an approval owed", "document", document())
        try forged()
    }

    // MARK: Questions

    private func sectors(_ countries: String...) throws -> [Country: Sector] {
        Dictionary(uniqueKeysWithValues: try countries.map { (try Country($0), .defence) })
    }

    private func silence() throws -> Question {
        try .gauges(from: "VN/hub", to: "SG/hub") {
            $0.facts = Facts(["personal-data": Fact(.flag(true), .stated)])
        }
    }

    private func health(_ change: (inout Question) -> Void = { _ in }) throws -> Question {
        try .roster { question in
            question.source = try NodeID("VN/hub")
            question.destination = try NodeID("SG/hub")
            question.label?.releasableTo = [try Country("SG")]
            question.facts["categories"] = Fact(.set(["pd:Health"]), .stated)
            question.facts["subjects"] = Fact(.set(["dpv:Citizen"]), .stated)
            question.facts["subject-nationalities"] = Fact(.set(["VN"]), .stated)
            question.facts["national-category"] = Fact(.set([]), .stated)
            question.facts["purpose"] = Fact(
                .set(["sector-health:DisasterReliefManagement"]), .stated)
            question.isEmergency = true
            question.counters = ["VN:sensitive-citizens": 150_000]
            change(&question)
        }
    }

    private func onward(_ change: (inout Question) throws -> Void = { _ in }) throws -> Question {
        try .gauges(from: "MY/hub", to: "SG/hub") { question in
            let viet = try Country("VN")
            question.label?.tlp = .green
            question.lineage = [viet]
            question.received = [
                Received(
                    from: viet,
                    obligations: [
                        Obligation(
                            demand: .retention(seconds: 86_400, confirm: true),
                            owedBy: .destination, because: ["VN/some-duty"]),
                        Obligation(
                            demand: .onwardOnlyTo([]), owedBy: .destination,
                            because: ["selat/tlp-not-onward"]),
                    ], destroyBy: try Timestamp("2026-10-01T00:00:00Z"))
            ]
            try change(&question)
        }
    }

    private func instrument() throws -> Question {
        try .gauges { question in
            question.label?.classification = .confidential
            question.label?.marking = "Confidential"
            question.facts["purpose"] = Fact(.set(["selat:HumanitarianAssistance"]), .stated)
        }
    }

    private func document() throws -> Question {
        try .roster { question in
            question.source = try NodeID("MY/hub")
            question.destination = try NodeID("SG/hub")
            question.sectors = try sectors("MY", "SG")
            question.label?.releasableTo = [try Country("SG")]
            question.facts["purpose"] = Fact(.set(["selat:HumanitarianAssistance"]), .stated)
            question.documents = ["MY:tia"]
            question.ground = "MY/equivalent-protection"
        }
    }

    // MARK: Files

    private func permitted(
        _ comment: String, _ name: String, _ question: Question, signed: String = ""
    ) throws {
        let set = try FrozenPolicies.load(signed: signed.isEmpty ? [] : [signed])
        let verdict = try set.decide(question).verdict
        try save(
            name,
            """
            comment: \(comment)
            expect: verdict
            signed: \(signed)
            outcome: \(verdict.outcome.rawValue)
            digest: \(verdict.digest.text)
            """, verdict.record)
    }

    /// Records that one changed value makes another verdict's, with the key that differs.
    private func forged() throws {
        let record = try FrozenPolicies.load(signed: []).decide(.gauges()).verdict.record
        let text = String(decoding: record, as: UTF8.self)
        let changes = [
            (
                "edition", "editions.SG.digest", #""SG":{"digest":"sha256:5"#,
                #""SG":{"digest":"sha256:6"#
            ),
            (
                "assumed", "facts.ai-use.value", #""ai-use":{"by":"assumed","value":[]}"#,
                #""ai-use":{"by":"assumed","value":["training"]}"#
            ),
            ("instrument", "instruments", #""instruments":[]"#, #""instruments":["\#(relief)"]"#),
        ]
        for (name, part, old, new) in changes {
            try save(
                "forged-\(name)",
                """
                comment: one value is another
                expect: mismatch
                signed:
                differs: \(part)
                """, Array(text.replacing(old, with: new).utf8))
        }
    }

    private func save(_ name: String, _ header: String, _ record: [UInt8]) throws {
        let text = header + "\n\n" + String(decoding: record, as: UTF8.self)
        try Data(text.utf8).write(to: VerdictVector.folder.appending(path: "\(name)-2.txt"))
    }
}
