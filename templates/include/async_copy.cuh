// cp.async: copies from global to shared memory that land at their wait (PTX "cp.async", sm_80).
#pragma once

#include "memory.cuh"

namespace glass {

// Copies BYTES (4, 8 or 16) from element `element` of p to `shared`; writes zeros and reads nothing
// when not `valid`. Both addresses are aligned to BYTES.
template <int BYTES, class T>
GLASS_DEVICE void cp_async(void* shared, Input<T> p, i64 element, bool valid) {
    static_assert(BYTES == 4 || BYTES == 8 || BYTES == 16, "cp.async moves 4, 8 or 16 bytes");
#if defined(GLASS_HOST)
    host::check_shared(shared, BYTES, BYTES, "cp_async");
    const T* source = valid ? vector_address<BYTES>(p, element, BYTES / int(sizeof(T)), "read") : nullptr;
    host::copy_async(shared, source, BYTES);
#else
    const u32 target = u32(__cvta_generic_to_shared(shared));
    const T* source = valid ? p + element : p;
    const int present = valid ? BYTES : 0;
    if constexpr (BYTES == 16) {
        asm volatile("cp.async.cg.shared.global.L2::128B [%0], [%1], 16, %2;" ::"r"(target), "l"(source), "r"(present)
                     : "memory");
    } else {
        asm volatile("cp.async.ca.shared.global [%0], [%1], %2, %3;" ::"r"(target), "l"(source), "n"(BYTES),
                     "r"(present)
                     : "memory");
    }
#endif
}

// Closes the group of copies made since the last commit.
GLASS_DEVICE void cp_async_commit() {
#if defined(GLASS_HOST)
    host::copy_async_commit();
#else
    asm volatile("cp.async.commit_group;" ::: "memory");
#endif
}

// Waits until at most PENDING of the newest groups are under way.
template <int PENDING>
GLASS_DEVICE void cp_async_wait() {
#if defined(GLASS_HOST)
    host::copy_async_wait(PENDING);
#else
    asm volatile("cp.async.wait_group %0;" ::"n"(PENDING) : "memory");
#endif
}

}  // namespace glass
