import Foundation
import SelatAudit
import SelatCore
import SelatCrypto
import SelatTestSupport

@testable import SelatStore

/// A folder that goes away with the test.
final class TemporaryFolder: Sendable {
    let path: String

    init() throws {
        path = FileManager.default.temporaryDirectory.appending(
            path: "selat-store-\(UUID().uuidString)"
        ).path()
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    var database: String { path + "/selat.sqlite" }
}

struct FixedClock: WallClock {
    func now() -> Timestamp { Timestamp(seconds: 1_788_220_800) }
}

/// One log key for all tests: making one is slow.
enum TestLog {
    static let identity: LogIdentity = {
        do {
            return try LogIdentity(
                origin: "selat/test/SG/csa/1", key: try PrivateKey.generate(.ed25519))
        } catch {
            preconditionFailure("no test key: \(error)")
        }
    }()
}

extension Store {
    static func openForTest(
        _ folder: TemporaryFolder, migrations: [Migration] = Schema.migrations
    ) throws -> Store {
        try Store.open(
            path: folder.database, log: TestLog.identity, clock: FixedClock(),
            entropy: SeededEntropy(7),
            fatal: { error in preconditionFailure("\(error)") }, migrations: migrations)
    }

    /// Appends `count` entries, one commit each.
    func append(_ count: Int) async throws {
        for index in 0..<count {
            _ = try await commit { try $0.append(.numbered(index)) }
        }
    }
}

extension EntryDraft {
    static func numbered(_ index: Int) -> EntryDraft {
        EntryDraft(kind: "test.entry", details: ["number": .integer(Int64(index))])
    }
}

struct Refused: Error, Equatable {}
