import COpenSSL
import Synchronization

// All that is said to OpenSSL's PKCS#11 engine, which Debian 12 ships as libengine-pkcs11-openssl, is
// said in this file.

/// The tokens behind one PKCS#11 module, entered with one PIN.
///
/// A key of a token is an ordinary `PrivateKey` whose computations happen here. When one fails, the
/// token may have been away: everything is closed and opened anew, once, and the computation is tried
/// again. A PIN that is refused is never tried again, because few wrong ones lock a token.
///
/// Calls block for as long as the token takes; one goes on at a time. A process has one `Token` open
/// at a time, because PKCS#11 knows only one user of a module in a process.
package final class Token: Sendable {
    /// The PKCS#11 module, an absolute path.
    package let module: String
    private let pin: Secret
    /// After a vain attempt to open the token there is none for this long: each could wait for a
    /// network, and many transfers may ask.
    private let pause: Duration
    private let session = Mutex(Session())
    private let faultCount = Atomic(0)

    package init(module: String, pin: Secret, pause: Duration = .seconds(1)) {
        (self.module, self.pin, self.pause) = (module, pin, pause)
    }

    // SAFETY: reached only under the mutex.
    private struct Session: @unchecked Sendable {
        var engine: OpaquePointer?
        /// The engine's keys by their names.
        var keys: [TokenKeyName: OpaquePointer] = [:]
        /// Why the last computation failed.
        var fault: CryptoError?
        var closedUntil: ContinuousClock.Instant?
    }

    /// Finds a key.
    /// - Throws: `CryptoError.tokenPINRefused`, `.tokenUnavailable` for a token or key that is not
    ///   there, `.unreadableKey` for a key that is not EC P-256 or P-384.
    package func key(_ name: TokenKeyName) throws(CryptoError) -> PrivateKey {
        let spki: [UInt8]? = perform { session in
            guard let key = self.loaded(name, in: &session) else { return nil }
            return DER.encoding { cursor in i2d_PUBKEY(key, cursor) }
        }
        guard let spki else { throw fault }
        let publicKey = try PublicKey(spki: spki)
        guard publicKey.kind != .ed25519 else {
            throw .unreadableKey("a token's key must be EC, not Ed25519")
        }
        return try PrivateKey(
            takingOwnership: try TokenKey(token: self, name: name, publicKey: publicKey).proxy(),
            token: self)
    }

    /// How many computations have failed so far: who sees another number knows that a failure was
    /// the token's, or another's at the same time, and may try again.
    var faults: Int { faultCount.load(ordering: .acquiring) }

    /// Why the last computation failed.
    var fault: CryptoError {
        session.withLock { $0.fault } ?? .tokenUnavailable("it gave no reason")
    }

    /// Computes with a key; after a failure once more, with everything opened anew.
    fileprivate func compute<Value: Sendable>(
        with key: TokenKey, _ computation: (OpaquePointer) -> Value?
    ) -> Value? {
        perform { session in
            self.loaded(key.name, in: &session).flatMap { pointer in
                // Another token, or another key under the same name, is not ours to use.
                key.publicKey.isPublic(of: pointer) ? computation(pointer) : nil
            }
        }
    }

    private func perform<Value: Sendable>(_ step: (inout Session) -> Value?) -> Value? {
        let result = session.withLock { session -> Value? in
            if case .tokenPINRefused = session.fault { return nil }
            if let until = session.closedUntil, ContinuousClock.now < until { return nil }
            ERR_clear_error()
            var result = step(&session)
            if result == nil, !Self.isPINRefused(&session) {
                close(&session)
                ERR_clear_error()
                result = step(&session)
            }
            settle(&session, succeeded: result != nil)
            return result
        }
        if result == nil { faultCount.add(1, ordering: .releasing) }
        return result
    }

    private func settle(_ session: inout Session, succeeded: Bool) {
        if succeeded {
            (session.fault, session.closedUntil) = (nil, nil)
        } else {
            if !Self.isPINRefused(&session) {
                session.fault = .tokenUnavailable(
                    CryptoError.drain().last ?? "no such key, or not the one of before")
            }
            close(&session)
            session.closedUntil = .now + pause
        }
    }

    // MARK: The engine

    private func loaded(_ name: TokenKeyName, in session: inout Session) -> OpaquePointer? {
        if let key = session.keys[name] { return key }
        guard open(&session), let engine = session.engine,
            let key = selat_ENGINE_load_private_key(engine, name.text)
        else { return nil }
        session.keys[name] = key
        return key
    }

    private func open(_ session: inout Session) -> Bool {
        if session.engine != nil { return true }
        guard let engine = selat_ENGINE_by_id("pkcs11") else { return false }
        // Its own words would go to stderr past every log.
        let isReady =
            selat_ENGINE_command(engine, "QUIET", nil) == 1
            && selat_ENGINE_command(engine, "MODULE_PATH", module) == 1
            && pin.withTerminatedText { selat_ENGINE_command(engine, "PIN", $0) == 1 }
            && selat_ENGINE_init(engine) == 1
        guard isReady else {
            selat_ENGINE_free(engine)
            return false
        }
        session.engine = engine
        return true
    }

    /// Ends the module's session: what was logged in is logged out.
    private func close(_ session: inout Session) {
        for key in session.keys.values { EVP_PKEY_free(key) }
        session.keys = [:]
        guard let engine = session.engine else { return }
        selat_ENGINE_finish(engine)
        selat_ENGINE_free(engine)
        session.engine = nil
    }

    /// Whether the error queue says that the PIN is wrong, or the token locked; kept as the fault.
    private static func isPINRefused(_ session: inout Session) -> Bool {
        if case .tokenPINRefused = session.fault { return true }
        let code = ERR_peek_error()
        guard code != 0, let library = ERR_lib_error_string(code),
            String(cString: library) == "PKCS#11 module",
            pinRefusals.contains(ERR_GET_REASON(code))
        else { return false }
        session.fault = .tokenPINRefused(CryptoError.drain().first ?? "")
        return true
    }

    /// CKR_PIN_INCORRECT, _INVALID, _LEN_RANGE, _EXPIRED, _LOCKED (PKCS#11 3.0, pkcs11t.h).
    private static let pinRefusals: ClosedRange<Int32> = 0xA0...0xA4

    deinit { session.withLock { close(&$0) } }
}

