import GRDB

extension Store {
    /// Reads every page of the database beside the writer, and says what is wrong, at most ten lines;
    /// empty where all is well. It checks SQLite's structure, not the log: `LogFile.verify` does that.
    package func faults() async throws -> [String] {
        let lines = try await read { snapshot in
            try String.fetchAll(snapshot.database, sql: "PRAGMA quick_check(10)")
        }
        return lines == ["ok"] ? [] : lines
    }
}
