import Foundation
import SelatCore
import Testing

extension CommandTests {
    /// The road of a country's first operator and its authority, from two empty folders to the first
    /// datasets in both directions: by the commands of Joining.md and certs/README.md alone, with a
    /// clock.
    @Suite(.enabled(if: Run.openssl != nil, "openssl is not installed"))
    struct NewOperatorTests {
        /// The steps, with the seconds that each took.
        private final class Road {
            private var last = ContinuousClock.now
            private(set) var steps: [String] = []

            func passed(_ step: String) {
                let now = ContinuousClock.now
                let tenths = (now - last) / .milliseconds(100)
                steps.append("\(step): \((tenths.rounded() / 10)) s")
                last = now
            }
        }

        @Test func fromEmptyFoldersToDatasetsInBothDirections() async throws {
            try await Sandbox.fresh { sandbox in
                let member = try NewMember(joining: sandbox)
                defer { member.scratch.remove() }
                let road = Road()
                let daemon = try await prepared(member, road)
                do {
                    try await admitted(member, road)
                    try await live(member, daemon, road)
                    try await exchanged(member, road)
                } catch {
                    daemon.signal(SIGKILL)
                    _ = await daemon.end()
                    throw error
                }
                daemon.signal(SIGTERM)
                #expect(await daemon.end() == 0)
                print("a new operator\u{2019}s road:")
                for step in road.steps { print("  \(step)") }
            }
        }

        // MARK: On the node, and at its authority

        /// Keys, certificates, signed policies, and a daemon that waits.
        private func prepared(_ member: NewMember, _ road: Road) async throws -> Running {
            try FileManager.default.copyItem(
                atPath: member.sandbox.policies, toPath: "\(member.scratch.path)/policies")
            let passphrase = try member.scratch.write("correct horse battery\n", to: "pass")
            chmod(passphrase, 0o400)
            let joined = try await member.join("--passphrase-file", passphrase)
            try #require(joined.status == 0, "\(joined.words)")
            road.passed("selat join: keys, requests, sheet, configuration")

            let issued = try await member.issue()
            try #require(issued.status == 0, "\(issued.words)")
            let lists = try await member.script(
                "openssl ca -config profiles.cnf -passin file:root.pass -gencrl -crldays 7 -out TH.crl"
            )
            try #require(lists.status == 0, "\(lists.words)")
            road.passed("openssl ca: root, authorities, officers, certificates, revocation list")

            let files = NewMember.purposes.map(member.issued)
            let finished = try await member.finish(files)
            try #require(finished.status == 0, "\(finished.words)")
            road.passed("selat join finish")

            try await signPolicies(member)
            road.passed("selat policy sign: TH.yaml and agreements.yaml, two officers")

            let daemon = try Running(
                Run.selatd, ["--config", "\(member.node)/selatd.yaml"], place: member.scratch)
            try await until("the daemon waits") {
                try await status(member)?["state"] == "joining"
            }
            road.passed("selatd starts, and waits to be listed")
            // Nobody looks at the daemon between: it is listed hours later.
            let file = "node/selatd.yaml"
            let text = try member.scratch.text(file)
            try member.scratch.write(
                text + "reserve: 4096\nrelay: {transfers: 7}\n", to: file)
            return daemon
        }

        private func signPolicies(_ member: NewMember) async throws {
            let (sandbox, scratch) = (member.sandbox, member.scratch)
            let own = "\(scratch.path)/policies/TH.yaml"
            if !FileManager.default.fileExists(atPath: own) {
                try FileManager.default.copyItem(
                    atPath: "\(Run.root)/Policies/TH.yaml", toPath: own)
            }
            for person in ["somchai", "malee"] {
                let signed = try await Run.run(
                    Run.selat,
                    [
                        "policy", "sign", own, "\(scratch.path)/policies/agreements.yaml", "--key",
                        "\(member.authority)/\(person).key", "--certificate",
                        member.issued(person), "--federation", try sandbox.trust(),
                    ])
                try #require(signed.status == 0, "\(signed.words)")
            }
        }

        // MARK: At the members

