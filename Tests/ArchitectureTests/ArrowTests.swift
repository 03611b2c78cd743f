import Foundation
import Testing

/// Holds the arrows of Package.swift: SwiftPM lets an undeclared transitive import through, so the
/// `import` lines themselves are read.
struct ArrowTests {
    /// What each module may import of ours. A module knows only what lies below it.
    static let arrows: [String: Set<String>] = [
        "SelatCore": [],
        "SelatCrypto": ["SelatCore"],
        "SelatPolicy": ["SelatCore", "SelatCrypto"],
        "SelatFederation": ["SelatCore", "SelatCrypto"],
        "SelatAudit": ["SelatCore", "SelatCrypto"],
        // The sealer demands a Permit, which only the evaluator makes: the type must come from there.
        "SelatEnvelope": ["SelatCore", "SelatCrypto", "SelatPolicy"],
        // Entries and tree are defined by Audit, which does no I/O; the store keeps them.
        "SelatStore": ["SelatCore", "SelatCrypto", "SelatAudit"],
        // What proves a transfer is made of all parts but the store and the links.
        "SelatEvidence": [
            "SelatCore", "SelatCrypto", "SelatPolicy", "SelatEnvelope", "SelatFederation",
            "SelatAudit",
        ],
        // The sealed format and nothing else; what goes into it is the daemon's to say.
        "SelatBackup": ["SelatCore", "SelatCrypto"],
        // Pure: no clock, no chance, no I/O, so that a simulation can drive it through any of them.
        "SelatDelivery": ["SelatCore"],
        "SelatHTTP": ["SelatCore"],
        "SelatTransport": ["SelatCore", "SelatCrypto", "SelatHTTP"],
        "SelatControl": ["SelatCore", "SelatHTTP"],
        // What stands around a daemon knows nothing of what it does.
        "SelatService": ["SelatHTTP"],
        "SelatExchange": [
            "SelatCore", "SelatCrypto", "SelatPolicy", "SelatEnvelope", "SelatFederation",
            "SelatAudit", "SelatEvidence", "SelatDelivery", "SelatStore", "SelatTransport",
            "SelatHTTP",
        ],
    ]

    /// The only importers of a foreign module.
    static let soleImporters: [String: Set<String>] = [
        "COpenSSL": ["SelatCrypto"],
        "Crypto": ["SelatCrypto"],
        "GRDB": ["SelatStore"],
        "CSQLite": ["SelatStore"],
        "CLinux": ["SelatCore"],
        "Yams": ["SelatPolicy"],
        "NIOSSL": [],
    ]

    static let sources = URL(filePath: #filePath).appending(path: "../../../Sources").standardized

    /// (file, imported module) for each `import` line of a target's sources.
    static func imports(of target: String) throws -> [(file: String, module: String)] {
        let modifiers: Set = ["package", "internal", "private", "public", "@testable"]
        let folder = sources.appending(path: target)
        let files = try #require(FileManager.default.enumerator(atPath: folder.path()))
        return try files.compactMap { $0 as? String }.filter { $0.hasSuffix(".swift") }.flatMap {
            file in
            try String(contentsOf: folder.appending(path: file), encoding: .utf8)
                .split(separator: "\n")
                .compactMap { line in
                    let words = line.split(separator: " ")
                    guard let index = words.firstIndex(of: "import"),
                        words[..<index].allSatisfy({ modifiers.contains(String($0)) }),
                        let name = words.last?.split(separator: ".").first
                    else { return nil }
                    return (file, String(name))
                }
        }
    }

    @Test(arguments: arrows.keys.sorted())
    func moduleImportsOnlyWhatLiesBelow(_ module: String) throws {
        let lines = try Self.imports(of: module)
        #expect(!lines.isEmpty || module == "SelatCore")
        let allowed = try #require(Self.arrows[module])
        for line in lines where line.module.hasPrefix("Selat") {
            #expect(allowed.contains(line.module), "\(module)/\(line.file) imports \(line.module)")
        }
    }

    @Test func everyTargetIsInTheTable() throws {
        let folders = try FileManager.default.contentsOfDirectory(atPath: Self.sources.path())
        let libraries = Set(folders.filter { $0.hasPrefix("Selat") })
        #expect(libraries == Set(Self.arrows.keys))
        #expect(
            Set(folders).subtracting(libraries) == [
                "CLinux", "COpenSSL", "CSQLite", "selat", "selatd",
            ])
    }

    /// The machines reach nothing outside: not even Foundation, whose clock and files are a call away.
    @Test func theMachinesImportTheCoreAlone() throws {
        for line in try Self.imports(of: "SelatDelivery") {
            #expect(line.module == "SelatCore", "\(line.file) imports \(line.module)")
        }
    }

    @Test(arguments: soleImporters.keys.sorted())
    func foreignModuleHasOneDoor(_ foreign: String) throws {
        let doors = try #require(Self.soleImporters[foreign])
        for module in try FileManager.default.contentsOfDirectory(atPath: Self.sources.path())
        where !module.hasPrefix("C") && !doors.contains(module) {
            for line in try Self.imports(of: module) {
                #expect(line.module != foreign, "\(module)/\(line.file) imports \(foreign)")
            }
        }
    }

    /// What the compiler proves of tasks and threads, it proves of every line of ours.
    @Test(arguments: ["nonisolated(unsafe)", "@preconcurrency"])
    func noProofIsSwitchedOff(_ word: String) throws {
        let files = try #require(FileManager.default.enumerator(atPath: Self.sources.path()))
        for case let file as String in files where file.hasSuffix(".swift") {
            let text = try String(
                contentsOf: Self.sources.appending(path: file), encoding: .utf8)
            #expect(!text.contains(word), "\(file) has `\(word)`")
        }
    }
}
