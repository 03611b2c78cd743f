import SelatAudit
import SelatCore
import SelatCrypto
import SelatFederation
import SelatPolicy
import SelatStore
import SelatTestSupport

@testable import SelatExchange

/// The shipped files of a test's federation as signed editions.
extension TestFederation {
    private static let shared = ["ASEAN", "agreements", "vocabulary"]

    /// All of them, changed as a test wants it, signed by whoever has to.
    func editions(
        _ change: (_ name: String, _ text: String) -> String = { $1 }
    ) throws -> [SignedEdition] {
        try TestPolicies.sources(changing: nil).compactMap { source in
            let name = String(source.name.dropLast(5))
            guard
                Self.shared.contains(name)
                    || policySigners.keys.contains(where: { $0.code == name })
            else { return nil }
            return try signed(name, change(name, String(decoding: source.bytes, as: UTF8.self)))
        }
    }

    /// One file, signed by its country's officers, or by those of all.
    func signed(
        _ name: String, _ text: String, by codes: [String]? = nil, persons: Int = 2
    ) throws -> SignedEdition {
        let codes = codes ?? (Self.shared.contains(name) ? ["MY", "SG", "VN"] : [name])
        let signers = try codes.flatMap { code in
            (policySigners[try Country(code)] ?? []).prefix(persons)
        }
        return SignedEdition(
            file: "\(name).yaml", bytes: Array(text.utf8),
            signatures: try CMS.signDetached(
                content: Array(text.utf8), type: .policyEdition, federation: federation.id,
                signers: Array(signers), at: clock.now()))
    }

    /// A later edition of a shipped file.
    func later(
        _ name: String, _ number: Int, inForce: Timestamp? = nil, by codes: [String]? = nil,
        persons: Int = 2, _ change: (String) -> String = { $0 }
    ) throws -> SignedEdition {
        let source = try TestPolicies.sources(changing: nil).first { $0.name == "\(name).yaml" }
        var text = String(decoding: source?.bytes ?? [], as: UTF8.self)
        text.replace(#/(?m)^edition: .*$/#, with: "edition: \(number)")
        if let inForce { text.replace(#/(?m)^in-force: .*$/#, with: "in-force: \(inForce)") }
        text.replace(#/(?m)^review-by: .*$/#, with: "review-by: 2030-01-01")
        return try signed(name, change(text), by: codes, persons: persons)
    }

    /// A register over a node's database, first filled with the shipped files; its clock is believed.
    func register(of node: TestNode) async throws -> EditionRegister {
        let register = try await EditionRegister.open(
            store: node.store, membership: node.membership, clock: clock, logger: .silent,
            input: { try editions() })
        register.believeClock { true }
        try await register.activateDue()
        return register
    }
}

extension EditionRegister {
    func number(_ name: String) -> UInt64? { active.editions[name]?.number }

    /// Why editions are refused; nil where they are taken.
    func refusal(_ editions: SignedEdition...) async throws -> String? {
        do {
            _ = try await take(editions, from: .user(7), together: true)
            return nil
        } catch let refused as EditionsRefused {
            return refused.description
        }
    }
}