        /// The list that names the new member, and the member's first record.
        private func admitted(_ member: NewMember, _ road: Road) async throws {
            let (sandbox, authority) = (member.sandbox, member.authority)
            let candidate = try await member.selat(
                "join", "member", "--country", "TH", "--sector", "public", "--ca",
                member.issued("root"), "--authority", member.issued("authority-1"), "--authority",
                member.issued("authority-2"), "--out", "TH.json")
            try #require(candidate.status == 0, "\(candidate.words)")
            let list = "\(member.scratch.path)/add.json"
            let proposed = try await sandbox.selat(
                "members", "propose", "--add", "\(member.scratch.path)/TH.json", "--out", list,
                on: "SG")
            try #require(proposed.status == 0, "\(proposed.words)")
            let keys =
                ["SG", "MY"].map { "\(sandbox.path)/authority-\($0)" } + [authority]
            try await sign(list, with: keys, in: sandbox)
            try await publish(["\(member.scratch.path)/add.cms"], in: sandbox)
            road.passed("members: candidate, proposal, six signatures of three members, published")

            let record = "\(member.scratch.path)/TH-1.json"
            let files = NewMember.purposes.map(member.issued)
            let made = try await member.selat(
                "join", "record", "--sheet", "node/join.json", "--certificate", files[0],
                "--certificate", files[1], "--certificate", files[2], "--ca",
                member.issued("root"), "--officer",
                "TH/hub/somchai:releasing-officer:\(member.issued("somchai"))", "--policy-signer",
                member.issued("somchai"), "--policy-signer", member.issued("malee"), "--out",
                record)
            try #require(made.status == 0, "\(made.words)")
            try await sign(record, with: [authority], in: sandbox)
            try await publish(
                ["\(member.scratch.path)/TH-1.cms", "\(authority)/TH.crl"], in: sandbox)
            road.passed("the member's record: two signatures, published with its revocation list")
        }

        private func sign(
            _ proposal: String, with authorities: [String], in sandbox: Sandbox
        ) async throws {
            var file = proposal
            for authority in authorities {
                for person in ["authority-1", "authority-2"] {
                    let signed = try await sandbox.selat(
                        "members", "sign", file, "--yes", "--key", "\(authority)/\(person).key",
                        "--certificate", "\(authority)/\(person).pem", on: "SG")
                    try #require(signed.status == 0, "\(signed.words)")
                    file = proposal.replacing(".json", with: ".cms")
                }
            }
        }

        private func publish(_ files: [String], in sandbox: Sandbox) async throws {
            let published = try await sandbox.selat(["members", "publish"] + files, on: "SG")
            try #require(published.status == 0, "\(published.words)")
        }

        // MARK: Live

        private func live(_ member: NewMember, _ daemon: Running, _ road: Road) async throws {
            try await until("the node serves") {
                let words = try member.scratch.text("stderr")
                try #require(daemon.isRunning, "\(words)")
                return try await status(member)?["state"] == "ready"
            }
            road.passed("the node obtains list and record, and serves by itself")
            let standing = try await status(member)
            #expect(standing?["disk"]?["reserve_bytes"] == 4_096, "\(standing ?? .null)")
            let words = try member.scratch.text("stderr")
            #expect(words.contains("takes effect at the next start keys=relay"), "\(words)")
            // One more node knows the law of the new member, without anybody's hand.
            try await until("SG knows the law of TH") {
                let policies = try await member.sandbox.selat(
                    "policy", "status", "--json", on: "SG")
                return try policies.json["editions"]?["TH"]?["edition"] != nil
            }
            road.passed("the members' nodes obtain its policy file")
        }

        private func exchanged(_ member: NewMember, _ road: Road) async throws {
            let (sandbox, scratch) = (member.sandbox, member.scratch)
            let dataset = try scratch.write("station,level\n1,2\n", to: "gauges.csv")
            let words = ["--wait", "--timeout", "50s", "--json"] + Sandbox.harmless
            let there = try await sandbox.selat(
                ["send", dataset, "--to", "TH/hub"] + words, on: "SG")
            try #require(there.status == 0, "\(there.words)")
            let id = try #require(try there.json["id"]?.stringValue)
            let socket = ["--socket", "\(scratch.path)/c.sock"]
            let opened = try await Run.run(
                Run.selat, ["open", id, "--out", "\(scratch.path)/opened"] + socket)
            try #require(opened.status == 0, "\(opened.words)")
            #expect(try scratch.text("opened/gauges.csv") == "station,level\n1,2\n")
            road.passed("the first dataset received, and opened")

            let back = try await Run.run(
                Run.selat, ["send", dataset, "--to", "VN/hub"] + words + socket)
            #expect(back.status == 0, "\(back.words)")
            #expect(try back.json["state"] == "delivered")
            road.passed("the first dataset sent")
        }

        private func status(_ member: NewMember) async throws -> JSON? {
            let ended = try await Run.run(
                Run.selat, ["status", "--json", "--socket", "\(member.scratch.path)/c.sock"])
            return ended.status == 0 ? try ended.json : nil
        }

        private func until(_ what: String, _ holds: () async throws -> Bool) async throws {
            let deadline = ContinuousClock.now + .seconds(180)
            while try await !holds() {
                try #require(ContinuousClock.now < deadline, "\(what): not within three minutes")
            }
        }
    }
}
