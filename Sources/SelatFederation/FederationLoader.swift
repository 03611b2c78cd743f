import FoundationEssentials
package import SelatCore

/// Reads a membership from a directory: `membership.cms`, which is the first list, `lists/N.cms`,
/// the later ones by their serial, `records/CC.cms`, `crls/CC.crl`.
package enum FederationLoader {
    /// - Parameters:
    ///   - directory: path of the directory; files in it with other names are an error, so that a
    ///     misspelt record cannot be overlooked.
    ///   - trusted, allowsSandbox, time: as for
    ///   `Federation.init(verifying:trusted:allowsSandbox:at:)`.
    /// - Throws: `FederationError`.
    package static func load(
        directory: String, trusted: Digest?, allowsSandbox: Bool, at time: Timestamp
    ) throws(FederationError) -> Federation {
        try Federation(
            verifying: documents(in: directory), trusted: trusted, allowsSandbox: allowsSandbox,
            at: time)
    }

    /// The files of the directory, not yet verified.
    /// - Throws: `FederationError.fileUnreadable`.
    package static func documents(
        in directory: String
    ) throws(FederationError) -> MembershipDocuments {
        MembershipDocuments(
            lists: [try bytes(of: "\(directory)/membership.cms")]
                + (try laterLists(in: "\(directory)/lists")),
            records: try files(in: "\(directory)/records", extension: ".cms"),
            revocationLists: try files(in: "\(directory)/crls", extension: ".crl"))
    }

    /// In the order of their serials; a gap is found when they are verified.
    private static func laterLists(in directory: String) throws(FederationError) -> [[UInt8]] {
        var lists: [(serial: UInt64, bytes: [UInt8])] = []
        for name in try names(in: directory) {
            let path = "\(directory)/\(name)"
            guard name.hasSuffix(".cms"), let serial = UInt64(name.dropLast(4)),
                "\(serial).cms" == name
            else { throw .fileUnreadable(path, reason: "expected a name such as `2.cms`") }
            lists.append((serial, try bytes(of: path)))
        }
        return lists.sorted { $0.serial < $1.serial }.map(\.bytes)
    }

    private static func names(in directory: String) throws(FederationError) -> [String] {
        guard FileManager.default.fileExists(atPath: directory) else { return [] }
        do {
            return try FileManager.default.contentsOfDirectory(atPath: directory).sorted()
        } catch {
            throw .fileUnreadable(directory, reason: "cannot be listed")
        }
    }

    private static func files(
        in directory: String, extension suffix: String
    ) throws(FederationError) -> [Country: [UInt8]] {
        var files: [Country: [UInt8]] = [:]
        for name in try names(in: directory) {
            let path = "\(directory)/\(name)"
            guard name.hasSuffix(suffix), let country = try? Country(String(name.dropLast(4)))
            else { throw .fileUnreadable(path, reason: "expected a name such as `SG\(suffix)`") }
            files[country] = try bytes(of: path)
        }
        return files
    }

    private static func bytes(of path: String) throws(FederationError) -> [UInt8] {
        guard let size = try? FileManager.default.attributesOfItem(atPath: path)[.size] as? Int
        else { throw .fileUnreadable(path, reason: Hindrance.ofReading(path)) }
        guard size <= FederationLimits.documentBytesMax else {
            throw .fileUnreadable(path, reason: "is larger than 4 MiB")
        }
        guard let contents = FileManager.default.contents(atPath: path) else {
            throw .fileUnreadable(path, reason: Hindrance.ofReading(path))
        }
        return Array(contents)
    }
}
