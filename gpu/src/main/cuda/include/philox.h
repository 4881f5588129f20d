// Philox4x32-10 (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", 2011): four words that
// depend on counter and key alone. The same words as io.millrace.gpu.sampling.Philox.
#pragma once

__device__ __forceinline__ uint4 philox(unsigned c0, unsigned c1, unsigned c2, unsigned c3,
                                        unsigned k0, unsigned k1) {
#pragma unroll
    for (int round = 0; round < 10; round++) {
        // One instruction each; __umulhi and a multiplication would be two, of which one is slow.
        unsigned long long first = (unsigned long long)c0 * 0xD2511F53u;
        unsigned long long second = (unsigned long long)c2 * 0xCD9E8D57u;
        c0 = (unsigned)(second >> 32) ^ c1 ^ k0;
        c2 = (unsigned)(first >> 32) ^ c3 ^ k1;
        c1 = (unsigned)second;
        c3 = (unsigned)first;
        k0 += 0x9E3779B9u;
        k1 += 0xBB67AE85u;
    }
    return make_uint4(c0, c1, c2, c3);
}
