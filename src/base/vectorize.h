#pragma once

// SAESWEEP_VECTORIZED before a function: compiled for AVX-512, for AVX2 with FMA and for any processor, and chosen
// when the program starts. Sanitizers start before that choice can be made, so they get one version.
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__) && !defined(__SANITIZE_ADDRESS__) && \
    !defined(__SANITIZE_THREAD__)
#define SAESWEEP_VECTORIZED __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define SAESWEEP_VECTORIZED
#endif
