#pragma once
#include <openssl/ec.h>
#include <openssl/engine.h>
#include <openssl/evp.h>

// Engines and EC key methods are deprecated since OpenSSL 3.0, and the only way to a PKCS#11 token
// that Debian 12 ships; Swift calls them through here, so that the warnings end here.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"

typedef ECDSA_SIG *selat_sign_digest(const unsigned char *digest, int count, const BIGNUM *inverse,
                                     const BIGNUM *r, EC_KEY *key);
typedef int selat_agree(unsigned char **secret, size_t *count, const EC_POINT *peer,
                        const EC_KEY *key);
typedef int selat_copied(EC_KEY *copy, const EC_KEY *original);
typedef void selat_freed(EC_KEY *key);

static inline ENGINE *selat_ENGINE_by_id(const char *id) {
    // The built-in engines are not wanted: one of them is a random generator.
    OPENSSL_init_crypto(OPENSSL_INIT_ENGINE_DYNAMIC, NULL);
    return ENGINE_by_id(id);
}

static inline int selat_ENGINE_command(ENGINE *engine, const char *name, const char *value) {
    return ENGINE_ctrl_cmd_string(engine, name, value, 0);
}

static inline int selat_ENGINE_init(ENGINE *engine) { return ENGINE_init(engine); }

static inline void selat_ENGINE_finish(ENGINE *engine) { ENGINE_finish(engine); }

static inline void selat_ENGINE_free(ENGINE *engine) { ENGINE_free(engine); }

// The engine puts a functional reference to itself into the key and keeps the key: as long as that
// is there it never finishes, and never asks the token anew. Keys of this file are used through
// their EC_KEY alone, which needs none.
static inline EVP_PKEY *selat_ENGINE_load_private_key(ENGINE *engine, const char *name) {
    EVP_PKEY *key = ENGINE_load_private_key(engine, name, NULL, NULL);
    if (key != NULL) EVP_PKEY_set1_engine(key, NULL);
    return key;
}

// A method for keys that compute elsewhere; the two OpenSSL functions that are not asked for stay
// OpenSSL's own.
static inline EC_KEY_METHOD *selat_EC_KEY_METHOD_new(selat_sign_digest *sign, selat_agree *agree,
                                                     selat_copied *copied, selat_freed *freed) {
    int (*whole)(int, const unsigned char *, int, unsigned char *, unsigned int *, const BIGNUM *,
                 const BIGNUM *, EC_KEY *) = NULL;
    int (*setup)(EC_KEY *, BN_CTX *, BIGNUM **, BIGNUM **) = NULL;
    EC_KEY_METHOD *method = EC_KEY_METHOD_new(EC_KEY_OpenSSL());
    if (method == NULL) return NULL;
    EC_KEY_METHOD_get_sign(method, &whole, &setup, NULL);
    EC_KEY_METHOD_set_sign(method, whole, setup, sign);
    EC_KEY_METHOD_set_compute_key(method, agree);
    EC_KEY_METHOD_set_init(method, NULL, freed, copied, NULL, NULL, NULL);
    return method;
}

// A key with the public part of `public_key`, whose private operations are the method's.
static inline EVP_PKEY *selat_EVP_PKEY_with_method(EVP_PKEY *public_key,
                                                   const EC_KEY_METHOD *method, int index,
                                                   void *owner) {
    EC_KEY *key = EVP_PKEY_get1_EC_KEY(public_key);
    EC_KEY *made = key == NULL ? NULL : EC_KEY_new();
    EVP_PKEY *result = NULL;
    if (made != NULL && EC_KEY_set_group(made, EC_KEY_get0_group(key)) == 1 &&
        EC_KEY_set_public_key(made, EC_KEY_get0_public_key(key)) == 1 &&
        EC_KEY_set_method(made, method) == 1 && (result = EVP_PKEY_new()) != NULL) {
        // Last, because from here on freeing the key tells the owner.
        if (EVP_PKEY_set1_EC_KEY(result, made) != 1 || EC_KEY_set_ex_data(made, index, owner) != 1) {
            EVP_PKEY_free(result);
            result = NULL;
        }
    }
    EC_KEY_free(made);
    EC_KEY_free(key);
    return result;
}

static inline int selat_EC_KEY_new_index(void) {
    return CRYPTO_get_ex_new_index(CRYPTO_EX_INDEX_EC_KEY, 0, NULL, NULL, NULL, NULL);
}

static inline void *selat_EC_KEY_owner(const EC_KEY *key, int index) {
    return EC_KEY_get_ex_data(key, index);
}

static inline ECDSA_SIG *selat_ECDSA_do_sign(const unsigned char *digest, int count,
                                             EVP_PKEY *key) {
    EC_KEY *inner = (EC_KEY *)EVP_PKEY_get0_EC_KEY(key);
    return inner == NULL ? NULL : ECDSA_do_sign(digest, count, inner);
}

static inline int selat_ECDH_compute(void *secret, size_t count, const EC_POINT *peer,
                                     EVP_PKEY *key) {
    const EC_KEY *inner = EVP_PKEY_get0_EC_KEY(key);
    return inner == NULL ? -1 : ECDH_compute_key(secret, count, peer, inner, NULL);
}

#pragma GCC diagnostic pop
