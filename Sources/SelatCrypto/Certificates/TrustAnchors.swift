import COpenSSL
package import SelatCore

/// A certificate that was followed to an anchor of one country, for one purpose, at one moment.
/// Only `TrustAnchors.verify` makes one.
package struct VerifiedCertificate: Hashable, Sendable {
    package let certificate: Certificate
    package let country: Country
    package let purpose: CertificatePurpose
    /// The verdict may be kept until then: the earliest end of the path's certificates and CRLs.
    package let validUntil: Timestamp

    fileprivate init(
        _ certificate: Certificate, country: Country, purpose: CertificatePurpose,
        validUntil: Timestamp
    ) {
        self.certificate = certificate
        self.country = country
        self.purpose = purpose
        self.validUntil = validUntil
    }
}

/// The certificate authorities of one country and their revocation lists. What one country's
/// authorities issue means nothing in another's store.
// SAFETY: the store is filled in `init` and only read afterwards; X509_STORE locks its own lookups.
package final class TrustAnchors: @unchecked Sendable {
    package let country: Country
    package let anchors: [Certificate]
    package let revocationLists: [CRL]
    /// Whether a certificate counts only where its issuer's revocation list is held.
    package let requiresRevocationLists: Bool
    /// Whether moments that are over are judged, by lists that may have been issued since.
    package let judgesPast: Bool
    private let store: OpaquePointer

    /// - Parameters:
    ///   - anchors: self-signed CA certificates, at least one.
    ///   - revocationLists: with any, each certificate of a path needs a current list of its
    ///     issuer; a list counts until `revocationGraceSeconds` after its nextUpdate.
    ///   - requiresRevocationLists: what it means that there are none: nothing is verified, or
    ///     revocation is not checked (sandboxes).
    ///   - judgesPast: only for what others believed once, as evidence shows it: a list that was
    ///     issued after the moment tells what was revoked by then, and what was revoked later was
    ///     good then.
    /// - Throws: `CryptoError.untrusted` for an anchor that is no self-signed CA.
    package init(
        country: Country, anchors: [Certificate], revocationLists: [CRL],
        requiresRevocationLists: Bool = false, judgesPast: Bool = false
    ) throws(CryptoError) {
        guard !anchors.isEmpty else {
            throw .untrusted("nobody", country: country.code, reason: "there is no anchor")
        }
        for anchor in anchors {
            guard anchor.isAuthority, anchor.isSelfSigned else {
                throw .untrusted(
                    anchor.description, country: country.code,
                    reason: "an anchor must be a self-signed CA certificate")
            }
        }
        let store = try CryptoError.checked("making a certificate store") { X509_STORE_new() }
        let isFilled =
            anchors.allSatisfy { X509_STORE_add_cert(store, $0.pointer) == 1 }
            && revocationLists.allSatisfy { X509_STORE_add_crl(store, $0.pointer) == 1 }
        guard isFilled else {
            X509_STORE_free(store)
            throw .openSSL("filling a certificate store", reasons: CryptoError.drain())
        }
        self.country = country
        self.anchors = anchors
        self.revocationLists = revocationLists
        self.requiresRevocationLists = requiresRevocationLists || !revocationLists.isEmpty
        self.judgesPast = judgesPast
        self.store = store
    }

    deinit { X509_STORE_free(store) }

    /// A list that is not renewed in time counts for one more day: its authority may be late, and
    /// what is revoked by then is revoked all the same.
    package static let revocationGraceSeconds: Int64 = 86_400

    /// Follows `certificate` to an anchor (RFC 5280, 6) and checks that it may serve `purpose`.
    ///
    /// Checks: signatures with at least 112 bits of security, validity at `time`, CA flags and key
    /// usages, revocation of every certificate of the path, name constraints, critical extensions,
    /// and that key usage and extended key usage are those of `purpose` and no other.
    /// - Throws: `CryptoError.untrusted` with the reason.
    package func verify(
        _ certificate: Certificate, intermediates: [Certificate] = [],
        purpose: CertificatePurpose, at time: Timestamp
    ) throws(CryptoError) -> VerifiedCertificate {
        if let reason = Self.obstacle(to: purpose, in: certificate) {
            throw refusal(certificate, reason)
        }
        if requiresRevocationLists, revocationLists.isEmpty {
            throw refusal(certificate, "no revocation list of its authority is held")
        }
        let path = try path(from: certificate, intermediates, at: time)
        let isNarrowed = path.dropFirst().contains {
            !$0.extendedKeyUsages.isEmpty && !$0.extendedKeyUsages.contains(purpose.usage)
        }
        guard !isNarrowed else {
            throw refusal(certificate, "an issuer may not issue for \(purpose.rawValue)")
        }
        let lists = revocationLists.filter { list in path.contains { $0.subject == list.issuer } }
        let fresh = lists.map { $0.nextUpdate + Self.revocationGraceSeconds }
        if let end = fresh.min(), time >= end {
            throw refusal(
                certificate, "the newest revocation list of its authority counted until \(end)")
        }
        let revoked = judgesPast ? Self.revocations(of: path, by: lists) : []
        guard revoked.allSatisfy({ time < $0 }) else {
            throw refusal(certificate, "certificate revoked")
        }
        return VerifiedCertificate(
            certificate, country: country, purpose: purpose,
            validUntil: (path.map(\.notAfter) + fresh + revoked).min() ?? time)
    }

    /// When certificates of a path were revoked, as far as they were.
    private static func revocations(of path: [Certificate], by lists: [CRL]) -> [Timestamp] {
        lists.flatMap { list in path.compactMap { list.revocation(of: $0) } }
    }

    /// Why the certificate itself cannot serve `purpose`, or nil.
    private static func obstacle(
        to purpose: CertificatePurpose, in certificate: Certificate
    ) -> String? {
        let usages = certificate.extendedKeyUsages
        if certificate.isAuthority { return "it is a CA certificate" }
        if !usages.contains(purpose.usage) || !usages.isSubset(of: purpose.usagesAllowed) {
            return "its extended key usage is not that of \(purpose.rawValue) alone"
        }
        return certificate.keyUsage.contains(purpose.keyUsage)
            ? nil : "its key usage does not allow \(purpose.rawValue)"
    }

    private func path(
        from certificate: Certificate, _ intermediates: [Certificate], at time: Timestamp
    ) throws(CryptoError) -> [Certificate] {
        let context = try CryptoError.checked("making a path context") { X509_STORE_CTX_new() }
        defer { X509_STORE_CTX_free(context) }
        let untrusted = try CryptoError.checked("making a stack") { selat_sk_X509_new() }
        defer { selat_sk_X509_free(untrusted) }
        let parameters = try CryptoError.checked("preparing a path") {
            intermediates.allSatisfy { selat_sk_X509_push(untrusted, $0.pointer) > 0 }
                && X509_STORE_CTX_init(context, store, certificate.pointer, untrusted) == 1
                ? X509_STORE_CTX_get0_param(context) : nil
        }
        X509_VERIFY_PARAM_set_time(parameters, time_t(time.seconds))
        X509_VERIFY_PARAM_set_auth_level(parameters, 2)
        X509_VERIFY_PARAM_set_depth(parameters, 3)
        let flags = X509_V_FLAG_X509_STRICT | X509_V_FLAG_CHECK_SS_SIGNATURE
        let revocation = X509_V_FLAG_CRL_CHECK | X509_V_FLAG_CRL_CHECK_ALL
        X509_VERIFY_PARAM_set_flags(
            parameters, UInt(revocationLists.isEmpty ? flags : flags | revocation))
        // How long a list counts is judged above; in the past also when something was revoked, which
        // OpenSSL does not ask.
        if judgesPast {
            X509_STORE_CTX_set_verify_cb(context) { isGood, context in
                switch X509_STORE_CTX_get_error(context) {
                case X509_V_ERR_CRL_HAS_EXPIRED, X509_V_ERR_CRL_NOT_YET_VALID,
                    X509_V_ERR_CERT_REVOKED:
                    X509_STORE_CTX_set_error(context, X509_V_OK)
                    return 1
                default: return isGood
                }
            }
        } else {
            X509_STORE_CTX_set_verify_cb(context) { isGood, context in
                guard X509_STORE_CTX_get_error(context) == X509_V_ERR_CRL_HAS_EXPIRED else {
                    return isGood
                }
                X509_STORE_CTX_set_error(context, X509_V_OK)
                return 1
            }
        }
        defer { ERR_clear_error() }
        guard X509_verify_cert(context) == 1 else {
            let reason = X509_verify_cert_error_string(Int(X509_STORE_CTX_get_error(context)))
            throw refusal(certificate, reason.map { String(cString: $0) } ?? "no path")
        }
        guard let path = Self.path(of: context, among: [certificate] + intermediates + anchors)
        else { throw refusal(certificate, "its path holds a stranger") }
        return path
    }

    /// The path's certificates, found by address among those that were given: OpenSSL's path holds
    /// references to the very same objects.
    private static func path(
        of context: OpaquePointer, among known: [Certificate]
    ) -> [Certificate]? {
        guard let chain = X509_STORE_CTX_get0_chain(context) else { return nil }
        var path: [Certificate] = []
        for index in 0..<selat_sk_X509_num(chain) {
            let pointer = selat_sk_X509_value(chain, index)
            guard let match = known.first(where: { $0.pointer == pointer }) else { return nil }
            path.append(match)
        }
        return path
    }

    private func refusal(_ certificate: Certificate, _ reason: String) -> CryptoError {
        .untrusted(certificate.description, country: country.code, reason: reason)
    }
}
