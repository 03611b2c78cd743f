// A spool folder as a disk keeps it: what was synced survives a crash, of the rest any part may.

struct SpoolName: Hashable, Comparable, CustomStringConvertible {
    enum Part: Int { case payload, head }
    enum Role: String {
        case outbound = "out"
        case inbound = "in"
        case relayed = "via"
    }

    let role: Role
    let sender: Int
    let transfer: Int
    let part: Part

    var description: String {
        "\(role.rawValue).\(sender).\(transfer).\(part)"
    }

    init(_ role: Role, _ key: InboundKey, _ part: Part) {
        self.role = role
        sender = key.from
        transfer = key.transfer
        self.part = part
    }

    var key: InboundKey { InboundKey(from: sender, transfer: transfer) }

    static func < (a: SpoolName, b: SpoolName) -> Bool {
        (a.role.rawValue, a.sender, a.transfer, a.part.rawValue)
            < (b.role.rawValue, b.sender, b.transfer, b.part.rawValue)
    }
}

@Simulated
final class Disk {
    enum Content: Hashable {
        /// Sealed segments; nil where nothing was written yet.
        case segments([UInt64?])
        case head(Head)

        /// A bit of a segment turns, where one was written.
        mutating func flip(at index: Int) {
            guard case .segments(var segments) = self, index < segments.count else { return }
            segments[index] = segments[index].map { $0 ^ 1 }
            self = .segments(segments)
        }
    }

    private struct File {
        var content: Content?
        /// What a crash leaves, if the folder knows the file.
        var synced: Content?
        /// What the folder durably says: whether the file exists.
        var isLinked = false
    }

    private var files: [SpoolName: File] = [:]
    /// No write succeeds until then, in virtual milliseconds.
    var isFullUntil: Int64 = 0

    var names: [SpoolName] { files.filter { $0.value.content != nil }.keys.sorted() }

    func content(_ name: SpoolName) -> Content? { files[name]?.content }

    func write(_ content: Content, to name: SpoolName) {
        files[name, default: File()].content = content
    }

    /// What is on the disk for good.
    func durable(_ name: SpoolName) -> Content? {
        guard let file = files[name], file.isLinked else { return nil }
        return file.synced
    }

    func sync(_ name: SpoolName) {
        let content = files[name]?.content
        files[name]?.synced = content
    }

    /// Makes durable which files there are.
    func syncFolder() {
        files = files.filter { $0.value.content != nil }
        for name in files.keys { files[name]?.isLinked = true }
    }

    func remove(_ name: SpoolName) { files[name]?.content = nil }

    /// The power fails: of what was not synced, chance decides what is there afterwards.
    func crash(_ chance: inout Chance) {
        for name in files.keys.sorted() {
            guard var file = files[name] else { continue }
            let isSettled = file.isLinked == (file.content != nil)
            guard isSettled && file.isLinked || !isSettled && chance.happens(500) else {
                files[name] = nil
                continue
            }
            let survived = Self.survivor(of: file, &chance)
            file = File(content: survived, synced: survived, isLinked: true)
            files[name] = survived == nil ? nil : file
        }
    }

    private static func survivor(of file: File, _ chance: inout Chance) -> Content? {
        guard let content = file.content, content != file.synced else { return file.synced }
        guard case .segments(let written) = content else {
            // A head is renamed into place: it is the old one or the new one.
            return chance.happens(500) ? content : file.synced
        }
        let before: [UInt64?] =
            if case .segments(let segments)? = file.synced { segments } else { [] }
        return .segments(
            written.indices.map { index in
                let old = index < before.count ? before[index] : nil
                return chance.happens(500) ? written[index] : old
            })
    }

    /// A bit of a segment turns.
    func flip(_ name: SpoolName, at index: Int) {
        files[name]?.content?.flip(at: index)
        files[name]?.synced?.flip(at: index)
    }
}
