// The limit that SelatTLSBenchmark is measured against: two threads, one loopback connection, a bare
// SSL_write loop and a bare SSL_read loop over libssl's own socket BIO, same version and cipher.
//
// cc -O2 -o tls_loop tls_loop.c -lssl -lcrypto -lpthread && ./tls_loop BYTES

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static unsigned long long total;
static size_t piece_bytes = 16384;

static void fail(const char *what) {
    fprintf(stderr, "tls_loop: %s\n", what);
    exit(1);
}

static SSL_CTX *make_context(EVP_PKEY *key, X509 *certificate) {
    SSL_CTX *context = SSL_CTX_new(TLS_method());
    SSL_CTX_set_min_proto_version(context, TLS1_3_VERSION);
    SSL_CTX_set_ciphersuites(context, "TLS_AES_256_GCM_SHA384");
    SSL_CTX_set_num_tickets(context, 0);
    if (SSL_CTX_use_certificate(context, certificate) != 1 ||
        SSL_CTX_use_PrivateKey(context, key) != 1)
        fail("identity");
    return context;
}

static X509 *self_signed(EVP_PKEY *key) {
    X509 *certificate = X509_new();
    X509_set_version(certificate, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1);
    X509_gmtime_adj(X509_getm_notBefore(certificate), -60);
    X509_gmtime_adj(X509_getm_notAfter(certificate), 3600);
    X509_set_pubkey(certificate, key);
    if (X509_sign(certificate, key, EVP_sha256()) == 0) fail("signing");
    return certificate;
}

struct end {
    SSL_CTX *context;
    int descriptor;
};

static void *receive(void *argument) {
    struct end *end = argument;
    SSL *connection = SSL_new(end->context);
    SSL_set_fd(connection, end->descriptor);
    if (SSL_accept(connection) != 1) fail("accept");
    char *piece = malloc(piece_bytes);
    unsigned long long received = 0;
    size_t count;
    while (received < total) {
        if (SSL_read_ex(connection, piece, piece_bytes, &count) != 1) fail("read");
        received += count;
    }
    SSL_write(connection, "k", 1);
    return NULL;
}

int main(int count, char **arguments) {
    total = count > 1 ? strtoull(arguments[1], NULL, 10) : 4ULL << 30;
    if (count > 2) piece_bytes = strtoull(arguments[2], NULL, 10);
    EVP_PKEY *key = EVP_EC_gen("P-256");
    SSL_CTX *context = make_context(key, self_signed(key));

    int listener = socket(AF_INET, SOCK_STREAM, 0), one = 1;
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    if (bind(listener, (struct sockaddr *)&address, size) || listen(listener, 1) ||
        getsockname(listener, (struct sockaddr *)&address, &size))
        fail("listen");
    int dialled = socket(AF_INET, SOCK_STREAM, 0);
    if (connect(dialled, (struct sockaddr *)&address, size)) fail("connect");
    struct end end = {context, accept(listener, NULL, NULL)};
    setsockopt(dialled, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);

    pthread_t thread;
    pthread_create(&thread, NULL, receive, &end);
    SSL *connection = SSL_new(context);
    SSL_set_fd(connection, dialled);
    if (SSL_connect(connection) != 1) fail("handshake");

    char *piece = calloc(1, piece_bytes);
    struct timespec begin, finish;
    clock_gettime(CLOCK_MONOTONIC, &begin);
    size_t written;
    for (unsigned long long sent = 0; sent < total; sent += written)
        if (SSL_write_ex(connection, piece, piece_bytes, &written) != 1) fail("write");
    SSL_read(connection, piece, 1);
    clock_gettime(CLOCK_MONOTONIC, &finish);
    pthread_join(thread, NULL);
    double seconds =
        (double)(finish.tv_sec - begin.tv_sec) + (double)(finish.tv_nsec - begin.tv_nsec) / 1e9;
    printf("%.3f\n", seconds);
    return 0;
}
