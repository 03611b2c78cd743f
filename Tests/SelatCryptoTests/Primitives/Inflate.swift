/// RFC 1950 and 1951: just enough to read vectors that are stored compressed.
///
/// Checks nothing beyond what it needs to go on; input is a trusted test file.
struct Inflate {
    private let input: [UInt8]
    private var bit = 0
    private var output: [UInt8] = []

    static func zlib(_ input: [UInt8]) -> [UInt8]? {
        var inflate = Inflate(input: Array(input.dropFirst(2)))
        while true {
            let isLast = inflate.bits(1) == 1
            switch inflate.bits(2) {
            case 0: inflate.stored()
            case 1: inflate.block(literals: fixedLiterals, distances: fixedDistances)
            case 2:
                let (literals, distances) = inflate.tables()
                inflate.block(literals: literals, distances: distances)
            default: return nil
            }
            if isLast { return inflate.output }
        }
    }

    private init(input: [UInt8]) { self.input = input }

    private mutating func bits(_ count: Int) -> Int {
        var value = 0
        for position in 0..<count {
            let byte = bit >> 3
            if byte < input.count, input[byte] >> (bit & 7) & 1 == 1 { value |= 1 << position }
            bit += 1
        }
        return value
    }

    private mutating func stored() {
        bit = (bit + 7) & ~7
        let count = bits(16)
        _ = bits(16)
        let start = bit >> 3
        output += input[start..<start + count]
        bit += count * 8
    }

    private mutating func block(literals: Huffman, distances: Huffman) {
        while true {
            let symbol = decode(literals)
            if symbol == 256 { return }
            if symbol < 256 {
                output.append(UInt8(symbol))
                continue
            }
            let length = Self.lengths[symbol - 257] + bits(Self.lengthBits[symbol - 257])
            let code = decode(distances)
            let distance = Self.distances[code] + bits(Self.distanceBits[code])
            copy(length, from: distance)
        }
    }

    private mutating func copy(_ length: Int, from distance: Int) {
        if distance == 1, let last = output.last {
            output.append(contentsOf: repeatElement(last, count: length))
        } else {
            for _ in 0..<length { output.append(output[output.count - distance]) }
        }
    }

    private mutating func tables() -> (Huffman, Huffman) {
        let literalCount = bits(5) + 257
        let distanceCount = bits(5) + 1
        let codeCount = bits(4) + 4
        let order = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15]
        var codeLengths = [Int](repeating: 0, count: 19)
        for index in 0..<codeCount { codeLengths[order[index]] = bits(3) }
        let codes = Huffman(codeLengths)
        var lengths: [Int] = []
        while lengths.count < literalCount + distanceCount {
            switch decode(codes) {
            case 16:
                lengths += repeatElement(lengths.last ?? 0, count: 3 + bits(2))
            case 17: lengths += repeatElement(0, count: 3 + bits(3))
            case 18: lengths += repeatElement(0, count: 11 + bits(7))
            case let length: lengths.append(length)
            }
        }
        return (Huffman(Array(lengths[..<literalCount])), Huffman(Array(lengths[literalCount...])))
    }

    private mutating func decode(_ table: Huffman) -> Int {
        var code = 0
        for length in 1...15 {
            code = code << 1 | bits(1)
            if let symbol = table.symbols[length << 16 | code] { return symbol }
        }
        return 256
    }

    private struct Huffman {
        /// By length and code.
        var symbols: [Int: Int] = [:]

        init(_ lengths: [Int]) {
            var code = 0
            for length in 1...15 {
                for (symbol, own) in lengths.enumerated() where own == length {
                    symbols[length << 16 | code] = symbol
                    code += 1
                }
                code <<= 1
            }
        }
    }

    private static let fixedLiterals = Huffman(
        [Int](repeating: 8, count: 144) + [Int](repeating: 9, count: 112)
            + [Int](repeating: 7, count: 24) + [Int](repeating: 8, count: 8))
    private static let fixedDistances = Huffman([Int](repeating: 5, count: 30))
    private static let lengths = [
        3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 15, 17, 19, 23, 27, 31, 35, 43, 51, 59, 67, 83, 99, 115,
        131, 163, 195, 227, 258,
    ]
    private static let lengthBits = [
        0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0,
    ]
    private static let distances = [
        1, 2, 3, 4, 5, 7, 9, 13, 17, 25, 33, 49, 65, 97, 129, 193, 257, 385, 513, 769, 1025, 1537,
        2049, 3073, 4097, 6145, 8193, 12289, 16385, 24577,
    ]
    private static let distanceBits = [
        0, 0, 0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7, 8, 8, 9, 9, 10, 10, 11, 11, 12, 12,
        13, 13,
    ]
}
