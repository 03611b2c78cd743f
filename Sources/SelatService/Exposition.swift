/// Samples of one name (Service.md, *Metrics*).
package struct MetricFamily: Hashable, Sendable {
    package enum Kind: String, Sendable {
        /// Only grows, and begins again at a start: its name ends in `_total`.
        case counter
        case gauge
    }

    /// One number and what it belongs to.
    package struct Sample: Hashable, Sendable {
        package let labels: [String: String]
        package let value: Double

        package init(_ labels: [String: String] = [:], _ value: Double) {
            self.labels = labels
            self.value = value
        }
    }

    package let name: String
    package let kind: Kind
    /// One sentence for whoever reads the numbers.
    package let help: String
    package let samples: [Sample]

    package init(_ name: String, _ kind: Kind, _ help: String, _ samples: [Sample]) {
        precondition(Self.isName(name) && name.hasSuffix("_total") == (kind == .counter))
        precondition(samples.allSatisfy { $0.labels.keys.allSatisfy(Self.isName) })
        self.name = name
        self.kind = kind
        self.help = help
        self.samples = samples
    }

    /// A family of one number.
    package init(_ name: String, _ kind: Kind, _ help: String, _ value: Double) {
        self.init(name, kind, help, [Sample([:], value)])
    }

    /// A family of one number.
    package init(_ name: String, _ kind: Kind, _ help: String, _ value: some BinaryInteger) {
        self.init(name, kind, help, Double(value))
    }

    private static func isName(_ text: String) -> Bool {
        !text.isEmpty && text.utf8.first.map { !(0x30...0x39).contains($0) } == true
            && text.utf8.allSatisfy {
                (0x61...0x7A).contains($0) || (0x30...0x39).contains($0) || $0 == 0x5F
            }
    }
}

/// The Prometheus text format, version 0.0.4.
package enum Exposition {
    package static let mediaType = "text/plain; version=0.0.4; charset=utf-8"

    /// Families in the order given, samples in that of their labels; a family without samples is left
    /// out.
    package static func text(_ families: [MetricFamily]) -> String {
        families.filter { !$0.samples.isEmpty }.map(text).joined()
    }

    private static func text(_ family: MetricFamily) -> String {
        let lines = family.samples.map { "\(family.name)\(labels($0)) \(number($0.value))\n" }
        return "# HELP \(family.name) \(escaped(family.help, quotes: false))\n"
            + "# TYPE \(family.name) \(family.kind.rawValue)\n" + lines.sorted().joined()
    }

    private static func labels(_ sample: MetricFamily.Sample) -> String {
        guard !sample.labels.isEmpty else { return "" }
        let pairs = sample.labels.sorted { $0.key < $1.key }
            .map { "\($0.key)=\"\(escaped($0.value, quotes: true))\"" }
        return "{\(pairs.joined(separator: ","))}"
    }

    /// Whole numbers without a fraction, so that counters stay readable.
    private static func number(_ value: Double) -> String {
        if value.isNaN { return "NaN" }
        if value.isInfinite { return value < 0 ? "-Inf" : "+Inf" }
        return Int64(exactly: value).map { "\($0)" } ?? "\(value)"
    }

    private static func escaped(_ text: String, quotes: Bool) -> String {
        var escaped = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\\": escaped += "\\\\"
            case "\n": escaped += "\\n"
            case "\"" where quotes: escaped += "\\\""
            default: escaped.unicodeScalars.append(scalar)
            }
        }
        return escaped
    }
}
