import Foundation
import SelatCore
import SelatPolicy

/// Questions of three kinds between every two countries.
enum Workload {
    static func files(in folder: String) throws -> [PolicySource] {
        let names = try FileManager.default.contentsOfDirectory(atPath: folder)
        return try names.filter { $0.hasSuffix(".yaml") }.sorted().map { name in
            PolicySource(
                name: name,
                bytes: Array(try Data(contentsOf: URL(filePath: "\(folder)/\(name)"))))
        }
    }

    static func questions(among countries: [Country]) throws -> [Question] {
        var questions: [Question] = []
        for source in countries {
            for destination in countries where destination != source {
                questions += try [gauges, roster, health].map { facts in
                    try question(from: source, to: destination, facts)
                }
            }
        }
        return questions
    }

    static func question(
        from source: Country, to destination: Country, _ facts: Facts
    ) throws -> Question {
        Question(
            source: try NodeID("\(source)/hub"), destination: try NodeID("\(destination)/hub"),
            sectors: [source: .defence, destination: .defence], membershipSerial: 1,
            decided: try Timestamp("2026-09-01T00:00:00Z"),
            label: Label(classification: .unclassified, releasableTo: [destination]), facts: facts)
    }

    static let gauges = Facts([
        "personal-data": Fact(.flag(false), .stated),
        "national-category": Fact(.set([]), .stated),
        "purpose": Fact(.set(["selat:EarlyWarning"]), .stated),
    ])

    static let roster = persons(["pd:Name", "pd:TelephoneNumber"], "dpv:ScientificResearch")

    static let health = persons(
        ["pd:Name", "pd:Health"], "sector-health:DisasterReliefManagement")

    static func persons(_ categories: Set<String>, _ purpose: String) -> Facts {
        Facts([
            "personal-data": Fact(.flag(true), .stated),
            "categories": Fact(.set(categories), .stated),
            "subjects": Fact(.set(["dpv:Citizen"]), .stated),
            "subject-nationalities": Fact(.set(["SG", "VN"]), .stated),
            "data-subjects": Fact(.number(1_200), .stated),
            "records": Fact(.number(1_500), .stated),
            "national-category": Fact(.set([]), .stated),
            "purpose": Fact(.set([purpose]), .stated),
        ])
    }
}
