// The limit that sealing is measured against: OpenSSL in a bare loop, and direct writes.
//
// usage: seal_loop INPUT OUTPUT THREADS
// Each thread takes the next MiB, seals it as 64 chunks with AES-256-GCM, hashes what it sealed and
// writes it with O_DIRECT into room that was reserved. It has no order, no tree, no shared blocks (each
// segment is padded to whole blocks), no limits and no errors beyond exit(1).
#define _GNU_SOURCE
#include <fcntl.h>
#include <openssl/evp.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { CHUNK = 16384, SEALED = CHUNK + 16, CHUNKS = 64, SEGMENT = CHUNK * CHUNKS };
enum { ROOM = (SEALED * CHUNKS + 4095) / 4096 * 4096 };

static int input, output;
static long count;
static atomic_long next_segment;
static unsigned char key[32] = {1};
static EVP_CIPHER *cipher;
static EVP_MD *md;

static void must(int ok) { if (!ok) { perror("seal_loop"); exit(1); } }

static void *run(void *unused) {
    (void)unused;
    unsigned char *plain = aligned_alloc(4096, SEGMENT), *sealed = aligned_alloc(4096, ROOM);
    unsigned char nonce[12] = {0}, digest[32];
    EVP_CIPHER_CTX *gcm = EVP_CIPHER_CTX_new();
    EVP_MD_CTX *sha = EVP_MD_CTX_new();
    must(plain && sealed && EVP_CipherInit_ex2(gcm, cipher, key, NULL, 1, NULL));
    for (long segment; (segment = atomic_fetch_add(&next_segment, 1)) < count;) {
        must(pread(input, plain, SEGMENT, segment * SEGMENT) == SEGMENT);
        must(EVP_DigestInit_ex2(sha, md, NULL));
        for (long i = 0; i < CHUNKS; i++) {
            long number = segment * CHUNKS + i;
            memcpy(nonce, &number, sizeof number);
            unsigned char *out = sealed + i * SEALED;
            int n;
            must(EVP_CipherInit_ex2(gcm, NULL, NULL, nonce, -1, NULL));
            must(EVP_CipherUpdate(gcm, out, &n, plain + i * CHUNK, CHUNK));
            must(EVP_CipherFinal_ex(gcm, out + CHUNK, &n));
            must(EVP_CIPHER_CTX_ctrl(gcm, EVP_CTRL_AEAD_GET_TAG, 16, out + CHUNK));
            must(EVP_DigestUpdate(sha, out, SEALED));
        }
        must(EVP_DigestFinal_ex(sha, digest, NULL));
        must(pwrite(output, sealed, ROOM, segment * ROOM) == ROOM);
    }
    return NULL;
}

int main(int argc, char **argv) {
    must(argc == 4);
    struct stat status;
    input = open(argv[1], O_RDONLY);
    output = open(argv[2], O_WRONLY | O_CREAT | O_TRUNC | O_DIRECT, 0600);
    must(input >= 0 && output >= 0 && fstat(input, &status) == 0);
    count = status.st_size / SEGMENT;
    must(posix_fallocate(output, 0, count * (long)ROOM) == 0);
    cipher = EVP_CIPHER_fetch(NULL, "AES-256-GCM", NULL);
    md = EVP_MD_fetch(NULL, "SHA256", NULL);
    int threads = atoi(argv[3]);
    pthread_t ids[64];
    for (int i = 0; i < threads; i++) must(pthread_create(&ids[i], NULL, run, NULL) == 0);
    for (int i = 0; i < threads; i++) pthread_join(ids[i], NULL);
    must(fsync(output) == 0);
    return 0;
}
