#include "glass.cuh"
using namespace glass;

GLASS_KERNEL(128, 1) math_unary_f64(Input<f64> x, Output<f64> y, const int n) {
    const i64 i = i64(block_x()) * threads_x() + thread_x();
    if (i >= n) return;
    const f64 v = load(x, i);
    int row = 0;
    store(y, i64(row++) * n + i, m_exp(v));
    store(y, i64(row++) * n + i, m_exp2(v));
    store(y, i64(row++) * n + i, m_expm1(v));
    store(y, i64(row++) * n + i, m_log(v));
    store(y, i64(row++) * n + i, m_log2(v));
    store(y, i64(row++) * n + i, m_log1p(v));
    store(y, i64(row++) * n + i, m_sqrt(v));
    store(y, i64(row++) * n + i, m_rsqrt(v));
    store(y, i64(row++) * n + i, m_reciprocal(v));
    store(y, i64(row++) * n + i, m_sin(v));
    store(y, i64(row++) * n + i, m_cos(v));
    store(y, i64(row++) * n + i, m_tan(v));
    store(y, i64(row++) * n + i, m_asin(v));
    store(y, i64(row++) * n + i, m_acos(v));
    store(y, i64(row++) * n + i, m_atan(v));
    store(y, i64(row++) * n + i, m_sinh(v));
    store(y, i64(row++) * n + i, m_cosh(v));
    store(y, i64(row++) * n + i, m_tanh(v));
    store(y, i64(row++) * n + i, m_asinh(v));
    store(y, i64(row++) * n + i, m_acosh(v));
    store(y, i64(row++) * n + i, m_atanh(v));
    store(y, i64(row++) * n + i, m_erf(v));
    store(y, i64(row++) * n + i, m_sigmoid(v));
    store(y, i64(row++) * n + i, m_softplus(v));
    store(y, i64(row++) * n + i, m_floor(v));
    store(y, i64(row++) * n + i, m_ceil(v));
    store(y, i64(row++) * n + i, m_trunc(v));
    store(y, i64(row++) * n + i, m_round(v));
    store(y, i64(row++) * n + i, m_abs(v));
    store(y, i64(row++) * n + i, m_neg(v));
    store(y, i64(row++) * n + i, m_sign(v));
}
