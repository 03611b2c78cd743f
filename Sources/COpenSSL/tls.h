#pragma once
#include <openssl/bio.h>
#include <openssl/ssl.h>
