import Foundation
import SelatCore
import SelatEvidence
import SelatTestSupport
import Testing

/// Contents of receipts as files, so that another implementation can read them.
struct ReceiptVectorTests {
    private static func files() throws -> [URL] {
        var root = URL(filePath: #filePath)
        while !FileManager.default.fileExists(atPath: root.appending(path: "Package.swift").path())
        {
            root.deleteLastPathComponent()
        }
        return try FileManager.default.contentsOfDirectory(
            at: root.appending(path: "Tests/Vectors/receipts"), includingPropertiesForKeys: nil
        ).sorted { $0.path() < $1.path() }
    }

    @Test func aVectorIsReadToTheByteOrRefused() throws {
        let files = try Self.files()
        #expect(files.count >= 20)
        for url in files {
            let text = String(decoding: try Data(contentsOf: url), as: UTF8.self)
            let parts = text.split(separator: "\n\n", maxSplits: 1)
            let content = Array(parts[1].utf8)
            let statement = try? ReceiptStatement(canonical: content)
            #expect(
                (statement != nil) == parts[0].contains("expect: receipt"),
                "\(url.lastPathComponent)")
            if let statement { #expect(statement.json.canonical == content) }
            for bytes in Mutations.of(content, count: 100, seed: 7) {
                guard let read = try? ReceiptStatement(canonical: bytes) else { continue }
                #expect(read.json.canonical == bytes, "\(url.lastPathComponent)")
            }
        }
    }
}
