import Foundation

/// A folder in memory that goes with the test: a file system of this machine's own, wherever the tests run.
package final class MemoryFolder: Sendable {
    package let path = "/dev/shm/selat-\(UUID().uuidString.prefix(8))"

    package init() throws {
        try FileManager.default.createDirectory(
            atPath: path, withIntermediateDirectories: false,
            attributes: [.posixPermissions: 0o700])
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    /// Makes a file in it, and opens that.
    /// - Returns: its descriptor, which is the caller's to close.
    package func open(
        _ name: String, _ content: some Collection<UInt8>, flags: Int32 = O_RDWR
    ) -> Int32 {
        _ = FileManager.default.createFile(atPath: "\(path)/\(name)", contents: Data(content))
        return Foundation.open("\(path)/\(name)", flags)
    }
}
