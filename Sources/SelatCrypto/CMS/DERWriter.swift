/// Writes ASN.1 DER (X.690), element after element, into one array; `DER` makes single ones.
///
/// The closures write the content of an element, whose length is put before it when it is known.
struct DERWriter {
    private var bytes: [UInt8] = []

    /// The bytes that `write` writes.
    /// - Parameter capacity: how many they will be, or a few more.
    static func bytes(capacity: Int, _ write: (inout DERWriter) -> Void) -> [UInt8] {
        var writer = DERWriter()
        writer.bytes.reserveCapacity(capacity)
        write(&writer)
        return writer.bytes
    }

    /// A complete element.
    mutating func append(_ element: [UInt8]) { bytes += element }

    /// A complete element under another tag.
    mutating func append(_ element: [UInt8], as tag: UInt8) {
        bytes.append(tag)
        bytes += element.dropFirst()
    }

    mutating func primitive(_ tag: UInt8, _ content: [UInt8]) {
        bytes.append(tag)
        appendLength(content.count)
        bytes += content
    }

    mutating func octets(_ content: [UInt8]) { primitive(DER.Tag.octetString, content) }

    mutating func constructed(_ tag: UInt8, _ write: (inout DERWriter) -> Void) {
        bytes.append(tag)
        // Room for a short length; a longer one moves the content.
        bytes.append(0)
        let start = bytes.count
        write(&self)
        let count = bytes.count - start
        if count < 0x80 {
            bytes[start - 1] = UInt8(count)
        } else {
            bytes[start - 1] = Self.lengthMark(count)
            bytes.insert(contentsOf: Self.lengthDigits(count), at: start)
        }
    }

    mutating func sequence(_ write: (inout DERWriter) -> Void) {
        constructed(DER.Tag.sequence, write)
    }

    /// An explicitly tagged element, `[number]`.
    mutating func explicit(_ number: UInt8, _ write: (inout DERWriter) -> Void) {
        constructed(DER.Tag.context | DER.Tag.constructed | number, write)
    }

    /// SET OF: the elements that `write` writes, in the order of their bytes (X.690, 11.6).
    mutating func set(_ write: (inout DERWriter) -> Void) {
        constructed(DER.Tag.set) { writer in
            let start = writer.bytes.count
            write(&writer)
            writer.sort(from: start)
        }
    }

    private mutating func sort(from start: Int) {
        var reader = DERReader(bytes[start...])
        var elements: [ArraySlice<UInt8>] = []
        while let tag = reader.nextTag {
            guard let element = try? reader.element(tag) else {
                preconditionFailure("a SET OF is written of complete elements")
            }
            elements.append(element)
        }
        let isSorted = zip(elements, elements.dropFirst())
            .allSatisfy { !$1.lexicographicallyPrecedes($0) }
        guard !isSorted else { return }
        let sorted = Array(elements.sorted { $0.lexicographicallyPrecedes($1) }.joined())
        bytes.replaceSubrange(start..., with: sorted)
    }

    private mutating func appendLength(_ count: Int) {
        if count < 0x80 {
            bytes.append(UInt8(count))
        } else {
            bytes.append(Self.lengthMark(count))
            bytes += Self.lengthDigits(count)
        }
    }

    /// Before the digits of a length from 128 on: how many there are.
    private static func lengthMark(_ count: Int) -> UInt8 {
        0x80 | UInt8((Int.bitWidth - count.leadingZeroBitCount + 7) / 8)
    }

    /// Big-endian, without leading zeros.
    private static func lengthDigits(_ count: Int) -> [UInt8] {
        let digits = Int(lengthMark(count) & 0x7F)
        return (0..<digits).reversed().map { UInt8(truncatingIfNeeded: count >> (8 * $0)) }
    }
}
