import ArgumentParser

extension ClosedRange where Bound: FixedWidthInteger {
    /// - Throws: `ValidationError`, which names option and range, for a number that is given and outside.
    func require(_ number: Bound?, of option: String) throws {
        guard let number, !contains(number) else { return }
        throw ValidationError("\(option) is \(lowerBound) to \(upperBound), not \(number)")
    }
}
