import Foundation
import SelatCore
import SelatCrypto
import Testing

@testable import SelatFederation

/// `Tests/Vectors/membership/*.txt`: the documents of a federation, and what a reader says of them.
@Suite struct MembershipVectorTests {
    private static let folder = URL(filePath: #filePath).deletingLastPathComponent()
        .deletingLastPathComponent().appending(path: "Vectors/membership")

    /// Lines `key: value`; `list` stands once for each list, `record` and `crl` once a country.
    private struct Vector {
        let lines: [(key: String, value: String)]

        init(_ name: String) throws {
            let text = try String(
                contentsOf: MembershipVectorTests.folder.appending(path: name), encoding: .utf8)
            lines = text.split(separator: "\n").compactMap { line in
                let parts = line.split(separator: ": ", maxSplits: 1)
                return parts.count == 2 ? (String(parts[0]), String(parts[1])) : nil
            }
        }

        func text(_ key: String) throws -> String {
            try #require(lines.first { $0.key == key }?.value)
        }

        /// Values `CC base64`.
        func byCountry(_ key: String) throws -> [Country: [UInt8]] {
            var found: [Country: [UInt8]] = [:]
            for line in lines where line.key == key {
                let country = try Country(String(line.value.prefix(2)))
                found[country] = Base64.decode(String(line.value.dropFirst(3)))
            }
            return found
        }

        var documents: MembershipDocuments {
            get throws {
                MembershipDocuments(
                    lists: try lines.filter { $0.key == "list" }.map {
                        try #require(Base64.decode($0.value))
                    }, records: try byCountry("record"), revocationLists: try byCountry("crl"))
            }
        }
    }

    static let names =
        ((try? FileManager.default.contentsOfDirectory(atPath: folder.path())) ?? []).sorted()

    @Test func thereAreVectors() { #expect(Self.names.count >= 20) }

    @Test(arguments: names)
    func theReaderSaysWhatTheVectorSays(_ name: String) throws {
        let vector = try Vector(name)
        var federation: Federation?
        var words = "accepted"
        do throws(FederationError) {
            federation = try Self.verify(vector)
        } catch {
            words = error.description
        }
        switch try vector.text("expect") {
        case "accepted":
            #expect(federation != nil, "\(words)")
            #expect(federation?.id.text == (try vector.text("trust")))
            #expect(federation.map { "\($0.serial)" } == (try vector.text("serial")))
            let nodes = federation?.nodes.keys.sorted().map(\.text) ?? []
            #expect(
                try vector.text("nodes")
                    == (nodes.isEmpty ? "none" : nodes.joined(separator: " ")))
        case "refused": #expect(federation == nil)
        default: Issue.record("`\(name)` expects nothing")
        }
    }

    private static func verify(_ vector: Vector) throws(FederationError) -> Federation {
        do {
            return try Federation(
                verifying: vector.documents, trusted: Digest(try vector.text("trust")),
                allowsSandbox: vector.text("sandboxes") == "yes",
                at: Timestamp(try vector.text("time")))
        } catch let error as FederationError {
            throw error
        } catch {
            throw .contradiction("vector", reason: "\(error)")
        }
    }

    // MARK: Making them anew

    @Test(.enabled(if: ProcessInfo.processInfo.environment["SELAT_WRITE_VECTORS"] == "membership"))
    func write() throws {
        try FileManager.default.createDirectory(
            at: Self.folder, withIntermediateDirectories: true)
        let writer = try MembershipVectorWriter()
        for (name, text) in try writer.all() {
            try Data(text.utf8).write(to: Self.folder.appending(path: "\(name).txt"))
        }
    }
}
