#pragma once
#include <malloc.h>
#include <openssl/crypto.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/resource.h>

// Variadic: no dump of this process, whatever the system's core pattern says, and no other process
// of the same user reads its memory.
static inline int selat_forbid_dumps(void) {
    struct rlimit none = {0, 0};
    return setrlimit(RLIMIT_CORE, &none) == 0 && prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) == 0;
}

// Freed pages of the heap, also those amid what is in use, go back to the system. GNU's library alone has it.
static inline void selat_trim_heap(void) {
#ifdef __GLIBC__
    malloc_trim(0);
#endif
}

// Blocks below `smallest` come from the heap, which gives nothing back by itself: a library that maps each large
// buffer, or shrinks the heap with each that is freed, pays a fault for each of its pages the next time.
static inline void selat_keep_freed_blocks(size_t smallest) {
#ifdef __GLIBC__
    mallopt(M_MMAP_THRESHOLD, (int)smallest);
    mallopt(M_TRIM_THRESHOLD, 1 << 30);
#endif
}

// Macros, with the place of the call.
static inline void *selat_secure_zalloc(size_t count) { return OPENSSL_secure_zalloc(count); }

static inline void *selat_zalloc(size_t count) { return OPENSSL_zalloc(count); }

static inline void selat_secure_clear_free(void *memory, size_t count) {
    OPENSSL_secure_clear_free(memory, count);
}
