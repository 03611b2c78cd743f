/// A version of what policy files mean (Language, *Versions*).
///
/// A verdict pins the one by which it was made, and a recipient judges by that one: a change of any
/// verdict's meaning makes a new version, and the versions before stay able to judge.
package enum Semantics: UInt64, CaseIterable, Comparable, Sendable {
    case one = 1
    /// Obligations received are kept; the federation's file sees each level as it is; a marking is
    /// looked up in all files of where the dataset comes from, and a relay only in the source's.
    case two = 2

    /// The version by which new verdicts are made.
    package static let current = Semantics.two

    package static func < (a: Self, b: Self) -> Bool { a.rawValue < b.rawValue }
}
