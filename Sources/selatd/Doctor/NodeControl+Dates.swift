import SelatControl
import SelatCore
import SelatCrypto
import SelatExchange
import SelatFederation

// What ends.
extension NodeControl {
    var certificates: Check {
        let reminders = exchange.keyReminders(at: exchange.clock.now())
        let isOver = reminders.contains { $0.daysLeft < 0 }
        return Check(
            "certificates", lookedAt: "those of this node, its officers, signers and authorities",
            reminders.map(\.text), isOver ? .failure : .warning,
            otherwise: "none ends within 30 days", remedy: "each line says what to do")
    }

    var keys: Check {
        let shortages = exchange.keyShortages()
        let leftovers = exchange.keyLeftovers.map { "`\($0)` is over and must be removed by hand" }
        return Check(
            "keys", lookedAt: "whether every suite has keys, and what is over",
            shortages + leftovers, .warning,
            otherwise: "\(exchange.keyStandings().filter { $0.state == .inUse }.count) in use",
            remedy: "selat keys; selat keys rotate PURPOSE")
    }

    var membership: Check {
        let now = exchange.clock.now()
        let federation = exchange.federation
        let warnings = exchange.membership.warnings(at: now).filter {
            !$0.hasPrefix("the revocation list")
        }
        let isOver = !federation.isCurrent(at: now)
        return Check(
            "membership", lookedAt: "list and records: whether they are in force, and how long",
            warnings, isOver ? .failure : .warning,
            otherwise: "list \(federation.serial) of \(federation.members.count) members until "
                + "\(federation.expires)", remedy: "each line says what to do")
    }

    var revocation: Check {
        let now = exchange.clock.now()
        let federation = exchange.federation
        let ends = federation.members.compactMap { member in
            federation.nextRevocationList(of: member.country).map { (member.country, $0) }
        }
        let late = ends.filter { $0.1 - now < Self.revocationSecondsAhead }.map {
            "that of \($0.0) must be followed by \($0.1)"
        }
        let isOver = ends.contains { $0.1 <= now }
        return Check(
            "revocation", lookedAt: "the age of every country's revocation list", late,
            isOver ? .failure : .warning, otherwise: "\(ends.count) lists, none ends within 2 days",
            remedy: "its authority issues the next one; selat members publish hands it in")
    }

    private static let revocationSecondsAhead: Int64 = 2 * 86_400
}
