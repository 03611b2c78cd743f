import SelatCore
import SelatExchange
import SelatPolicy
import SelatTransport

// What the node lets others, and its own disk, do to it.

extension Configuration {
    /// `reserve`: bytes of the spool's disk that are kept for flash.
    static func reserve(_ top: Section, _ reader: inout DocumentReader) -> DiskReserve? {
        guard top["reserve"] != nil else { return DiskReserve() }
        return reader.number(top["reserve"], "`reserve`").map { DiskReserve(bytes: $0) }
    }

    /// `requests`: how many a second one other node may ask in the long run.
    static func requests(_ top: Section, _ reader: inout DocumentReader) -> RequestRate? {
        guard let node = top["requests"] else { return RequestRate() }
        guard let number = reader.number(node, "`requests`") else { return nil }
        guard requestsRange.contains(number) else {
            reader.report(
                .number, node.place,
                "`requests` must be from \(requestsRange.lowerBound) to \(requestsRange.upperBound)"
            )
            return nil
        }
        return RequestRate(perSecond: number)
    }

    /// Below the first, the nodes would not keep up with each other's membership and witnesses.
    private static let requestsRange: ClosedRange<UInt64> = 10...1_000_000
}
