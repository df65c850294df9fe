#include "glass.cuh"
using namespace glass;

GLASS_KERNEL(128, 1) math_i8(Input<i8> x, Input<i8> z, Output<i8> y, const int n) {
    const i64 i = i64(block_x()) * threads_x() + thread_x();
    if (i >= n) return;
    const i8 v = load(x, i), w = load(z, i);
    int row = 0;
    store(y, i64(row++) * n + i, m_add(v, w));
    store(y, i64(row++) * n + i, m_sub(v, w));
    store(y, i64(row++) * n + i, m_mul(v, w));
    store(y, i64(row++) * n + i, m_div(v, w));
    store(y, i64(row++) * n + i, m_mod(v, w));
    store(y, i64(row++) * n + i, m_fmod(v, w));
    store(y, i64(row++) * n + i, m_floor_div(v, w));
    store(y, i64(row++) * n + i, m_max(v, w));
    store(y, i64(row++) * n + i, m_min(v, w));
    store(y, i64(row++) * n + i, m_pow(v, w));
    store(y, i64(row++) * n + i, m_shl(v, w));
    store(y, i64(row++) * n + i, m_shr(v, w));
    store(y, i64(row++) * n + i, m_neg(v));
    store(y, i64(row++) * n + i, m_abs(v));
    store(y, i64(row++) * n + i, m_sign(v));
    store(y, i64(row++) * n + i, m_bitnot(v));
    store(y, i64(row++) * n + i, m_round(v));
}
GLASS_KERNEL(128, 1) math_u8(Input<u8> x, Input<u8> z, Output<u8> y, const int n) {
    const i64 i = i64(block_x()) * threads_x() + thread_x();
    if (i >= n) return;
    const u8 v = load(x, i), w = load(z, i);
    int row = 0;
    store(y, i64(row++) * n + i, m_add(v, w));
    store(y, i64(row++) * n + i, m_sub(v, w));
    store(y, i64(row++) * n + i, m_mul(v, w));
    store(y, i64(row++) * n + i, m_div(v, w));
    store(y, i64(row++) * n + i, m_mod(v, w));
    store(y, i64(row++) * n + i, m_fmod(v, w));
    store(y, i64(row++) * n + i, m_floor_div(v, w));
    store(y, i64(row++) * n + i, m_max(v, w));
    store(y, i64(row++) * n + i, m_min(v, w));
    store(y, i64(row++) * n + i, m_pow(v, w));
    store(y, i64(row++) * n + i, m_shl(v, w));
    store(y, i64(row++) * n + i, m_shr(v, w));
    store(y, i64(row++) * n + i, m_neg(v));
    store(y, i64(row++) * n + i, m_abs(v));
    store(y, i64(row++) * n + i, m_sign(v));
    store(y, i64(row++) * n + i, m_bitnot(v));
    store(y, i64(row++) * n + i, m_round(v));
}
GLASS_KERNEL(128, 1) math_i32(Input<i32> x, Input<i32> z, Output<i32> y, const int n) {
    const i64 i = i64(block_x()) * threads_x() + thread_x();
    if (i >= n) return;
    const i32 v = load(x, i), w = load(z, i);
    int row = 0;
    store(y, i64(row++) * n + i, m_add(v, w));
    store(y, i64(row++) * n + i, m_sub(v, w));
    store(y, i64(row++) * n + i, m_mul(v, w));
    store(y, i64(row++) * n + i, m_div(v, w));
    store(y, i64(row++) * n + i, m_mod(v, w));
    store(y, i64(row++) * n + i, m_fmod(v, w));
    store(y, i64(row++) * n + i, m_floor_div(v, w));
    store(y, i64(row++) * n + i, m_max(v, w));
    store(y, i64(row++) * n + i, m_min(v, w));
    store(y, i64(row++) * n + i, m_pow(v, w));
    store(y, i64(row++) * n + i, m_shl(v, w));
    store(y, i64(row++) * n + i, m_shr(v, w));
    store(y, i64(row++) * n + i, m_neg(v));
    store(y, i64(row++) * n + i, m_abs(v));
    store(y, i64(row++) * n + i, m_sign(v));
    store(y, i64(row++) * n + i, m_bitnot(v));
    store(y, i64(row++) * n + i, m_round(v));
}
GLASS_KERNEL(128, 1) math_u32(Input<u32> x, Input<u32> z, Output<u32> y, const int n) {
    const i64 i = i64(block_x()) * threads_x() + thread_x();
    if (i >= n) return;
    const u32 v = load(x, i), w = load(z, i);
    int row = 0;
    store(y, i64(row++) * n + i, m_add(v, w));
    store(y, i64(row++) * n + i, m_sub(v, w));
    store(y, i64(row++) * n + i, m_mul(v, w));
    store(y, i64(row++) * n + i, m_div(v, w));
    store(y, i64(row++) * n + i, m_mod(v, w));
    store(y, i64(row++) * n + i, m_fmod(v, w));
    store(y, i64(row++) * n + i, m_floor_div(v, w));
    store(y, i64(row++) * n + i, m_max(v, w));
    store(y, i64(row++) * n + i, m_min(v, w));
    store(y, i64(row++) * n + i, m_pow(v, w));
    store(y, i64(row++) * n + i, m_shl(v, w));
    store(y, i64(row++) * n + i, m_shr(v, w));
    store(y, i64(row++) * n + i, m_neg(v));
    store(y, i64(row++) * n + i, m_abs(v));
    store(y, i64(row++) * n + i, m_sign(v));
    store(y, i64(row++) * n + i, m_bitnot(v));
    store(y, i64(row++) * n + i, m_round(v));
}
GLASS_KERNEL(128, 1) math_i64(Input<i64> x, Input<i64> z, Output<i64> y, const int n) {
    const i64 i = i64(block_x()) * threads_x() + thread_x();
    if (i >= n) return;
    const i64 v = load(x, i), w = load(z, i);
    int row = 0;
    store(y, i64(row++) * n + i, m_add(v, w));
    store(y, i64(row++) * n + i, m_sub(v, w));
    store(y, i64(row++) * n + i, m_mul(v, w));
    store(y, i64(row++) * n + i, m_div(v, w));
    store(y, i64(row++) * n + i, m_mod(v, w));
    store(y, i64(row++) * n + i, m_fmod(v, w));
    store(y, i64(row++) * n + i, m_floor_div(v, w));
    store(y, i64(row++) * n + i, m_max(v, w));
    store(y, i64(row++) * n + i, m_min(v, w));
    store(y, i64(row++) * n + i, m_pow(v, w));
    store(y, i64(row++) * n + i, m_shl(v, w));
    store(y, i64(row++) * n + i, m_shr(v, w));
    store(y, i64(row++) * n + i, m_neg(v));
    store(y, i64(row++) * n + i, m_abs(v));
    store(y, i64(row++) * n + i, m_sign(v));
    store(y, i64(row++) * n + i, m_bitnot(v));
    store(y, i64(row++) * n + i, m_round(v));
}
GLASS_KERNEL(128, 1) math_u64(Input<u64> x, Input<u64> z, Output<u64> y, const int n) {
    const i64 i = i64(block_x()) * threads_x() + thread_x();
    if (i >= n) return;
    const u64 v = load(x, i), w = load(z, i);
    int row = 0;
    store(y, i64(row++) * n + i, m_add(v, w));
    store(y, i64(row++) * n + i, m_sub(v, w));
    store(y, i64(row++) * n + i, m_mul(v, w));
    store(y, i64(row++) * n + i, m_div(v, w));
    store(y, i64(row++) * n + i, m_mod(v, w));
    store(y, i64(row++) * n + i, m_fmod(v, w));
    store(y, i64(row++) * n + i, m_floor_div(v, w));
    store(y, i64(row++) * n + i, m_max(v, w));
    store(y, i64(row++) * n + i, m_min(v, w));
    store(y, i64(row++) * n + i, m_pow(v, w));
    store(y, i64(row++) * n + i, m_shl(v, w));
    store(y, i64(row++) * n + i, m_shr(v, w));
    store(y, i64(row++) * n + i, m_neg(v));
    store(y, i64(row++) * n + i, m_abs(v));
    store(y, i64(row++) * n + i, m_sign(v));
    store(y, i64(row++) * n + i, m_bitnot(v));
    store(y, i64(row++) * n + i, m_round(v));
}
