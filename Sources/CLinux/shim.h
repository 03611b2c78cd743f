#ifndef SELAT_CLINUX_H
#define SELAT_CLINUX_H

#include <sys/vfs.h>

// Which file system a file lies on, as statfs(2) numbers them; -1 where the system does not say. Swift's own module
// of the C library leaves the header out.
static inline long selat_file_system(int descriptor) {
    struct statfs system;
    return fstatfs(descriptor, &system) == 0 ? (long)system.f_type : -1;
}

#endif
