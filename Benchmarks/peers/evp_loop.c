// What OpenSSL alone takes for one small dataset of suite 1 with its receipt, both ends together: no CMS, no
// JSON, no disk. Prints microseconds for each.
//
//   sender     two ECDH (a new key, the derivation), a signature, two sealings, a tree of one leaf
//   recipient  a verification, ECDH, two openings, a signature, a log signature
//   sender     a verification, a log verification
//
// usage: evp_loop BYTES COUNT
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define NEED(call) do { if (!(call)) { fprintf(stderr, "evp_loop: %s failed\n", #call); exit(1); } } while (0)

static EVP_PKEY *key(const char *curve) { return EVP_PKEY_Q_keygen(NULL, NULL, "EC", curve); }

static void derive(EVP_PKEY *own, EVP_PKEY *peer) {
    unsigned char secret[64];
    size_t count = sizeof secret;
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new(own, NULL);
    NEED(EVP_PKEY_derive_init(context) == 1 && EVP_PKEY_derive_set_peer(context, peer) == 1);
    NEED(EVP_PKEY_derive(context, secret, &count) == 1);
    EVP_PKEY_CTX_free(context);
}

static size_t sign(EVP_PKEY *key, const EVP_MD *digest, const unsigned char *text, size_t count, unsigned char *out) {
    size_t length = 128;
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    NEED(EVP_DigestSignInit(context, NULL, digest, NULL, key) == 1);
    NEED(EVP_DigestSign(context, out, &length, text, count) == 1);
    EVP_MD_CTX_free(context);
    return length;
}

static void verify(EVP_PKEY *key, const EVP_MD *digest, const unsigned char *text, size_t count,
                   const unsigned char *signature, size_t length) {
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    NEED(EVP_DigestVerifyInit(context, NULL, digest, NULL, key) == 1);
    NEED(EVP_DigestVerify(context, signature, length, text, count) == 1);
    EVP_MD_CTX_free(context);
}

static void crypt(int seals, const unsigned char *in, unsigned char *out, int count, unsigned char *tag) {
    static const unsigned char secret[32], nonce[12];
    int length = 0;
    EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
    NEED(EVP_CipherInit_ex(context, EVP_aes_256_gcm(), NULL, secret, nonce, seals) == 1);
    NEED(EVP_CipherUpdate(context, out, &length, in, count) == 1);
    if (!seals) NEED(EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_SET_TAG, 16, tag) == 1);
    NEED(EVP_CipherFinal_ex(context, out + length, &length) == 1);
    if (seals) NEED(EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_GET_TAG, 16, tag) == 1);
    EVP_CIPHER_CTX_free(context);
}

int main(int count, char **words) {
    if (count != 3) { fprintf(stderr, "usage: evp_loop BYTES COUNT\n"); return 64; }
    int bytes = atoi(words[1]), rounds = atoi(words[2]);
    unsigned char *text = malloc(bytes), *sealed = malloc(bytes + 16), manifest[4096] = {0}, box[4112];
    unsigned char signature[128], note[64], digest[32], tag[16], tag2[16];
    EVP_PKEY *sender = key("P-256"), *recipient = key("P-256"), *log = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
    struct timespec from, to;
    NEED(RAND_bytes(text, bytes) == 1);
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &from);
    for (int round = 0; round < rounds; round++) {
        EVP_PKEY *fresh = key("P-256");
        derive(fresh, recipient);
        crypt(1, text, sealed, bytes, tag);
        crypt(1, manifest, box, sizeof manifest, tag2);
        NEED(EVP_Digest(sealed, bytes, digest, NULL, EVP_sha256(), NULL) == 1);
        size_t length = sign(sender, EVP_sha256(), manifest, sizeof manifest, signature);
        verify(sender, EVP_sha256(), manifest, sizeof manifest, signature, length);
        derive(recipient, fresh);
        crypt(0, box, manifest, sizeof manifest, tag2);
        crypt(0, sealed, text, bytes, tag);
        length = sign(recipient, EVP_sha256(), digest, sizeof digest, signature);
        size_t noted = sign(log, NULL, digest, sizeof digest, note);
        verify(recipient, EVP_sha256(), digest, sizeof digest, signature, length);
        verify(log, NULL, digest, sizeof digest, note, noted);
        EVP_PKEY_free(fresh);
    }
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &to);
    printf("%.1f\n", ((to.tv_sec - from.tv_sec) * 1e9 + (to.tv_nsec - from.tv_nsec)) / 1e3 / rounds);
    return 0;
}
