import Glibc
import Logging
import SelatControl
import SelatPolicy

// Which Unix groups give which role at the control socket.

extension Configuration {
    /// Role to the names of groups; what the file does not say is as `selat.sysusers` makes them.
    static func roles(
        _ top: Section, _ reader: inout DocumentReader
    ) -> [Role: [String]]? {
        var roles: [Role: [String]] = [
            .operator: ["selat-operator"], .officer: ["selat-officer"],
            .auditor: ["selat-auditor"], .administrator: ["selat-admin"],
        ]
        guard top["roles"] != nil else { return roles }
        let known = Role.allCases.map(\.rawValue)
        guard let section = reader.section(top["roles"], "`roles`", keys: known) else { return nil }
        for role in Role.allCases where section[role.rawValue] != nil {
            guard let groups = reader.words(section[role.rawValue], "`\(role.rawValue)`") else {
                return nil
            }
            roles[role] = groups.map(\.text)
        }
        return roles
    }
}

extension RoleBook {
    /// Looks the groups up, once: a role whose groups this machine does not have has nobody.
    init(_ configuration: Configuration, logger: Logger) throws {
        var groups: [Role: Set<UInt32>] = [:]
        for (role, names) in configuration.roles {
            for name in names {
                guard let number = try Self.number(ofGroup: name) else {
                    logger.notice(
                        "a role's group does not exist",
                        metadata: ["role": "\(role.rawValue)", "group": "\(name)"])
                    continue
                }
                groups[role, default: []].insert(number)
            }
        }
        self.init(
            daemon: geteuid(), ownerHasAll: configuration.isSandbox, groups: groups,
            names: configuration.roles)
    }

    /// - Throws: `StartFailure` when the group database does not answer: it must not look like a
    ///   group without members.
    private static func number(ofGroup name: String) throws -> UInt32? {
        var buffer = [CChar](repeating: 0, count: 16 << 10)
        while true {
            var entry = group()
            var found: UnsafeMutablePointer<group>?
            let result = getgrnam_r(name, &entry, &buffer, buffer.count, &found)
            if result == ERANGE && buffer.count < bufferBytesMax {
                buffer = [CChar](repeating: 0, count: buffer.count * 4)
                continue
            }
            // What getgrnam_r(3) lists for a name that is not there.
            guard [0, ENOENT, ESRCH, EBADF, EPERM].contains(result) else {
                throw StartFailure.failed(
                    "looking up group `\(name)`: \(String(cString: strerror(result)))")
            }
            return found == nil ? nil : entry.gr_gid
        }
    }

    /// A group with very many members.
    private static let bufferBytesMax = 16 << 20
}
