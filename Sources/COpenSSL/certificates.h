#pragma once
#include <openssl/asn1.h>
#include <openssl/bio.h>
#include <openssl/cms.h>
#include <openssl/ec.h>
#include <openssl/ess.h>
#include <openssl/pem.h>
#include <openssl/pkcs12.h>
#include <openssl/x509.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>

static inline long selat_BIO_get_mem_data(BIO *bio, char **data) {
    return BIO_get_mem_data(bio, data);
}

static inline STACK_OF(X509) *selat_sk_X509_new(void) { return sk_X509_new_null(); }

static inline int selat_sk_X509_push(STACK_OF(X509) *stack, X509 *certificate) {
    return sk_X509_push(stack, certificate);
}

static inline int selat_sk_X509_num(const STACK_OF(X509) *stack) { return sk_X509_num(stack); }

static inline X509 *selat_sk_X509_value(const STACK_OF(X509) *stack, int index) {
    return sk_X509_value(stack, index);
}

static inline void selat_sk_X509_free(STACK_OF(X509) *stack) { sk_X509_free(stack); }

static inline CMS_RecipientInfo *selat_CMS_only_recipient(CMS_ContentInfo *cms) {
    STACK_OF(CMS_RecipientInfo) *recipients = CMS_get0_RecipientInfos(cms);
    return sk_CMS_RecipientInfo_num(recipients) == 1 ? sk_CMS_RecipientInfo_value(recipients, 0)
                                                     : NULL;
}
