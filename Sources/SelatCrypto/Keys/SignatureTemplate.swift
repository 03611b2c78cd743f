import COpenSSL
import Synchronization

/// A context that one key has made ready to sign, or to verify, from which each use takes a copy: to make one
/// ready walks OpenSSL's tables of names, and costs ten times as much.
struct SignatureTemplate: ~Copyable {
    private let made = AtomicLazyReference<ReadyContext>()

    /// Makes `context` ready for one message, once.
    /// - Parameters:
    ///   - context: new.
    ///   - start: `EVP_DigestSignInit` or `EVP_DigestVerifyInit` with the key, always the same.
    /// - Returns: whether it is ready; the error queue says why not.
    func prepare(_ context: OpaquePointer, _ start: (OpaquePointer) -> Int32) -> Bool {
        if let ready = ready(start).pointer {
            if EVP_MD_CTX_copy_ex(context, ready) == 1 { return true }
            EVP_MD_CTX_reset(context)
        }
        return start(context) == 1
    }

    private func ready(_ start: (OpaquePointer) -> Int32) -> ReadyContext {
        if let ready = made.load() { return ready }
        // Where two make one at once, that of the first stays.
        return made.storeIfNil(ReadyContext(start))
    }
}

/// A context that was started and took no message.
// SAFETY: never changed after `init`. OpenSSL only reads what it copies, and counts references atomically.
private final class ReadyContext: @unchecked Sendable {
    /// Nil where the key's provider gives no copies, or the context did not start.
    let pointer: OpaquePointer?

    init(_ start: (OpaquePointer) -> Int32) {
        guard let context = EVP_MD_CTX_new() else {
            pointer = nil
            return
        }
        guard start(context) == 1, Self.canBeCopied(context) else {
            ERR_clear_error()
            EVP_MD_CTX_free(context)
            pointer = nil
            return
        }
        // Each copy serves one message: OpenSSL need not copy it once more to end it.
        EVP_MD_CTX_set_flags(context, EVP_MD_CTX_FLAG_FINALISE)
        pointer = context
    }

    deinit { EVP_MD_CTX_free(pointer) }

    private static func canBeCopied(_ context: OpaquePointer) -> Bool {
        guard let copy = EVP_MD_CTX_new() else { return false }
        defer { EVP_MD_CTX_free(copy) }
        return EVP_MD_CTX_copy_ex(copy, context) == 1
    }
}
