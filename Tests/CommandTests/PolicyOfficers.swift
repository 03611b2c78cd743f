import Foundation
import SelatCore
import Testing

extension Sandbox {
    var policies: String { "\(path)/policies" }

    /// Signs policy files as their officers do: with `selat policy sign`, one person after another.
    func sign(
        _ files: [String], by country: String, persons: [Int] = [1, 2], _ more: String...
    ) async throws {
        for person in persons {
            let ended = try await signing(files, by: country, person: person, more)
            try #require(ended.status == 0, "\(ended.words)")
        }
    }

    func signing(
        _ files: [String], by country: String, person: Int, _ more: [String] = []
    ) async throws -> Ended {
        let key = "\(path)/authority-\(country)/policy-\(person)"
        return try await Run.run(
            Run.selat,
            ["policy", "sign"] + files + [
                "--key", "\(key).key", "--certificate", "\(key).pem", "--federation", trust(),
            ] + more)
    }

    /// A new edition of a shipped file in a folder of its own, not signed yet.
    /// - Returns: the file.
    func edition(
        _ name: String, _ number: Int, inForce: String? = nil,
        _ change: (String) -> String = { $0 }
    ) throws -> String {
        var text = try String(contentsOfFile: "\(policies)/\(name).yaml", encoding: .utf8)
        text.replace(#/(?m)^edition: .*$/#, with: "edition: \(number)")
        if let inForce { text.replace(#/(?m)^in-force: .*$/#, with: "in-force: \(inForce)") }
        return try scratch.write(change(text), to: "edition-\(number)/\(name).yaml")
    }

    func activate(_ path: String, on country: String) async throws -> Ended {
        try await selat("policy", "activate", path, "--json", on: country)
    }

    /// What a node says of one file.
    func policy(_ name: String, on country: String) async throws -> JSON {
        let ended = try await selat("policy", "status", "--json", on: country)
        return try #require(try ended.json["editions"]?[name], "\(ended.words)")
    }

    func editionNumber(_ name: String, on country: String) async throws -> Int64? {
        try await policy(name, on: country)["edition"]?.integerValue
    }

    /// Asks again and again, for at most a minute.
    func until(_ what: String, seconds: Int = 180, _ holds: () async throws -> Bool) async throws {
        let deadline = ContinuousClock.now + .seconds(seconds)
        while try await !holds() {
            try #require(ContinuousClock.now < deadline, "\(what): not in \(seconds) s")
        }
    }
}
