import Glibc

/// What this program is.
package enum Program {
    /// Semantic version, in `--version`, in `status` and in the audit log's `node.started`.
    package static let version = "0.1.0"

    /// Ends this process at once. Whatever counts is on disk by then; what libraries would do on the way out they would do
    /// under threads that still work, and OpenSSL takes away what those use.
    package static func end(_ status: Int32) -> Never {
        fflush(nil)
        _exit(status)
    }
}
