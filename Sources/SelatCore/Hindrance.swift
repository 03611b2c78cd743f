import Glibc

/// What stands in the way of reading a file, for whoever has tried and has nothing.
package enum Hindrance {
    package static func ofReading(_ path: String) -> String {
        var status = stat()
        guard stat(path, &status) == 0 else { return String(cString: strerror(errno)) }
        switch status.st_mode & S_IFMT {
        case S_IFREG: return access(path, R_OK) == 0 ? "it cannot be read" : "permission denied"
        case S_IFDIR: return "it is a folder"
        default: return "it is no regular file"
        }
    }
}
