#include "glass.cuh"
using namespace glass;

GLASS_KERNEL(128, 1) math_tests(Input<f32> x, Output<bool> y, const int n) {
    const i64 i = i64(block_x()) * threads_x() + thread_x();
    if (i >= n) return;
    const f32 v = load(x, i);
    store(y, i, m_isnan(v));
    store(y, i64(n) + i, m_isinf(v));
    store(y, 2 * i64(n) + i, m_isposinf(v));
    store(y, 3 * i64(n) + i, m_isneginf(v));
    store(y, 4 * i64(n) + i, m_max(v > 0.0f, v < 1.0f));
    store(y, 5 * i64(n) + i, m_min(v > 0.0f, v < 1.0f));
}
