/// A moment in UTC, in whole seconds since 1970. Text form RFC 3339 with `Z`: `2026-09-01T00:00:00Z`.
package struct Timestamp: Hashable, Sendable, Comparable, CustomStringConvertible {
    package let seconds: Int64

    package init(seconds: Int64) { self.seconds = seconds }

    /// - Throws: `CoreError.malformed` for anything but `YYYY-MM-DDThh:mm:ssZ`.
    package init(_ text: String) throws(CoreError) {
        let bytes = Array(text.utf8)
        guard bytes.count == 20, bytes[10] == UInt8(ascii: "T"), bytes[13] == UInt8(ascii: ":"),
            bytes[16] == UInt8(ascii: ":"), bytes[19] == UInt8(ascii: "Z"),
            let day = Self.day(bytes[0..<10]), let hour = Self.number(bytes[11..<13]), hour < 24,
            let minute = Self.number(bytes[14..<16]), minute < 60,
            let second = Self.number(bytes[17..<19]), second < 60
        else { throw .malformed("time", text, expected: "UTC such as `2026-09-01T00:00:00Z`") }
        seconds = day * 86_400 + hour * 3_600 + minute * 60 + second
    }

    /// The beginning of a day, 00:00 UTC.
    /// - Throws: `CoreError.malformed` for anything but `YYYY-MM-DD`.
    package init(date text: String) throws(CoreError) {
        let bytes = Array(text.utf8)
        guard bytes.count == 10, let day = Self.day(bytes[0..<10]) else {
            throw .malformed("date", text, expected: "a date such as `2026-09-01`")
        }
        seconds = day * 86_400
    }

    package var text: String {
        let (day, rest) = seconds.floorDivided(by: 86_400)
        let (year, month, dayOfMonth) = Self.civil(day)
        // Of each pair of digits the mark before it.
        let parts: [(mark: Unicode.Scalar, number: Int64)] = [
            ("-", month), ("-", dayOfMonth), ("T", rest / 3_600), (":", rest / 60 % 60),
            (":", rest % 60),
        ]
        return Self.fourDigits(year)
            + String(unsafeUninitializedCapacity: 16) { text in
                for (index, part) in parts.enumerated() {
                    text.initializeElement(at: index * 3, to: UInt8(ascii: part.mark))
                    text.initializeElement(
                        at: index * 3 + 1, to: UInt8(ascii: "0") + UInt8(part.number / 10))
                    text.initializeElement(
                        at: index * 3 + 2, to: UInt8(ascii: "0") + UInt8(part.number % 10))
                }
                text.initializeElement(at: 15, to: UInt8(ascii: "Z"))
                return 16
            }
    }

    private static func fourDigits(_ number: Int64) -> String {
        let digits = String(number)
        return String(repeating: "0", count: max(0, 4 - digits.count)) + digits
    }

    package var description: String { text }
    package static func < (a: Self, b: Self) -> Bool { a.seconds < b.seconds }
    package static func + (time: Self, seconds: Int64) -> Self {
        Self(seconds: time.seconds + seconds)
    }
    package static func - (a: Self, b: Self) -> Int64 { a.seconds - b.seconds }

    private static func number(_ digits: ArraySlice<UInt8>) -> Int64? {
        guard digits.allSatisfy({ (0x30...0x39).contains($0) }) else { return nil }
        return digits.reduce(0) { $0 * 10 + Int64($1 - 0x30) }
    }

    /// Days since 1970 of a `YYYY-MM-DD` that exists in the Gregorian calendar.
    private static func day(_ text: ArraySlice<UInt8>) -> Int64? {
        let bytes = Array(text)
        guard bytes[4] == 0x2D, bytes[7] == 0x2D, let year = number(bytes[0..<4]), year >= 1,
            let month = number(bytes[5..<7]), (1...12).contains(month),
            let day = number(bytes[8..<10]), day >= 1
        else { return nil }
        let days = daysSinceEpoch(year, month, day)
        return civil(days) == (year, month, day) ? days : nil
    }

    // The two directions of the proleptic Gregorian calendar, with years that begin in March so that
    // the leap day is a year's last.
    private static func daysSinceEpoch(_ year: Int64, _ month: Int64, _ day: Int64) -> Int64 {
        let shifted = month <= 2 ? year - 1 : year
        let (era, yearOfEra) = shifted.floorDivided(by: 400)
        let dayOfYear = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1
        let dayOfEra = yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear
        return era * 146_097 + dayOfEra - 719_468
    }

    private static func civil(_ days: Int64) -> (Int64, Int64, Int64) {
        let (era, dayOfEra) = (days + 719_468).floorDivided(by: 146_097)
        let yearOfEra =
            (dayOfEra - dayOfEra / 1_460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let marchMonth = (5 * dayOfYear + 2) / 153
        let month = marchMonth < 10 ? marchMonth + 3 : marchMonth - 9
        let year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
        return (year, month, dayOfYear - (153 * marchMonth + 2) / 5 + 1)
    }
}

extension Int64 {
    fileprivate func floorDivided(by divisor: Int64) -> (quotient: Int64, remainder: Int64) {
        let (quotient, remainder) = quotientAndRemainder(dividingBy: divisor)
        return remainder < 0 ? (quotient - 1, remainder + divisor) : (quotient, remainder)
    }
}

/// A span of time that a person or a policy states: whole seconds.
///
/// `Timestamp` arithmetic takes seconds, so this is only the reader of `72h`, `7d`, `90s`, `15m`.
package enum Span {
    /// - Throws: `CoreError.malformed` for anything but digits and one of `s m h d`.
    package static func seconds(_ text: String) throws(CoreError) -> Int64 {
        let units: [Character: Int64] = ["s": 1, "m": 60, "h": 3_600, "d": 86_400]
        guard let unit = text.last.flatMap({ units[$0] }), text.count <= 10,
            text.dropLast().allSatisfy({ $0.isASCII && $0.isNumber }),
            let count = Int64(text.dropLast())
        else { throw .malformed("span of time", text, expected: "such as `72h` or `7d`") }
        return count * unit
    }
}
