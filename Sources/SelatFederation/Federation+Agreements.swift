package import SelatCore
import SelatCrypto

// The signatures of an agreement's parties (`Format.md`, *Agreements*).
extension Federation {
    /// Verifies that a policy signer of the party has signed for it.
    /// - Parameters:
    ///   - message: DER of a message of the type *agreement*; its content was read and fits.
    ///   - instrument: for words.
    ///   - party: for which country it says that it is signed.
    ///   - federation: for which it says that it is.
    ///   - issued: when it says that it was signed.
    /// - Throws: `FederationError.editionNotSigned`, which says what is wrong with whose signature;
    ///   `.editionSignerUnknown` for one that cannot be judged.
    package func verifyAgreement(
        _ message: [UInt8], of instrument: String, for party: Country, federation: Digest,
        issued: Timestamp, file: String, at time: Timestamp
    ) throws(FederationError) {
        let what = "instrument `\(instrument)`: the signature of \(party)"
        guard federation == id else {
            throw .editionNotSigned(file, reason: "\(what) is for another federation")
        }
        do {
            let signed = try CMS.verifyNamed(message, type: .agreement) { name in
                try policySigner(name, file, .member(party), at: time)
            }
            guard signed.signingTime == issued else {
                throw FederationError.editionNotSigned(
                    file, reason: "\(what) was made at another moment than it says")
            }
        } catch FederationError.editionSignerUnknown(_, let reason) {
            throw .editionSignerUnknown(file, reason: "\(what): \(reason)")
        } catch FederationError.editionNotSigned(_, let reason) {
            throw .editionNotSigned(
                file, reason: reason.hasPrefix(what) ? reason : "\(what): \(reason)")
        } catch {
            throw .editionNotSigned(file, reason: "\(what): \(error)")
        }
    }
}
