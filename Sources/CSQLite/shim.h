#ifndef SELAT_CSQLITE_H
#define SELAT_CSQLITE_H

#include <sqlite3.h>

// Variadic in C, so Swift cannot call it: no SQL of this connection can write the database file
// past SQLite (shadow tables, sqlite_schema, journal_mode=OFF).
static inline int selat_sqlite_set_defensive(sqlite3 *db) {
    int enabled = 0;
    int code = sqlite3_db_config(db, SQLITE_DBCONFIG_DEFENSIVE, 1, &enabled);
    return code == SQLITE_OK && !enabled ? SQLITE_ERROR : code;
}

// SQLITE_TRANSIENT is a cast of -1 to a function pointer, which Swift does not see.
static inline int selat_sqlite_bind_blob(sqlite3_stmt *statement, int index, const void *bytes,
                                         int count) {
    // A NULL pointer would bind NULL, not an empty blob.
    return count == 0 ? sqlite3_bind_zeroblob(statement, index, 0)
                      : sqlite3_bind_blob(statement, index, bytes, count, SQLITE_TRANSIENT);
}

static inline int selat_sqlite_bind_text(sqlite3_stmt *statement, int index, const void *bytes,
                                         int count) {
    return sqlite3_bind_text(statement, index, count == 0 ? "" : (const char *)bytes, count,
                             SQLITE_TRANSIENT);
}

#endif
