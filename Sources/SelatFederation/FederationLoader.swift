import FoundationEssentials
package import SelatCore

/// Reads a membership from a directory: `membership.cms`, `records/CC.cms`, `crls/CC.crl`.
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
            list: try bytes(of: "\(directory)/membership.cms"),
            records: try files(in: "\(directory)/records", extension: ".cms"),
            revocationLists: try files(in: "\(directory)/crls", extension: ".crl"))
    }

    private static func files(
        in directory: String, extension suffix: String
    ) throws(FederationError) -> [Country: [UInt8]] {
        guard FileManager.default.fileExists(atPath: directory) else { return [:] }
        let names: [String]
        do {
            names = try FileManager.default.contentsOfDirectory(atPath: directory)
        } catch {
            throw .fileUnreadable(directory, reason: "cannot be listed")
        }
        var files: [Country: [UInt8]] = [:]
        for name in names.sorted() {
            let path = "\(directory)/\(name)"
            guard name.hasSuffix(suffix), let country = try? Country(String(name.dropLast(4)))
            else { throw .fileUnreadable(path, reason: "expected a name such as `SG\(suffix)`") }
            files[country] = try bytes(of: path)
        }
        return files
    }

    private static func bytes(of path: String) throws(FederationError) -> [UInt8] {
        guard let size = try? FileManager.default.attributesOfItem(atPath: path)[.size] as? Int
        else { throw .fileUnreadable(path, reason: "cannot be read") }
        guard size <= FederationLimits.documentBytesMax else {
            throw .fileUnreadable(path, reason: "is larger than 4 MiB")
        }
        guard let contents = FileManager.default.contents(atPath: path) else {
            throw .fileUnreadable(path, reason: "cannot be read")
        }
        return Array(contents)
    }
}
