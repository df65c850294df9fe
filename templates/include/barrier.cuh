// Transaction barriers in shared memory (PTX "mbarrier", with the sm_90 byte counts) and clusters.
//
// A phase ends when all expected arrivals and all expected bytes have come; the barrier then re-arms.
// The first phase has parity 0; waiting for parity p returns once the phase of that parity has ended.
#pragma once

#include "launch.cuh"

#if !defined(GLASS_HOST) && defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 900
#define GLASS_HAS_SM90 1
#endif

namespace glass {

struct alignas(8) Barrier {
    u64 state;
};

// Below sm_90 no plan contains such kernels; the bodies only have to compile there.
#if !defined(GLASS_HOST) && !defined(GLASS_HAS_SM90)
GLASS_DEVICE void needs_sm90() { __trap(); }
#endif

#if !defined(GLASS_HOST)
GLASS_DEVICE u32 shared_address(const void* pointer) { return u32(__cvta_generic_to_shared(pointer)); }
#endif

// By one thread, followed by barrier_fence_init() and sync_threads().
GLASS_DEVICE void barrier_init(Barrier& barrier, int count) {
#if defined(GLASS_HOST)
    host::barrier_init(&barrier.state, count);
#elif defined(GLASS_HAS_SM90)
    asm volatile("mbarrier.init.shared::cta.b64 [%0], %1;" ::"r"(shared_address(&barrier)), "r"(count) : "memory");
#else
    needs_sm90();
#endif
}

GLASS_DEVICE void barrier_fence_init() {
#if defined(GLASS_HAS_SM90)
    asm volatile("fence.mbarrier_init.release.cluster;" ::: "memory");
#endif
}

GLASS_DEVICE void barrier_arrive(Barrier& barrier) {
#if defined(GLASS_HOST)
    host::barrier_arrive(&barrier.state, 0);
#elif defined(GLASS_HAS_SM90)
    asm volatile("mbarrier.arrive.shared::cta.b64 _, [%0];" ::"r"(shared_address(&barrier)) : "memory");
#else
    needs_sm90();
#endif
}

// Arrives and adds `bytes` to what this phase waits for.
GLASS_DEVICE void barrier_expect(Barrier& barrier, int bytes) {
#if defined(GLASS_HOST)
    host::barrier_arrive(&barrier.state, bytes);
#elif defined(GLASS_HAS_SM90)
    asm volatile("mbarrier.arrive.expect_tx.shared::cta.b64 _, [%0], %1;" ::"r"(shared_address(&barrier)), "r"(bytes)
                 : "memory");
#else
    needs_sm90();
#endif
}

GLASS_DEVICE void barrier_wait(Barrier& barrier, u32 parity) {
#if defined(GLASS_HOST)
    host::barrier_wait(&barrier.state, parity);
#elif defined(GLASS_HAS_SM90)
    u32 done = 0;
    while (!done) {
        asm volatile(
            "{\n.reg .pred p;\n"
            "mbarrier.try_wait.parity.shared::cta.b64 p, [%1], %2;\n"
            "selp.u32 %0, 1, 0, p;\n}"
            : "=r"(done)
            : "r"(shared_address(&barrier)), "r"(parity)
            : "memory");
    }
#else
    needs_sm90();
#endif
}

// Arrives at the barrier that is where `barrier` is, in block `rank` of the cluster, which must have initialised it. It
// says that what this thread has read may be overwritten, and publishes no writes: an arrival that does waits for all
// of the thread's earlier ones, which took 750 clocks of a k tile on an H200.
GLASS_DEVICE void barrier_arrive_at(Barrier& barrier, int rank) {
#if defined(GLASS_HOST)
    host::barrier_arrive_at(&barrier.state, rank);
#elif defined(GLASS_HAS_SM90)
    asm volatile(
        "{\n.reg .b32 there;\n"
        "mapa.shared::cluster.u32 there, %0, %1;\n"
        "mbarrier.arrive.relaxed.cluster.shared::cluster.b64 _, [there];\n}" ::"r"(shared_address(&barrier)),
        "r"(rank)
        : "memory");
#else
    needs_sm90();
#endif
}

// This block's rank in its cluster; 0 where there are none.
GLASS_DEVICE int cluster_rank() {
#if defined(GLASS_HOST)
    return host::self().block->cluster_rank;
#elif defined(GLASS_HAS_SM90)
    u32 rank;
    asm("mov.u32 %0, %%cluster_ctarank;" : "=r"(rank));
    return int(rank);
#else
    return 0;
#endif
}

// All threads of all blocks of the cluster meet: each arrives once, and goes on; after the wait all have arrived.
GLASS_DEVICE void cluster_arrive() {
#if defined(GLASS_HAS_SM90)
    asm volatile("barrier.cluster.arrive.release.aligned;" ::: "memory");
#endif
}

GLASS_DEVICE void cluster_wait() {
#if defined(GLASS_HOST)
    host::sync_cluster();
#elif defined(GLASS_HAS_SM90)
    asm volatile("barrier.cluster.wait.acquire.aligned;" ::: "memory");
#else
    needs_sm90();
#endif
}

GLASS_DEVICE void cluster_sync() {
    cluster_arrive();
    cluster_wait();
}

// Stores `value` (of 4, 8 or 16 bytes) where `own` is, in the shared memory of block `rank` of the cluster, and counts its
// bytes at `barrier` there. That block must have initialised it; the store is seen by who has waited for the bytes.
template <class T>
GLASS_DEVICE void cluster_store(void* own, int rank, Barrier& barrier, T value) {
    static_assert(sizeof(T) == 4 || sizeof(T) == 8 || sizeof(T) == 16, "a store has one, two or four words");
#if defined(GLASS_HOST)
    host::cluster_store(own, rank, &barrier.state, &value, sizeof(T));
#elif defined(GLASS_HAS_SM90)
    u32 to, at;
    asm("mapa.shared::cluster.u32 %0, %1, %2;" : "=r"(to) : "r"(shared_address(own)), "r"(rank));
    asm("mapa.shared::cluster.u32 %0, %1, %2;" : "=r"(at) : "r"(shared_address(&barrier)), "r"(rank));
    const auto words = bit_cast<Vec<u32, sizeof(T) / 4>>(value);
    if constexpr (sizeof(T) == 16) {
        asm volatile("st.async.weak.shared::cluster.mbarrier::complete_tx::bytes.v4.b32 [%0], {%2, %3, %4, %5}, [%1];"
                     ::"r"(to), "r"(at), "r"(words[0]), "r"(words[1]), "r"(words[2]), "r"(words[3])
                     : "memory");
    } else if constexpr (sizeof(T) == 8) {
        asm volatile("st.async.weak.shared::cluster.mbarrier::complete_tx::bytes.v2.b32 [%0], {%2, %3}, [%1];"
                     ::"r"(to), "r"(at), "r"(words[0]), "r"(words[1])
                     : "memory");
    } else {
        asm volatile("st.async.weak.shared::cluster.mbarrier::complete_tx::bytes.b32 [%0], %2, [%1];"
                     ::"r"(to), "r"(at), "r"(words[0])
                     : "memory");
    }
#else
    needs_sm90();
#endif
}

// Copies `bytes`, a multiple of 16, from this block's shared memory to where `own` is in that of block `rank` of the
// cluster, and counts them at `barrier` there, as cluster_store does. Both addresses are multiples of 16. What this block
// wrote before fence_proxy_async() is copied; it must stay until the bytes have been waited for.
GLASS_DEVICE void cluster_copy(void* own, int rank, Barrier& barrier, const void* from, int bytes) {
#if defined(GLASS_HOST)
    host::cluster_copy(own, rank, &barrier.state, from, bytes);
#elif defined(GLASS_HAS_SM90)
    asm volatile(
        "{\n.reg .b32 to, at;\n"
        "mapa.shared::cluster.u32 to, %0, %3;\n"
        "mapa.shared::cluster.u32 at, %1, %3;\n"
        "cp.async.bulk.shared::cluster.shared::cta.mbarrier::complete_tx::bytes [to], [%2], %4, [at];\n}"
        ::"r"(shared_address(own)), "r"(shared_address(&barrier)), "r"(shared_address(from)), "r"(rank), "r"(bytes)
        : "memory");
#else
    needs_sm90();
#endif
}

}  // namespace glass
