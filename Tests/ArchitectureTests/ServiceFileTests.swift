import Foundation
import Testing

/// Keeps what surrounds the daemon in step: units, metrics, dashboards, manual pages.
struct ServiceFileTests {
    private static let root = ArrowTests.sources.deletingLastPathComponent()

    private static func text(_ path: String) throws -> String {
        try String(contentsOf: root.appending(path: path), encoding: .utf8)
    }

    private static func metrics(_ path: String, _ pattern: Regex<(Substring, Substring)>) throws
        -> Set<String>
    {
        Set(try text(path).matches(of: pattern).map { String($0.1) })
    }

    /// Both units say the same: only places and the description differ.
    @Test func theUnitOfAnInstanceDiffersInNamesAlone() throws {
        func settings(_ path: String) throws -> [String] {
            try Self.text(path).split(separator: "\n").map(String.init)
                .filter { !$0.hasPrefix("#") && !$0.hasPrefix("Description=") }
        }
        let one = try settings("systemd/selatd.service")
        let many = try settings("systemd/selatd@.service").map {
            $0.replacing("/etc/selat/%i/", with: "/etc/selat/").replacing("selat-%i", with: "selat")
        }
        #expect(one == many)
        #expect(one.contains("RestartPreventExitStatus=64 78"))
    }

    @Test func theServicePageListsExactlyTheMetrics() throws {
        let made = try Self.metrics("Sources/selatd/Vitals.swift", #/"(selat_[a-z_]+)"/#).union(
            try Self.metrics("Sources/selatd/ProcessMetrics.swift", #/"(process_[a-z_]+)"/#))
        let page = try Self.text("Sources/SelatService/Service.docc/Service.md")
        let table = try #require(page.components(separatedBy: "\n## Metrics\n").last)
        let listed = Set(
            table.matches(of: #/`((?:selat|process)_[a-z_]+)`/#).map { String($0.1) })
        #expect(listed == made)
        #expect(made.count >= 18)
    }

    @Test(arguments: ["contrib/selat-alerts.yaml", "contrib/selat-dashboard.json"])
    func alertsAndDashboardsAskForMetricsThatExist(_ path: String) throws {
        let page = try Self.text("Sources/SelatService/Service.docc/Service.md")
        let asked = try Self.metrics(path, #/\b((?:selat|process)_[a-z_]+)\b/#)
        #expect(asked.count >= 8)
        for name in asked { #expect(page.contains("`\(name)`"), "\(path) asks for \(name)") }
    }

    /// One Prometheus watches many nodes: `absent` is false as soon as one of them has the number.
    @Test func noNodeHidesThatAnotherLacksANumber() throws {
        let alerts = try Self.text("contrib/selat-alerts.yaml")
        #expect(!alerts.contains("absent("))
        let lacking = "(selat_build_info unless on (job, instance) selat_backup_timestamp_seconds)"
        #expect(alerts.contains(lacking))
    }

    /// What is under way to an alert is what the sender's machine calls so.
    @Test func alertsAskForStatesThatExist() throws {
        let machine = try Self.text("Sources/SelatDelivery/Sender.swift")
        let states = try Self.metrics(
            "contrib/selat-alerts.yaml", #/state=~?"([a-z|]+)"/#
        ).flatMap { $0.split(separator: "|").map(String.init) }
        #expect(Set(states) == ["queued", "sending", "relayed", "delivered"])
        for state in states { #expect(machine.contains("case \(state)")) }
    }

    @Test func theManualHasEveryConfigurationKey() throws {
        let known = try #require(
            try Self.text("Sources/selatd/Configuration.swift")
                .firstMatch(of: #/let known = \[([^\]]*"sandbox"[^\]]*)\]/#))
        let keys = known.1.matches(of: #/"([a-z]+)"/#).map { String($0.1) }
        #expect(keys.count >= 14)
        let manual = try Self.text("systemd/selatd.yaml.5")
        for key in keys { #expect(manual.contains("\n.It Cm \(key)\n"), "the manual lacks \(key)") }
    }

    @Test func theManualSaysWhichKeysATokenMayHold() throws {
        let keys = try Self.text("Sources/selatd/Configuration.swift")
            .matches(of: #/"([a-z]+)", orInToken: true/#).map { String($0.1) }
        #expect(keys.count == 3)
        let manual = try Self.text("systemd/selatd.yaml.5")
        let named = try #require(
            manual.firstMatch(of: #/mode 0600\.\n((?:.*\n)*?)may be\n\.Ql pkcs11:/#))
        #expect(named.1.matches(of: #/\.Cm ([a-z]+)/#).map { String($0.1) } == keys)
    }
}
