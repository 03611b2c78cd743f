// How fast 4 GiB cross a loopback connection: Selat's TLS alone, the whole upload over HTTP, and,
// as the limit, a bare C loop over libssl (Benchmarks/peers/tls_loop.c, whose binary is an
// argument) with the customary 16 KiB and with our 256 KiB a call. Rounds alternate; medians are
// printed.
//
// swift run -c release SelatTLSBenchmark [PATH-OF-TLS-LOOP [BYTES [ROUNDS]]]

import Foundation
import NIOCore
import NIOPosix
import SelatCore
import SelatCrypto
import SelatTransport

@main
struct Main {
    static func main() async throws {
        let arguments = Array(CommandLine.arguments.dropFirst())
        let bytes = arguments.count > 1 ? UInt64(arguments[1]) ?? 4 << 30 : 4 << 30
        let rounds = arguments.count > 2 ? Int(arguments[2]) ?? 3 : 3
        let federation = try BenchmarkFederation()
        var seconds: [String: [Double]] = [:]
        for _ in 0..<rounds {
            if let program = arguments.first {
                for piece in [16 << 10, 256 << 10] {
                    let taken = try bareLoop(program, bytes: bytes, piece: piece)
                    seconds["libssl, bare C loop, \(piece >> 10) KiB a call", default: []]
                        .append(taken)
                }
            }
            seconds["Selat TLS under NIO", default: []]
                .append(try await rawStream(federation, bytes))
            seconds["Selat upload, node to node", default: []]
                .append(try await upload(federation, bytes))
        }
        for (name, all) in seconds.sorted(by: { $0.key < $1.key }) {
            let median = all.sorted()[all.count / 2]
            print("\(name): \(hundredths(Double(bytes) / median / 1e9)) GB/s")
        }
        print("peak resident memory: \(peakResidentBytes() >> 20) MiB")
    }

    private static func hundredths(_ number: Double) -> String {
        let rounded = Int((number * 100).rounded())
        return "\(rounded / 100).\(rounded % 100 < 10 ? "0" : "")\(rounded % 100)"
    }

    private static func bareLoop(_ program: String, bytes: UInt64, piece: Int) throws -> Double {
        let process = Process()
        process.executableURL = URL(filePath: program)
        process.arguments = [String(bytes), String(piece)]
        let output = Pipe()
        process.standardOutput = output
        try process.run()
        let text = output.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        return Double(String(decoding: text, as: UTF8.self).filter { !$0.isNewline }) ?? .nan
    }

    private static func peakResidentBytes() -> Int {
        var usage = rusage()
        getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
        return usage.ru_maxrss << 10
    }
}

/// One country with two nodes.
struct BenchmarkFederation {
    let server: TLSIdentity
    let client: TLSIdentity
    let verifyPeer: TLSPeerVerification

    init() throws {
        let begin = Timestamp(seconds: 1_800_000_000)
        let end = begin + 86_400
        let issuer = try CertificateIssuer(
            root: "benchmark", country: try Country("SG"), key: try .generate(.p256), from: begin,
            until: end)
        func identity(_ uri: String) throws -> TLSIdentity {
            let key = try PrivateKey.generate(.p256)
            let certificate = try issuer.issue(
                for: .tlsServer, uri: uri, to: key.publicKey, from: begin, until: end)
            return TLSIdentity(certificate: certificate, key: key)
        }
        server = try identity("selat://SG/server")
        client = try identity("selat://SG/client")
        verifyPeer = { chain in
            guard let leaf = chain.first, let node = try Certificate(der: leaf).node else {
                throw TransportFault.unexpectedAnswer("without a node")
            }
            return node
        }
    }
}
