import SelatCore
import SelatCrypto

/// What a CSV file holds at a glance: columns by name, rows by number (RFC 4180). Values are kept
/// only where somebody asked to see some.
struct TabularSummary: Sendable {
    /// The first columns by name; one that is cut ends with a sign of it.
    private(set) var columns: [String] = []
    /// How many there are, shown or not.
    private(set) var columnCount: UInt64 = 0
    private(set) var rows: UInt64 = 0
    /// Of the row with most.
    private var fieldsMost: UInt64 = 0
    /// The first rows, as many as were asked for.
    private(set) var samples: [[String]] = []

    private let samplesMax: Int
    private var isHeader = true
    private var isQuoted = false
    /// The last byte was a quote inside a quoted field: the field's end, or the first of a pair.
    private var afterQuote = false
    private var isEmptyRecord = true
    private var field: [UInt8] = []
    /// Also of what is not kept.
    private var fieldBytes: UInt64 = 0
    private var record: [String] = []
    private var fieldCount: UInt64 = 0
    private var holdsSemicolons = false
    private var holdsTabs = false

    private static let columnsMax = 256
    private static let nameBytesMax = 4_096
    private static let valueBytesMax = 256
    /// No part of the first name.
    private static let byteOrderMark: [UInt8] = [0xEF, 0xBB, 0xBF]

    init(samples: Int) { samplesMax = samples }

    /// Whether fields are kept now, or only counted.
    private var isKeeping: Bool { isHeader || samples.count < samplesMax }

    /// The names, and how many are not shown.
    var names: [String] { columns + Self.more(columnCount, columns) }

    /// What names and numbers alone would hide.
    var remarks: [String] {
        var remarks: [String] = []
        if fieldsMost > columnCount {
            remarks.append("a row has \(fieldsMost) fields, more than there are columns")
        }
        let signs = (holdsSemicolons ? ["semicolons"] : []) + (holdsTabs ? ["tabs"] : [])
        if columnCount == 1, !signs.isEmpty {
            remarks.append(
                "its one column holds \(signs.joined(separator: " and ")): where they separate "
                    + "fields, these are not told apart here")
        }
        return remarks
    }

    mutating func update(_ bytes: ArraySlice<UInt8>) {
        for byte in bytes { take(byte) }
    }

    /// The last record may lack its line end.
    mutating func finish() {
        if !isEmptyRecord { endRecord() }
    }

    private mutating func take(_ byte: UInt8) {
        if isQuoted {
            if byte == UInt8(ascii: "\"") {
                isQuoted = false
                afterQuote = true
            } else {
                keep(byte)
            }
            return
        }
        switch byte {
        case UInt8(ascii: "\""):
            // The second of a pair stands for a quote; any other begins a quoted field.
            if afterQuote { keep(byte) }
            (isQuoted, afterQuote, isEmptyRecord) = (true, false, false)
            return
        case UInt8(ascii: ","):
            isEmptyRecord = false
            endField()
        case 0x0A:
            if !isEmptyRecord { endRecord() }
        case 0x0D: break
        default:
            if byte == UInt8(ascii: ";") { holdsSemicolons = true }
            if byte == 0x09 { holdsTabs = true }
            keep(byte)
        }
        afterQuote = false
    }

    private mutating func keep(_ byte: UInt8) {
        isEmptyRecord = false
        guard isKeeping else { return }
        fieldBytes += 1
        let bytesMax = isHeader ? Self.nameBytesMax : Self.valueBytesMax
        if field.count < bytesMax { field.append(byte) }
    }

    private mutating func endField() {
        fieldCount += 1
        guard isKeeping else { return }
        if isHeader, record.isEmpty, field.starts(with: Self.byteOrderMark) {
            field.removeFirst(Self.byteOrderMark.count)
            fieldBytes -= UInt64(Self.byteOrderMark.count)
        }
        if record.count < Self.columnsMax {
            let text = Terminal.plain(String(decoding: field, as: UTF8.self))
            let isCut = fieldBytes > UInt64(field.count)
            record.append(isCut ? "\(text)… (\(fieldBytes) bytes)" : text)
        }
        field.removeAll(keepingCapacity: true)
        fieldBytes = 0
    }

    private mutating func endRecord() {
        endField()
        if isHeader {
            (columns, columnCount, isHeader) = (record, fieldCount, false)
        } else {
            rows += 1
            fieldsMost = max(fieldsMost, fieldCount)
            if samples.count < samplesMax { samples.append(record + Self.more(fieldCount, record)) }
        }
        record.removeAll(keepingCapacity: true)
        fieldCount = 0
        isEmptyRecord = true
    }

    private static func more(_ count: UInt64, _ shown: [String]) -> [String] {
        let rest = count - UInt64(shown.count)
        return rest == 0 ? [] : ["… and \(rest) more, not shown"]
    }
}
