import Glibc
package import SelatCore

/// The machine's wall clock.
package struct SystemClock: WallClock {
    package init() {}

    package func now() -> Timestamp { Timestamp(seconds: Int64(time(nil))) }
}
