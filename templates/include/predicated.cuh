// Loads that some threads leave out. Behind a branch for each the compiler computes every address anew, and takes
// long; these are single instructions under a predicate.
#pragma once

#include "packed.cuh"
#include "wide.cuh"

namespace glass {

#if !defined(GLASS_HOST)

GLASS_DEVICE void load_word_if(bool wanted, unsigned int& to, const unsigned int* from) {
    asm volatile("{\n.reg .pred wanted;\nsetp.ne.u32 wanted, %2, 0;\n@wanted ld.global.u32 %0, [%1];\n}"
                 : "+r"(to)
                 : "l"(__cvta_generic_to_global(from)), "r"(unsigned(wanted)));
}
GLASS_DEVICE void load_word_if(bool wanted, uint2& to, const uint2* from) {
    asm volatile("{\n.reg .pred wanted;\nsetp.ne.u32 wanted, %3, 0;\n@wanted ld.global.v2.u32 {%0, %1}, [%2];\n}"
                 : "+r"(to.x), "+r"(to.y)
                 : "l"(__cvta_generic_to_global(from)), "r"(unsigned(wanted)));
}
GLASS_DEVICE void load_word_if(bool wanted, uint4& to, const uint4* from) {
    asm volatile(
        "{\n.reg .pred wanted;\nsetp.ne.u32 wanted, %5, 0;\n@wanted ld.global.v4.u32 {%0, %1, %2, %3}, [%4];\n}"
        : "+r"(to.x), "+r"(to.y), "+r"(to.z), "+r"(to.w)
        : "l"(__cvta_generic_to_global(from)), "r"(unsigned(wanted)));
}

#endif

// N elements into `to`, which stays as it is unless WANTED.
template <int N, class T>
GLASS_DEVICE void load_wide_if(bool wanted, Vec<T, N>& to, Input<T> p, i64 i) {
#if !defined(GLASS_HOST)
    constexpr int BYTES = sizeof(T) * N;
    if constexpr (BYTES == 4 || BYTES == 8 || BYTES == 16) {
        using Word = WordOf<T, N>;
        load_word_if(wanted, *reinterpret_cast<Word*>(&to), reinterpret_cast<const Word*>(p + i));
        return;
    }
#endif
    if (wanted) to = load_wide<N>(p, i);
}

// The same for words that are not taken apart.
template <int N, class T>
GLASS_DEVICE void load_packed_if(bool wanted, Packed<T, N>& to, Input<T> p, i64 i) {
#if defined(GLASS_HOST)
    if (wanted) to = load_packed<N>(p, i);
#else
    using Word = WordOf<T, N>;
    load_word_if(wanted, *reinterpret_cast<Word*>(&to), reinterpret_cast<const Word*>(p + i));
#endif
}

}  // namespace glass
