import Glibc
import SelatAudit
import SelatCore
import SelatStore

/// What `audit verify` was given, by how it begins: never by its name.
enum AuditedFile {
    /// A folder that `audit prove` made.
    case evidence
    /// A file that `audit export` made.
    case export
    /// A node's database; also what is none of the others, so that the database says what is wrong.
    case database

    init(_ path: String) throws {
        if EvidenceFolder.isFolder(path) {
            self = .evidence
            return
        }
        var status = stat()
        if stat(path, &status) == 0, status.st_mode & S_IFMT != S_IFREG {
            // What this look takes from a pipe, nobody would verify.
            throw Ending(
                .failed, "`\(path)` is no regular file, and is read more than once",
                hint: "write it to a file first")
        }
        var reader = try LineReader(path)
        // A database's first newline may be far away.
        let begin = (try? reader.next())?.first
        self = begin == UInt8(ascii: "{") ? .export : .database
    }
}

extension AuditVerb.Verify {
    func verifyExport(_ path: String) throws -> JSON {
        var verifier = ExportVerifier(key: try key.map { try VerifierKey($0) })
        var reader = try LineReader(path)
        while let line = try reader.next() { verifier.take(line: line) }
        return verifier.finish().json
    }
}
