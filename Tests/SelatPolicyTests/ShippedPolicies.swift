import Foundation
import SelatCore
import SelatPolicy

/// The files under `Policies/`, as they ship.
enum ShippedPolicies {
    static let folder: URL = {
        var root = URL(filePath: #filePath)
        while !FileManager.default.fileExists(atPath: root.appending(path: "Package.swift").path())
        {
            root.deleteLastPathComponent()
        }
        return root.appending(path: "Policies")
    }()

    static let names =
        ((try? FileManager.default.contentsOfDirectory(atPath: folder.path())) ?? [])
        .filter { $0.hasSuffix(".yaml") }.map { String($0.dropLast(5)) }.sorted()

    static func bytes(_ path: String) throws -> [UInt8] {
        Array(try Data(contentsOf: folder.appending(path: path)))
    }

    static func sources() throws -> [PolicySource] {
        try names.map { PolicySource(name: "Policies/\($0).yaml", bytes: try bytes("\($0).yaml")) }
    }

    /// The set with one file's text changed.
    static func sources(changing name: String, _ old: String, to new: String) throws
        -> [PolicySource]
    {
        try sources().map { source in
            guard source.name == "Policies/\(name).yaml" else { return source }
            let text = String(decoding: source.bytes, as: UTF8.self)
            guard let range = text.range(of: old) else { throw Absent(text: old) }
            return PolicySource(
                name: source.name, bytes: Array(text.replacingCharacters(in: range, with: new).utf8)
            )
        }
    }

    struct Absent: Error { let text: String }

    static func load(signed: Set<String> = []) throws -> PolicySet {
        try PolicySet.load(files: try sources(), signed: signed)
    }
}

extension Question {
    /// River gauges: not personal, unclassified, early warning.
    static func gauges(
        from source: String = "SG/hub", to destination: String = "VN/hub",
        _ change: (inout Question) throws -> Void = { _ in }
    ) throws -> Question {
        let source = try NodeID(source)
        let destination = try NodeID(destination)
        var question = Question(
            source: source, destination: destination,
            sectors: [source.country: .defence, destination.country: .defence],
            membershipSerial: 7, decided: try Timestamp("2026-09-01T00:00:00Z"),
            label: Label(classification: .unclassified, releasableTo: [destination.country]),
            facts: Facts([
                "personal-data": Fact(.flag(false), .stated),
                "purpose": Fact(.set(["selat:EarlyWarning"]), .stated),
            ]))
        try change(&question)
        return question
    }

    /// A duty roster: persons, for research.
    static func roster(_ change: (inout Question) throws -> Void = { _ in }) throws -> Question {
        try gauges { question in
            question.facts = Facts([
                "personal-data": Fact(.flag(true), .stated),
                "categories": Fact(.set(["pd:Name", "pd:TelephoneNumber"]), .stated),
                "subjects": Fact(.set(["dpv:Employee"]), .stated),
                "subject-nationalities": Fact(.set(["SG"]), .stated),
                "data-subjects": Fact(.number(12), .stated),
                "records": Fact(.number(12), .stated),
                "purpose": Fact(.set(["dpv:ScientificResearch"]), .stated),
            ])
            try change(&question)
        }
    }
}
