import SelatCore
import SelatCrypto

/// What a CSV file holds at a glance: columns by name, rows by number (RFC 4180). Values are kept
/// only where somebody asked to see some.
struct TabularSummary: Sendable {
    private(set) var columns: [String] = []
    private(set) var rows: UInt64 = 0
    /// The first rows, as many as were asked for.
    private(set) var samples: [[String]] = []

    private let samplesMax: Int
    private var isHeader = true
    private var isQuoted = false
    /// The last byte was a quote inside a quoted field: the field's end, or the first of a pair.
    private var afterQuote = false
    private var isEmptyRecord = true
    private var field: [UInt8] = []
    private var record: [String] = []

    static let columnsMax = 256
    static let fieldBytesMax = 256

    init(samples: Int) { samplesMax = samples }

    /// Whether fields are kept now, or only counted.
    private var isKeeping: Bool { isHeader || samples.count < samplesMax }

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
        default: keep(byte)
        }
        afterQuote = false
    }

    private mutating func keep(_ byte: UInt8) {
        isEmptyRecord = false
        if isKeeping, field.count < Self.fieldBytesMax { field.append(byte) }
    }

    private mutating func endField() {
        guard isKeeping else { return }
        if record.count < Self.columnsMax {
            record.append(Terminal.plain(String(decoding: field, as: UTF8.self)))
        }
        field.removeAll(keepingCapacity: true)
    }

    private mutating func endRecord() {
        endField()
        if isHeader {
            columns = record
            isHeader = false
        } else {
            rows += 1
            if samples.count < samplesMax { samples.append(record) }
        }
        record.removeAll(keepingCapacity: true)
        isEmptyRecord = true
    }
}
