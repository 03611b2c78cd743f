package import SelatCore
package import SelatCrypto

/// The public keys of a recipient to which one envelope is sealed.
package struct RecipientKeys: Hashable, Sendable {
    /// The key agreement certificate.
    package let agreement: Certificate
    /// In suites with ML-KEM.
    package let mlkem: MLKEMPublicKey?

    package init(agreement: Certificate, mlkem: MLKEMPublicKey? = nil) {
        self.agreement = agreement
        self.mlkem = mlkem
    }

    /// What `to-keys` of a core says (Format, *Core*): SHA-256(SHA-256(certificate) ‖ SHA-256(ML-KEM
    /// key)).
    package var digest: Digest {
        SHA256.digest(agreement.digest.bytes + SHA256.digest(mlkem?.raw ?? []).bytes)
    }

    /// Suites are not guessed from keys, nor keys left out because a suite has no use for them.
    func requireFit(for suite: Suite) throws(EnvelopeError) {
        let curve = agreement.publicKey.kind
        guard curve == suite.curve else {
            throw .suiteUnfit(suite, "an agreement key of kind \(curve.rawValue)")
        }
        guard mlkem?.kind == suite.mlkem else {
            throw .suiteUnfit(suite, mlkem.map { "an \($0.kind.rawValue) key" } ?? "no ML-KEM key")
        }
    }
}

/// The private keys of a recipient, which recover one envelope's content key.
package struct OpeningKeys: Sendable {
    package let certificate: Certificate
    package let key: PrivateKey
    package let mlkem: MLKEMPrivateKey?

    /// - Parameters:
    ///   - certificate: for key agreement; `key` is its private key.
    ///   - mlkem: for suites with ML-KEM.
    package init(certificate: Certificate, key: PrivateKey, mlkem: MLKEMPrivateKey? = nil) {
        self.certificate = certificate
        self.key = key
        self.mlkem = mlkem
    }

    /// The public halves.
    package var recipient: RecipientKeys {
        RecipientKeys(agreement: certificate, mlkem: mlkem?.publicKey)
    }
}