/// One key of a token, as the owner of OpenSSL's keys that stand for it.
private final class TokenKey: Sendable {
    let token: Token
    let name: TokenKeyName
    let publicKey: PublicKey

    init(token: Token, name: TokenKeyName, publicKey: PublicKey) {
        (self.token, self.name, self.publicKey) = (token, name, publicKey)
    }

    /// A key that OpenSSL takes for any other and that stays the same however often the token is
    /// opened anew. It holds this object until OpenSSL frees it or its last copy.
    func proxy() throws(CryptoError) -> OpaquePointer {
        let owner = Unmanaged.passRetained(self)
        do throws(CryptoError) {
            return try CryptoError.checked("using a token's key") {
                selat_EVP_PKEY_with_method(
                    publicKey.pointer, Self.method.pointer, Self.index, owner.toOpaque())
            }
        } catch {
            owner.release()
            throw error
        }
    }

    static func of(_ key: OpaquePointer?) -> Unmanaged<TokenKey>? {
        key.flatMap { selat_EC_KEY_owner($0, index) }.map { Unmanaged.fromOpaque($0) }
    }

    private static let index = selat_EC_KEY_new_index()

    /// An `EC_KEY_METHOD`, made once; OpenSSL calls it from whatever thread computes.
    // SAFETY: never changed after it was made, and never freed.
    private struct Method: @unchecked Sendable {
        let pointer: OpaquePointer
    }

    private static let method: Method = {
        let made = selat_EC_KEY_METHOD_new(
            { digest, count, _, _, key in
                TokenKey.of(key)?.takeUnretainedValue().sign(digest, count)
            },
            { secret, count, peer, key in
                let owner = TokenKey.of(key)?.takeUnretainedValue()
                return owner?.agree(with: peer, secret, count) == true ? 1 : 0
            },
            { _, original in
                // OpenSSL has copied the reference to the owner, and knows nothing of counting it.
                _ = TokenKey.of(original)?.retain()
                return 1
            },
            { key in TokenKey.of(key)?.release() })
        guard let made else { preconditionFailure("libcrypto makes no method for keys") }
        return Method(pointer: made)
    }()

    /// An `ECDSA_SIG`, which belongs to whoever gets it.
    // SAFETY: it was made just now, and nobody else has it.
    private struct FreshSignature: @unchecked Sendable {
        let pointer: OpaquePointer
    }

    private func sign(_ digest: UnsafePointer<UInt8>?, _ count: Int32) -> OpaquePointer? {
        let signature: FreshSignature? = token.compute(with: self) { key in
            let made: OpaquePointer? = selat_ECDSA_do_sign(digest, count, key)
            return made.map { FreshSignature(pointer: $0) }
        }
        return signature?.pointer
    }

    /// - Parameter secret: gets memory of OpenSSL's, which the caller wipes and frees.
    private func agree(
        with peer: OpaquePointer?, _ secret: UnsafeMutablePointer<UnsafeMutablePointer<UInt8>?>?,
        _ count: UnsafeMutablePointer<Int>?
    ) -> Bool {
        guard let secret, let count, let memory = selat_zalloc(Self.secretBytesMax) else {
            return false
        }
        let written = token.compute(with: self) { key in
            let written = selat_ECDH_compute(memory, Self.secretBytesMax, peer, key)
            return written > 0 ? Int(written) : nil
        }
        guard let written else {
            selat_secure_clear_free(memory, Self.secretBytesMax)
            return false
        }
        secret.pointee = memory.assumingMemoryBound(to: UInt8.self)
        count.pointee = written
        return true
    }

    /// A coordinate of the largest curve that Selat uses, and more.
    private static let secretBytesMax = 66
}

extension PublicKey {
    /// Whether a key has this public part.
    fileprivate func isPublic(of key: OpaquePointer) -> Bool {
        DER.encoding { cursor in i2d_PUBKEY(key, cursor) } == spki
    }
}

extension Secret {
    /// The bytes as C text; the copy is wiped.
    fileprivate func withTerminatedText(_ body: (UnsafePointer<CChar>) -> Bool) -> Bool {
        withUnsafeBytes { bytes in
            let text = Secret(count: bytes.count + 1) { $0.copyBytes(from: bytes) }
            return text.withUnsafeBytes { text in
                text.baseAddress.map { body($0.assumingMemoryBound(to: CChar.self)) } ?? false
            }
        }
    }
}
