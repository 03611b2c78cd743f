import SelatBackup
import SelatCore

/// Where a backup is laid out.
enum RestoredPlace {
    /// Everything in one new folder.
    case folder(String)
    /// Everything at its old path below a root.
    case root(String)
}

/// The paths of a restored node.
struct RestoredLayout {
    private let description: BackupDescription
    private let place: RestoredPlace

    init(_ place: RestoredPlace, _ description: BackupDescription) {
        self.description = description
        self.place =
            switch place {
            case .folder(let path): .folder(Self.trimmed(path))
            case .root(let path): .root(path == "/" ? "" : Self.trimmed(path))
            }
    }

    private static func trimmed(_ path: String) -> String {
        path.count > 1 && path.hasSuffix("/") ? String(path.dropLast()) : path
    }

    /// The folder of `--out`, which must be absolute to stand in a configuration.
    var folder: String? { if case .folder(let path) = place { path } else { nil } }

    var configuration: String { moved(description.configuration, "selatd.yaml") }
    var state: String { moved(description.state, "state") }
    var membership: String { moved(description.membership, "membership") }
    var control: String { moved(description.control, "control.sock") }
    var policies: String { moved(description.policies, "policies") }
    var backup: String? { description.backup.map { moved($0, "backup.pem") } }

    func key(_ place: Int) -> String {
        let old = description.keys[place]
        let name = old.split(separator: "/").last.map(String.init) ?? "\(place).key"
        let isAlone =
            description.keys.filter { $0.split(separator: "/").last.map(String.init) == name }
            .count == 1
        return moved(old, "keys/" + (isAlone ? name : "\(place)-\(name)"))
    }

    private func moved(_ old: String, _ new: String) -> String {
        switch place {
        case .folder(let folder): "\(folder)/\(new)"
        case .root(let root): root + old
        }
    }

    /// Folders that must be there, and whether others may look into them.
    var folders: [(path: String, isOpen: Bool)] {
        var folders: [(path: String, isOpen: Bool)] = []
        if let folder {
            folders = [(folder, true), ("\(folder)/keys", false), ("\(folder)/policies", true)]
        }
        folders += [(state, false), ("\(state)/keys", false), ("\(state)/spool", false)]
        return folders + ["lists", "records", "crls"].map { ("\(membership)/\($0)", true) }
    }

    /// - Throws: `BackupError.malformed` for a key that the description does not name.
    func checked(_ path: BackupPath) throws(BackupError) -> String {
        if case .key(let place) = path, place >= UInt64(description.keys.count) {
            throw .malformed("content", "`\(path.text)` is not described")
        }
        return self.path(of: path)
    }

    /// Where a part lies.
    func path(of part: BackupPath) -> String {
        switch part {
        case .description, .configuration: configuration
        case .recipient: backup ?? "\(state)/backup.pem"
        case .list(1): "\(membership)/membership.cms"
        case .list(let serial): "\(membership)/lists/\(serial).cms"
        case .record(let country): "\(membership)/records/\(country.code).cms"
        case .revocationLists(let country): "\(membership)/crls/\(country.code).crl"
        case .key(let place): key(Int(clamping: place))
        case .storageKey: "\(state)/storage.key"
        case .stateKey(let name): "\(state)/keys/\(name)"
        case .database: "\(state)/selat.sqlite"
        case .spool(let name): "\(state)/spool/\(name)"
        }
    }

    /// The configuration, whose paths lead to where things lie now; everything else stays.
    /// - Throws: `Ending` where a path does not stand in it as it is: nobody guesses then.
    func fitted(_ configuration: [UInt8]) throws -> [UInt8] {
        guard folder != nil else { return configuration }
        var moves = [
            description.state: state, description.control: control,
            description.membership: membership, description.policies: policies,
        ]
        for (place, old) in description.keys.enumerated() { moves[old] = key(place) }
        if let old = description.backup, let backup { moves[old] = backup }
        var text = String(decoding: configuration, as: UTF8.self)
        // Longer ones first, so that a folder's path does not spoil what lies in it.
        for old in moves.keys.sorted(by: { $0.utf8.count > $1.utf8.count }) {
            guard let new = moves[old], let replaced = Self.replacing(old, new, in: text) else {
                throw Ending(
                    .failed, "the configuration does not name `\(old)` in so many words",
                    hint: "use --root, which leaves it as it is")
            }
            text = replaced
        }
        return Array(Self.unmarked(text).utf8)
    }

    /// The text with a whole path replaced wherever it stands. A new path begins with a byte that no
    /// path holds, so that a shorter old one is not found in it.
    private static func replacing(_ old: String, _ new: String, in text: String) -> String? {
        var result = ""
        var rest = text[...]
        var isFound = false
        while let range = rest.firstRange(of: old) {
            let before = rest[..<range.lowerBound]
            let isWhole =
                !isOfPath(before.last ?? result.last) && !isOfPath(rest[range.upperBound...].first)
            result += before + (isWhole ? mark + new + mark : old)
            isFound = isFound || isWhole
            rest = rest[range.upperBound...]
        }
        return isFound ? result + rest : nil
    }

    private static let mark = "\u{0}"

    private static func unmarked(_ text: String) -> String { text.replacing(mark, with: "") }

    private static func isOfPath(_ character: Character?) -> Bool {
        guard let character else { return false }
        return character.isLetter || character.isNumber || "/._-+@~%\u{0}".contains(character)
    }
}
