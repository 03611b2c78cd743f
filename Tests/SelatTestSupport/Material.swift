package import Foundation

/// Others' vectors and real data, beside the project where they exist.
package enum Material {
    /// `../shared/material`, seen from the package's root.
    package static let url = URL(filePath: #filePath)
        .appending(path: "../../../../shared/material").standardized

    package static let exists = FileManager.default.fileExists(atPath: url.path())

    /// What a skipped test says.
    package static let absent = "../shared/material is not here"

    package static func read(_ path: String) throws -> [UInt8] {
        Array(try Data(contentsOf: url.appending(path: path)))
    }

    /// The files of a folder, sorted by name.
    package static func files(_ folder: String) throws -> [URL] {
        try FileManager.default.contentsOfDirectory(
            at: url.appending(path: folder), includingPropertiesForKeys: nil
        ).sorted { $0.lastPathComponent < $1.lastPathComponent }
    }
}
