#include "glass.cuh"
using namespace glass;

GLASS_KERNEL(128, 1) math_binary(Input<f32> x, Input<f32> z, Output<f32> y, const int n) {
    const i64 i = i64(block_x()) * threads_x() + thread_x();
    if (i >= n) return;
    const f32 v = load(x, i), w = load(z, i);
    int row = 0;
    store(y, i64(row++) * n + i, m_add(v, w));
    store(y, i64(row++) * n + i, m_sub(v, w));
    store(y, i64(row++) * n + i, m_mul(v, w));
    store(y, i64(row++) * n + i, m_div(v, w));
    store(y, i64(row++) * n + i, m_pow(v, w));
    store(y, i64(row++) * n + i, m_mod(v, w));
    store(y, i64(row++) * n + i, m_fmod(v, w));
    store(y, i64(row++) * n + i, m_atan2(v, w));
    store(y, i64(row++) * n + i, m_max(v, w));
    store(y, i64(row++) * n + i, m_min(v, w));
    store(y, i64(row++) * n + i, m_fma(v, w, 0.0f));
}
