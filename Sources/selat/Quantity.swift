/// How sizes and counts read.
enum Quantity {
    /// `1.5 GiB`, three digits at most before the unit.
    static func bytes(_ count: UInt64) -> String {
        let units = ["B", "KiB", "MiB", "GiB", "TiB"]
        var value = count
        var rest: UInt64 = 0
        var unit = 0
        while value >= 1_024, unit < units.count - 1 {
            rest = value % 1_024 * 10 / 1_024
            value /= 1_024
            unit += 1
        }
        return unit == 0 || value >= 100
            ? "\(value) \(units[unit])" : "\(value).\(rest) \(units[unit])"
    }

    /// `4s`, `2m05s`, `3h10m`.
    static func seconds(_ count: Int) -> String {
        func padded(_ number: Int) -> String { (number < 10 ? "0" : "") + "\(number)" }
        return switch count {
        case ..<60: "\(count)s"
        case ..<3_600: "\(count / 60)m\(padded(count % 60))s"
        default: "\(count / 3_600)h\(padded(count / 60 % 60))m"
        }
    }
}
