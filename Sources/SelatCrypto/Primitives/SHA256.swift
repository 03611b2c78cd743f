import COpenSSL
import Glibc
package import SelatCore

/// SHA-256 (FIPS 180-4), all at once or piece by piece.
package struct SHA256: ~Copyable {
    let context: OpaquePointer

    package init() {
        guard let context = EVP_MD_CTX_new() else {
            preconditionFailure("out of memory for a digest")
        }
        self.context = context
        restart()
    }

    deinit { EVP_MD_CTX_free(context) }

    package mutating func update(_ bytes: some Collection<UInt8>) {
        withContiguousBytes(bytes) { update(raw: $0) }
    }

    package mutating func update(_ bytes: RawSpan) {
        bytes.withUnsafeBytes { update(raw: $0) }
    }

    /// The digest of all that was given since the beginning or the last call; starts anew.
    package mutating func finish() -> Digest {
        let digest = Self.finish(context)
        restart()
        return digest
    }

    private func restart() { Self.start(context) }

    private mutating func update(raw bytes: UnsafeRawBufferPointer) {
        Self.update(context, bytes)
    }

    /// The digest of `bytes`.
    package static func digest(_ bytes: some Collection<UInt8>) -> Digest {
        withContiguousBytes(bytes) { (raw: UnsafeRawBufferPointer) in
            let context = ThreadDigest.context()
            start(context)
            update(context, raw)
            return finish(context)
        }
    }

    /// The digest of `first ‖ second ‖ third`, where they lie.
    package static func digest(
        _ first: RawSpan, _ second: RawSpan = RawSpan(), _ third: RawSpan = RawSpan()
    ) -> Digest {
        let context = ThreadDigest.context()
        start(context)
        first.withUnsafeBytes { update(context, $0) }
        if !second.isEmpty { second.withUnsafeBytes { update(context, $0) } }
        if !third.isEmpty { third.withUnsafeBytes { update(context, $0) } }
        return finish(context)
    }

    // The three steps fail only when libcrypto is broken or memory is out; a digest that is not one
    // must never be returned.

    static func start(_ context: OpaquePointer) {
        let started = EVP_DigestInit_ex2(context, Fetched.sha256.pointer, nil)
        precondition(started == 1, "SHA-256 does not start")
    }

    static func update(_ context: OpaquePointer, _ bytes: UnsafeRawBufferPointer) {
        let updated = EVP_DigestUpdate(context, bytes.baseAddress, bytes.count)
        precondition(updated == 1, "SHA-256 does not take bytes")
    }

    static func finish(_ context: OpaquePointer) -> Digest {
        Digest { storage in
            let finished = EVP_DigestFinal_ex(
                context, storage.baseAddress?.assumingMemoryBound(to: UInt8.self), nil)
            precondition(finished == 1, "SHA-256 does not finish")
        }
    }
}

/// One digest context for each thread, since making one costs as much as hashing a tree node.
enum ThreadDigest {
    private static let key: pthread_key_t = {
        var key = pthread_key_t()
        let made = pthread_key_create(&key) { context in
            if let context { EVP_MD_CTX_free(OpaquePointer(context)) }
        }
        precondition(made == 0, "no thread-specific storage is left")
        return key
    }()

    /// The calling thread's context, to be used up before anything else on this thread hashes.
    static func context() -> OpaquePointer {
        if let context = pthread_getspecific(key) { return OpaquePointer(context) }
        guard let context = EVP_MD_CTX_new(),
            pthread_setspecific(key, UnsafeRawPointer(context)) == 0
        else { preconditionFailure("out of memory for a digest") }
        return context
    }
}
