// The canonical bytes of an entry, without a JSON tree: the writer and the verifier pass each entry
// through here, and a test holds it equal to `JSON.canonical`. No value that an entry can hold needs
// an escape.

package import SelatCore
import SelatCrypto

/// Encodes entries into one buffer that is used again.
package struct EntryEncoder {
    /// The canonical bytes of the entry encoded last.
    package private(set) var bytes: [UInt8] = []
    private var clock = ClockText()

    package init() { bytes.reserveCapacity(320) }

    package mutating func encode(_ entry: Entry) {
        encode(
            sequence: entry.sequence, seconds: entry.time.seconds, kind: entry.kind.text.utf8,
            transfer: entry.transfer?.text.utf8, actor: entry.actor.text.utf8,
            commitment: entry.commitment.bytes)
    }

    /// The RFC 6962 leaf hash over the entry's canonical bytes.
    package mutating func leaf(of entry: Entry) -> Digest {
        encode(entry)
        return MerkleHash.leaf(bytes)
    }

    /// Encodes an entry from its parts, as they lie in a database row.
    ///
    /// The parts are copied as they are: bytes that no entry can hold give bytes that no entry has,
    /// never another entry's. Precondition: none holds a quote.
    package mutating func encode<Text: Collection<UInt8>>(
        sequence: UInt64, seconds: Int64, kind: Text, transfer: Text?, actor: Text,
        commitment: some Collection<UInt8>
    ) {
        bytes.removeAll(keepingCapacity: true)
        bytes += #"{"actor":""#.utf8
        bytes += actor
        bytes += #"","commitment":"sha256:"#.utf8
        for byte in commitment {
            bytes += [Self.digits[Int(byte >> 4)], Self.digits[Int(byte & 15)]]
        }
        bytes += #"","kind":""#.utf8
        bytes += kind
        bytes += #"","sequence":"#.utf8
        append(decimal: sequence)
        bytes += #","time":""#.utf8
        bytes += clock.text(of: seconds)
        if let transfer {
            bytes += #"","transfer":""#.utf8
            bytes += transfer
        }
        bytes += #""}"#.utf8
    }

    private mutating func append(decimal number: UInt64) {
        let start = bytes.count
        var rest = number
        repeat {
            bytes.append(UInt8(ascii: "0") + UInt8(rest % 10))
            rest /= 10
        } while rest > 0
        bytes[start...].reverse()
    }

    private static let digits = Array("0123456789abcdef".utf8)
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
