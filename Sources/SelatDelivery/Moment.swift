package import SelatCore

/// A moment by the wall clock of a node.
package struct Moment: Hashable, Sendable {
    package let time: Timestamp
    /// Whether the clock can be believed where it ends something for good: a clock that is found wrong later gives
    /// nothing back.
    package let mayEnd: Bool

    package init(_ time: Timestamp, mayEnd: Bool) {
        self.time = time
        self.mayEnd = mayEnd
    }

    /// Whether `end` has come by a clock that may be wrong: then nothing ends, and nothing leaves that may be too late.
    func isDoubtful(_ end: Timestamp) -> Bool { !mayEnd && time >= end }
}
