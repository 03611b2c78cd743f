// The C face of OpenSSL as Swift sees it. Each header below adds inline functions only for macros
// and variadic functions that Swift cannot call; nothing here decides anything.
#pragma once
#include "primitives.h"
#include "memory.h"
#include "certificates.h"
#include "tls.h"
#include "tokens.h"
