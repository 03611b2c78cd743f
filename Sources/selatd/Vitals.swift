import SelatControl
import SelatCore
import SelatCrypto
import SelatDelivery
import SelatExchange
import SelatFederation
import SelatService
import SelatStore

/// What the daemon answers to what watches it while it serves: taken from `status`, so that numbers
/// and words are the same everywhere.
struct Vitals {
    let control: NodeControl
    let surroundings: Surroundings

    private var exchange: Exchange { control.exchange }

    var source: HealthSource {
        HealthSource(
            stalls: { self.stalls }, hindrances: { self.stalls + self.hindrances },
            metrics: { try await self.families() })
    }

    private var stalls: [String] {
        let age = surroundings.pulse.age
        guard age > surroundings.silenceMax else { return [] }
        return [
            "no beat for \(age.components.seconds) s: the writer, its disk or an event loop stands still"
        ]
    }

    private var hindrances: [String] {
        var lines = exchange.hindrances + [surroundings.pulse.hindrance].compactMap { $0 }
        if let room = try? exchange.spool.room(), room < Self.roomMin {
            lines.append("\(room) bytes are left beside the spool")
        }
        return lines
    }

    /// One large envelope's head and some entries.
    private static let roomMin: UInt64 = 64 << 20

    // MARK: Families

    private func families() async throws -> [MetricFamily] {
        let status = try await control.status()
        let waiting = stalls + hindrances
        return [
            MetricFamily(
                "selat_build_info", .gauge, "The program's version and its node.",
                [
                    .init(
                        ["version": Program.version, "node": exchange.identity.node.text], 1)
                ]),
            MetricFamily(
                "selat_ready", .gauge, "Whether transfers get on their way and are taken.",
                waiting.isEmpty ? 1 : 0),
            MetricFamily(
                "selat_warnings", .gauge, "Warnings that selat status shows.",
                status["warnings"]?.arrayValue?.count ?? 0),
            transfers(status),
            MetricFamily(
                "selat_spool_free_bytes", .gauge, "Room on the disk that the spool lies on.",
                (try? exchange.spool.room()) ?? 0),
        ] + backup(status["backup"]) + log(status["log"]) + expiries
            + ProcessMetrics.families(since: surroundings.started)
    }

    /// Also of states in which there are none: of what begins with its first transfer an alert cannot
    /// say that there was none.
    private func transfers(_ status: JSON) -> MetricFamily {
        let directions = [
            ("outbound", Sender.State.allCases.map(\.rawValue)),
            ("inbound", Recipient.State.allCases.map(\.rawValue)),
        ]
        let samples = directions.flatMap { direction, states in
            states.map { state in
                MetricFamily.Sample(
                    ["direction": direction, "state": state],
                    Double(status[direction]?[state]?.integerValue ?? 0))
            }
        }
        return MetricFamily(
            "selat_transfers", .gauge, "Transfers held, by direction and state.", samples)
    }

    /// Nothing where none was made: an alert asks for its absence too.
    private func backup(_ backup: JSON?) -> [MetricFamily] {
        guard let text = backup?["taken"]?.stringValue, let taken = try? Timestamp(text) else {
            return []
        }
        return [
            MetricFamily(
                "selat_backup_timestamp_seconds", .gauge,
                "The moment whose state the last backup holds.", taken.seconds)
        ]
    }

    private func log(_ log: JSON?) -> [MetricFamily] {
        func number(_ key: String) -> Double { Double(log?[key]?.integerValue ?? 0) }
        let witnesses = log?["witnesses"]?.arrayValue ?? []
        func each(_ value: (JSON) -> Double) -> [MetricFamily.Sample] {
            witnesses.map { .init(["witness": $0["node"]?.stringValue ?? ""], value($0)) }
        }
        return [
            MetricFamily(
                "selat_log_entries_total", .counter, "Entries of the audit log.", number("size")),
            MetricFamily(
                "selat_log_proven", .gauge,
                "Whether a witness has confirmed that the log is whole.",
                log?["standing"] == "proven" ? 1 : 0),
            MetricFamily(
                "selat_log_unwitnessed_entries", .gauge,
                "Entries behind the newest witnessed checkpoint.", number("unwitnessed")),
            MetricFamily(
                "selat_log_findings", .gauge, "What is wrong with the logs of others.",
                log?["findings"]?.arrayValue?.count ?? 0),
            MetricFamily(
                "selat_receipts_unwitnessed", .gauge,
                "Receipts that their signer's quorum has not cosigned.",
                number("receipts_unwitnessed")),
            MetricFamily(
                "selat_witness_up", .gauge, "Whether the witness answered when it was last asked.",
                each { $0["cause"] == nil ? 1 : 0 }),
            MetricFamily(
                "selat_witness_missing_entries", .gauge,
                "Entries that the witness has not cosigned.",
                each { Double($0["missing"]?.integerValue ?? 0) }),
        ]
    }

    /// Moments, not days left: they do not change while nobody renews, and `time()` is subtracted
    /// where it is asked.
    private var expiries: [MetricFamily] {
        let federation = exchange.federation
        let keys = exchange.keyStandings().filter { $0.state == .inUse }
        return [
            MetricFamily(
                "selat_membership_expiry_timestamp_seconds", .gauge,
                "When the membership list in force is over.", federation.expires.seconds),
            MetricFamily(
                "selat_record_expiry_timestamp_seconds", .gauge,
                "When a member's record is over.",
                federation.records.map {
                    .init(["country": $0.key.code], Double($0.value.expires.seconds))
                }),
            MetricFamily(
                "selat_crl_expiry_timestamp_seconds", .gauge,
                "When a country's revocation list must have been followed by the next.",
                federation.members.compactMap { member in
                    federation.nextRevocationList(of: member.country).map {
                        .init(["country": member.country.code], Double($0.seconds))
                    }
                }),
            MetricFamily(
                "selat_certificate_expiry_timestamp_seconds", .gauge,
                "When the certificate of a key in use is over.",
                keys.compactMap { key in
                    key.notAfter.map {
                        .init(["purpose": key.purpose.rawValue], Double($0.seconds))
                    }
                }),
        ]
    }
}

extension Federation {
    /// The first moment at which a revocation list of the country's is too old.
    func nextRevocationList(of country: Country) -> Timestamp? {
        let lists = (try? tlsAnchors(for: country))?.revocationLists ?? []
        return lists.map(\.nextUpdate).min()
    }
}
