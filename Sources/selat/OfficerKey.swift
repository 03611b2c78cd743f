import ArgumentParser
import SelatCore
import SelatCrypto

/// An officer's own key, for a statement or a policy edition.
struct OfficerKey: ParsableArguments {
    @OptionGroup var own: PersonalKey

    @Option(help: "The federation's digest, as `selat status` shows it.")
    var federation: Digest

    func signer() throws -> CMS.Signer { try own.signer() }

    static func bytes(of path: String) throws -> [UInt8] { try PersonalKey.bytes(of: path) }
}
