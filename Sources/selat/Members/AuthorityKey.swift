import ArgumentParser
import SelatCrypto

/// An authority's own key, for lists and records. No daemon ever sees it.
struct AuthorityKey: ParsableArguments {
    @OptionGroup var own: PersonalKey

    func signer() throws -> CMS.Signer { try own.signer() }
}
