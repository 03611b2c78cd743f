/// The cryptographic suites of an envelope, by their number in the header.
package enum Suite: Int64, CaseIterable, Sendable {
    /// ECDH P-256; ECDSA P-256 with SHA-256.
    case p256 = 1
    /// P-256 and ML-KEM-768.
    case p256MLKEM768 = 2
    /// ECDH P-384; ECDSA P-384 with SHA-384.
    case p384 = 3
    /// P-384 and ML-KEM-1024.
    case p384MLKEM1024 = 4
}

extension Suite: CustomStringConvertible {
    /// As people read it: `suite 2 (P-256, ML-KEM-768)`.
    package var description: String { "suite \(rawValue) (\(name))" }

    /// What it is made of.
    package var name: String {
        switch self {
        case .p256: "P-256"
        case .p256MLKEM768: "P-256, ML-KEM-768"
        case .p384: "P-384"
        case .p384MLKEM1024: "P-384, ML-KEM-1024"
        }
    }

    /// Whether what is sealed today stays closed to those who keep it until they have a quantum
    /// computer.
    package var isPostQuantum: Bool { self == .p256MLKEM768 || self == .p384MLKEM1024 }

    /// Best first: 4 is above all, 1 below all, and of 2 and 3, which are not comparable, the one
    /// with ML-KEM.
    package static let bestFirst: [Suite] = [.p384MLKEM1024, .p256MLKEM768, .p384, .p256]

    /// Whether this is the suite that is asked for, or above it.
    package func satisfies(_ least: Suite) -> Bool {
        self == least || least == .p256 || self == .p384MLKEM1024
    }

    /// The lowest suite that is not below either: above 2 and 3 is 4.
    package func joined(with other: Suite) -> Suite {
        if satisfies(other) { return self }
        return other.satisfies(self) ? other : .p384MLKEM1024
    }
}

/// How strong a federation, or what bears a label, asks its envelopes to be.
package enum CryptographyProfile: String, CaseIterable, Sendable {
    /// P-256 with SHA-256, and ML-KEM-768 wherever both ends have keys.
    case standard
    /// P-384 with SHA-384 and ML-KEM-1024, always.
    case high

    /// The lowest suite that the profile allows.
    package var suiteAtLeast: Suite {
        switch self {
        case .standard: .p256
        case .high: .p384MLKEM1024
        }
    }
}
