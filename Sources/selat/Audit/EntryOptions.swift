import ArgumentParser
import Foundation
import SelatCore

/// Which entries a verb looks at.
struct EntryOptions: ParsableArguments {
    @Option(help: "Only entries of this transfer.")
    var transfer: TransferID?

    @Option(help: "Only this kind and those below it: transfer.delivered, or transfer for all.")
    var kind: String?

    @Option(help: "Only acts of this actor: daemon, VN/hub, uid:1000, sha256:….")
    var actor: String?

    @Option(help: "Only acts of this country's nodes, and entries of transfers to or from them.")
    var country: Country?

    @Option(help: "Only at this time or later: 2026-09-01T00:00:00Z, 2026-09-01, or 2h for ago.")
    var since: Moment?

    @Option(help: "Only before this time.")
    var until: Moment?

    /// The numbers that an entry may have.
    static let sequences: ClosedRange<UInt64> = 0...UInt64(JSON.integerMax)

    /// The query that the control socket takes.
    func query(_ more: [String: String] = [:]) -> String {
        var values = more
        values["transfer"] = transfer?.text
        values["kind"] = kind
        values["actor"] = actor
        values["country"] = country?.code
        values["since"] = since?.time.text
        values["until"] = until?.time.text
        return values.sorted { $0.key < $1.key }.map { key, value in
            let plain = CharacterSet.alphanumerics.union(CharacterSet(charactersIn: "-._~:/"))
            return key + "=" + (value.addingPercentEncoding(withAllowedCharacters: plain) ?? "")
        }.joined(separator: "&")
    }
}

/// A time as somebody types it.
struct Moment: ExpressibleByArgument {
    let time: Timestamp

    init?(argument: String) {
        if let time = try? Timestamp(argument) {
            self.time = time
        } else if let day = try? Timestamp(date: argument) {
            time = day
        } else if let seconds = try? Span.seconds(argument) {
            time = Timestamp(seconds: Int64(Date().timeIntervalSince1970) - seconds)
        } else {
            return nil
        }
    }
}
