import ArgumentParser
import Foundation
import SelatCore
import SelatPolicy

/// The facts of a question that no node has made: of a dataset that may not exist.
struct FactOptions: ParsableArguments {
    @Option(
        help: """
            What the recipient may use it for, a term such as selat:EarlyWarning (default: \
            dpv:PublicBenefit). Repeatable.
            """)
    var purpose: [String] = []

    @Option(help: "Classification: unclassified, restricted, confidential, secret or top-secret.")
    var label: Classification = .unclassified

    @Option(help: "Whether the dataset holds personal data: yes or no.")
    var personalData: YesNo = .no

    @Option(
        help: "More facts: a JSON file such as {\"records\": 120, \"subjects\": [\"dpv:Citizen\"]}."
    )
    var facts: String?

    @Option(help: "Traffic Light Protocol (default TLP:AMBER).")
    var tlp: TLP = .amber

    @Option(help: "Countries to which it is released (default: each recipient's). Repeatable.")
    var releasableTo: [Country] = []

    @Option(help: "The national marking, verbatim, such as \"Official (Closed)\".")
    var marking: String?

    @Option(help: "A document that an officer has attested, such as MY:tia. Repeatable.")
    var document: [String] = []

    @Option(help: "An agreement that every party has signed, by its id. Repeatable.")
    var signed: [String] = []

    @Flag(help: "An emergency officer has declared an emergency.")
    var emergency = false

    @Option(help: "The sector of all members: defence, public or business.")
    var sector: Sector = .defence

    @Option(help: "When it is judged, such as 2027-01-01 (default: now).")
    var at: String?

    /// The question for every pair of countries.
    func question() throws -> Question {
        let label = Label(
            classification: label, releasableTo: releasableTo, tlp: tlp, marking: marking)
        guard var question = PolicyMatrix.question(at: try decided, label: label) else {
            throw Ending(.failed, "no question can be made")
        }
        for (name, fact) in try FactsFile.read(facts).byName { question.facts[name] = fact }
        question.facts["personal-data"] = Fact(.flag(personalData == .yes), .stated)
        if !purpose.isEmpty { question.facts["purpose"] = Fact(.set(Set(purpose)), .stated) }
        question.documents = Set(document)
        question.isEmergency = emergency
        return question
    }

    private var decided: Timestamp {
        get throws {
            guard let at else {
                return Timestamp(seconds: Int64(Date().timeIntervalSince1970))
            }
            if let time = (try? Timestamp(at)) ?? (try? Timestamp(date: at)) { return time }
            throw Ending(
                .usage, "--at `\(at)` is no time", hint: "write 2026-09-01 or 2026-09-01T00:00:00Z")
        }
    }
}

/// Facts that a JSON file states.
enum FactsFile {
    /// - Parameter path: none states nothing.
    static func read(_ path: String?) throws -> Facts {
        var stated = Facts()
        guard let path else { return stated }
        let bytes = try InputFile.bytes(path, "facts")
        let document: JSON
        do {
            document = try JSON(parsing: bytes)
        } catch {
            throw Ending(.usage, "facts `\(path)`: \(error)")
        }
        guard case .object(let members) = document else {
            throw Ending(.usage, "facts `\(path)`: expected one JSON object")
        }
        for (name, value) in members {
            guard name != "personal-data", name != "purpose" else {
                throw Ending(
                    .usage, "facts `\(path)`: `\(name)` has its own option",
                    hint: "take it out of the file and use --\(name)")
            }
            stated[name] = Fact(try FactValue(json: value, fact: name), .stated)
        }
        return stated
    }
}

/// A file that is named on the command line.
enum InputFile {
    /// - Parameter path: `-` is stdin.
    static func bytes(_ path: String, _ what: String) throws -> [UInt8] {
        if path == "-" { return Array(try FileHandle.standardInput.readToEnd() ?? Data()) }
        guard let data = FileManager.default.contents(atPath: path) else {
            throw Ending(.failed, "reading \(what) `\(path)`: \(hindrance(path))")
        }
        return Array(data)
    }

    /// Why there is nothing to read at a path.
    static func hindrance(_ path: String) -> String { Hindrance.ofReading(path) }
}
