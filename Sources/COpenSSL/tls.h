#pragma once
#include <openssl/bio.h>
#include <openssl/ssl.h>

static inline int selat_SSL_CTX_only_tls13(SSL_CTX *context) {
    return SSL_CTX_set_min_proto_version(context, TLS1_3_VERSION) == 1 &&
           SSL_CTX_set_max_proto_version(context, TLS1_3_VERSION) == 1;
}

static inline void selat_SSL_CTX_no_session_cache(SSL_CTX *context) {
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
}

static inline int selat_SSL_CTX_set1_groups_list(SSL_CTX *context, const char *names) {
    return (int)SSL_CTX_set1_groups_list(context, (char *)names);
}

static inline int selat_SSL_CTX_set1_sigalgs_list(SSL_CTX *context, const char *names) {
    return (int)SSL_CTX_set1_sigalgs_list(context, (char *)names);
}

static inline int selat_SSL_CTX_add1_chain_cert(SSL_CTX *context, X509 *certificate) {
    return (int)SSL_CTX_add1_chain_cert(context, certificate);
}

static inline void selat_SSL_CTX_set_max_cert_list(SSL_CTX *context, long bytes) {
    SSL_CTX_set_max_cert_list(context, bytes);
}

static inline void selat_BIO_set_retry_read(BIO *bio) { BIO_set_retry_read(bio); }

static inline void selat_BIO_clear_retry_flags(BIO *bio) { BIO_clear_retry_flags(bio); }
