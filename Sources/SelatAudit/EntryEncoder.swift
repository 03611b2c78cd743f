// The canonical bytes of an entry, without a JSON tree and without an allocation: the writer and the
// verifier pass each entry through here, and a test holds it equal to `JSON.canonical`. No value that
// an entry can hold needs an escape.

package import SelatCore
import SelatCrypto

/// Encodes entries into one buffer that is used again.
package struct EntryEncoder {
    /// The leaf's input: a zero byte, then the canonical bytes of the entry encoded last.
    private var buffer = [UInt8](repeating: 0, count: 512)
    private var count = 1
    private var clock = ClockText()

    package init() {}

    /// The canonical bytes of the entry encoded last.
    package var bytes: [UInt8] { Array(buffer[1..<count]) }

    /// The RFC 6962 leaf hash over them.
    package var leaf: Digest { SHA256.digest(buffer.span.bytes.extracting(0..<count)) }

    package mutating func encode(_ entry: Entry) {
        encode(
            sequence: entry.sequence, seconds: entry.time.seconds, kind: entry.kind.text,
            transfer: entry.transfer?.text, actor: entry.actor.text,
            commitment: entry.commitment)
    }

    /// Encodes an entry from its parts as text.
    package mutating func encode(
        sequence: UInt64, seconds: Int64, kind: String, transfer: String?, actor: String,
        commitment: Digest
    ) {
        if let transfer {
            encode(
                sequence: sequence, seconds: seconds, kind: kind.utf8Span.span.bytes,
                transfer: transfer.utf8Span.span.bytes, actor: actor.utf8Span.span.bytes,
                commitment: commitment)
        } else {
            encode(
                sequence: sequence, seconds: seconds, kind: kind.utf8Span.span.bytes,
                transfer: nil, actor: actor.utf8Span.span.bytes, commitment: commitment)
        }
    }

    /// Encodes an entry from its parts, as they lie in a database row.
    ///
    /// The parts are copied as they are: bytes that no entry can hold give bytes that no entry has,
    /// never another entry's. Precondition: none holds a quote.
    package mutating func encode(
        sequence: UInt64, seconds: Int64, kind: RawSpan, transfer: RawSpan?, actor: RawSpan,
        commitment: Digest
    ) {
        let length = kind.byteCount + actor.byteCount + (transfer?.byteCount ?? 0)
        if buffer.count < length + Self.fixedBytesMax {
            buffer = [UInt8](repeating: 0, count: length + Self.fixedBytesMax)
        }
        let time = clock.text(of: seconds)
        count = buffer.withUnsafeMutableBytes { buffer in
            var writer = ByteWriter(buffer, at: 1)
            writer.write(#"{"actor":""#)
            writer.write(actor)
            writer.write(#"","commitment":"sha256:"#)
            writer.write(hex: commitment)
            writer.write(#"","kind":""#)
            writer.write(kind)
            writer.write(#"","sequence":"#)
            writer.write(decimal: sequence)
            writer.write(#","time":""#)
            writer.write(time.span.bytes)
            if let transfer {
                writer.write(#"","transfer":""#)
                writer.write(transfer)
            }
            writer.write(#""}"#)
            return writer.count
        }
    }

    /// Over what an entry has besides kind, transfer and actor.
    private static let fixedBytesMax = 256
}

/// Writes bytes one behind the other into a buffer that is large enough.
private struct ByteWriter {
    private let buffer: UnsafeMutableRawBufferPointer
    private(set) var count: Int

    init(_ buffer: UnsafeMutableRawBufferPointer, at start: Int) {
        self.buffer = buffer
        count = start
    }

    mutating func write(_ text: StaticString) {
        copy(UnsafeRawBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
    }

    mutating func write(_ bytes: RawSpan) { bytes.withUnsafeBytes { copy($0) } }

    mutating func write(hex digest: Digest) {
        digest.withBytes { bytes in
            for byte in bytes {
                buffer[count] = Self.digit(byte >> 4)
                buffer[count + 1] = Self.digit(byte & 15)
                count += 2
            }
        }
    }

    mutating func write(decimal number: UInt64) {
        let start = count
        var rest = number
        repeat {
            buffer[count] = UInt8(ascii: "0") + UInt8(truncatingIfNeeded: rest % 10)
            rest /= 10
            count += 1
        } while rest > 0
        buffer[start..<count].reverse()
    }

    private mutating func copy(_ bytes: UnsafeRawBufferPointer) {
        UnsafeMutableRawBufferPointer(rebasing: buffer[count...]).copyMemory(from: bytes)
        count += bytes.count
    }

    private static func digit(_ value: UInt8) -> UInt8 { value < 10 ? 0x30 + value : 0x57 + value }
}

/// Time texts: neighbours in the log mostly share their second.
private struct ClockText {
    private var seconds: Int64?
    private var text: [UInt8] = []

    mutating func text(of seconds: Int64) -> [UInt8] {
        if seconds != self.seconds {
            self.seconds = seconds
            text = Array(Timestamp(seconds: seconds).text.utf8)
        }
        return text
    }
}
