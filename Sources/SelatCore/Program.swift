/// What this program is.
package enum Program {
    /// Semantic version, in `--version`, in `status` and in the audit log's `node.started`.
    package static let version = "0.1.0"
}
