"""Small models whose numbers 16 bits cannot hold, spelled as exporters spell them, and inputs for each.

Positions and what is computed from them, masks, statistics spelled out, exponentials: every kind that
`docs/precision.md` names stays exact enough in 16 bits, between kernels too.
"""

from __future__ import annotations

from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]

HEADER = '<ir_version: 10, opset_import: ["": 18]>\n'
MODELS: dict[str, tuple[str, dict[str, Array]]] = {}
random = np.random.default_rng(0)


def numbers(array: Any) -> str:
    """ARRAY as text of a model."""
    return ", ".join(f"{value:.9g}" for value in np.asarray(array).ravel())


def normal(*shape: int) -> Array:
    return random.standard_normal(shape).astype(np.float32)


def weights(*shape: int) -> str:
    """Weights that keep the size of what they multiply."""
    return numbers(normal(*shape) / np.sqrt(np.prod(shape) / shape[-1]))


def case(name: str, text: str, inputs: dict[str, Array]) -> None:
    MODELS[name] = (HEADER + text, inputs)


FREQUENCIES = numbers(10000.0 ** (-np.arange(16) / 16))
case(
    "rope_float_positions",
    f"""g (float[S] p) => (float[S,16] y)
<float[1,16] inv={{{FREQUENCIES}}}, int64[1] one={{1}}>
{{ u = Unsqueeze(p, one) m = MatMul(u, inv) c = Cos(m) s = Sin(m) y = Mul(c, s) }}""",
    {"p": np.arange(4000, 4064).astype(np.float32)},
)
case(
    "range_shape",
    f"""g (float[S,16] x) => (float[S,16] y)
<float[1,16] inv={{{FREQUENCIES}}}, int64[1] one={{1}}, int64 z={{0}}, int64 o={{1}},
    int64 big={{5000}}>
{{ sh = Shape<start=0,end=1>(x) n = Squeeze(sh) r = Range(z, n, o) r2 = Add(r, big)
    pf = Cast<to=1>(r2) u = Unsqueeze(pf, one) m = MatMul(u, inv) c = Cos(m) y = Mul(c, x) }}""",
    {"x": normal(40, 16)},
)
case(
    "cumsum_positions",
    f"""g (int64[N,S] mask) => (float[N,S,16] y)
<float[1,16] inv={{{FREQUENCIES}}}, int64[1] two={{2}}, int64 o={{1}}, int64 ax={{1}}>
{{ c = CumSum(mask, ax) p = Sub(c, o) pf = Cast<to=1>(p) u = Unsqueeze(pf, two) m = MatMul(u, inv)
    y = Cos(m) }}""",
    {"mask": np.ones((1, 3000), np.int64)},
)
BANDS = np.exp(-2j * np.pi * np.outer(np.arange(1, 9), np.arange(32)) / 32) / 32
case(
    "log_spectrum",
    f"""g (float[N,1,64] x) => (float[N,8,33] y)
<float[8,1,32] re={{{numbers(BANDS.real)}}}, float[8,1,32] im={{{numbers(BANDS.imag)}}},
 float half={{0.5}}, float tiny={{1e-10}}, float[8,8] mel={{{numbers(np.eye(8) + np.eye(8, k=1))}}}>
{{ s = Mul(x, half) r = Conv(s, re) i = Conv(s, im) r2 = Mul(r, r) i2 = Mul(i, i) p = Add(r2, i2)
    a = Sqrt(p) a2 = Mul(a, a) m = MatMul(mel, a2) e = Add(m, tiny) l = Log(e)
    low = ReduceMin(l) y = Sub(l, low) }}""",
    {"x": np.cos(2 * np.pi * 3 * np.arange(64) / 32).astype(np.float32)[None, None]},
)
case(
    "log_of_a_share",
    """g (float[N,16] x) => (float[N,16] y)
<float one={1}>
{ n = Neg(x) e = Exp(n) d = Add(e, one) p = Div(one, d) y = Log(p) }""",
    {"x": np.linspace(-17, 0, 32, dtype=np.float32).reshape(2, 16)},
)
case(
    "float_cumsum_gather",
    """g (float[S] w, float[5000] t) => (float[S] y)
<int64 ax={0}>
{ c = CumSum(w, ax) i = Cast<to=7>(c) y = Gather(t, i) }""",
    {"w": np.ones(4000, np.float32), "t": normal(5000)},
)
case(
    "float_cumsum_scaled_gather",
    """g (float[S] w, float[5000] t) => (float[S] y)
<int64 ax={0}, float h={2.0}, float q={0.5}>
{ w2 = Mul(w, q) c = CumSum(w2, ax) d = Mul(c, h) e = Floor(d) i = Cast<to=7>(e) y = Gather(t, i) }""",
    {"w": np.ones(4000, np.float32), "t": normal(5000)},
)
case(
    "int_floor",
    """g (int64[S] p) => (int64[S] y)
<float k={0.3333}>
{ f = Cast<to=1>(p) d = Mul(f, k) e = Floor(d) y = Cast<to=7>(e) }""",
    {"p": np.arange(60000, 60500)},
)
case(
    "argmax_back",
    """g (float[N,5000] x) => (float[N] y)
<float k={3.0}>
{ a = ArgMax<axis=1,keepdims=0>(x) f = Cast<to=1>(a) s = Mul(f, k) y = Sin(s) }""",
    {"x": normal(7, 5000)},
)
case(
    "argmax_logits",
    """g (float[N,500] x) => (int64[N] y)
<float k={3.0}>
{ a = Mul(x, k) b = Sigmoid(a) c = Softmax<axis=1>(b) y = ArgMax<axis=1,keepdims=0>(c) }""",
    {"x": normal(500, 500) * 0.01},
)
case(
    "mask_1e9",
    """g (float[N,H,S,S] s, int64[N,S] m) => (float[N,H,S,S] y)
<float one={1}, float k={-1e9}, int64[2] ax={1,2}>
{ mf = Cast<to=1>(m) u = Unsqueeze(mf, ax) i = Sub(one, u) b = Mul(i, k) t = Add(s, b)
    y = Softmax<axis=-1>(t) }""",
    {"s": normal(2, 2, 8, 8), "m": np.array([[1] * 5 + [0] * 3, [0] * 8])},
)
case(
    "mask_min",
    """g (float[N,H,S,S] s, bool[N,S] m) => (float[N,H,S,S] y)
<float one={1}, float k={-3.4028235e38}, int64[2] ax={1,2}>
{ mf = Cast<to=1>(m) u = Unsqueeze(mf, ax) i = Sub(one, u) b = Mul(i, k) t = Add(s, b)
    y = Softmax<axis=-1>(t) }""",
    {"s": normal(2, 2, 8, 8), "m": np.array([[1] * 5 + [0] * 3, [0] * 8]).astype(bool)},
)
case(
    "mask_where_min",
    """g (float[N,H,S,S] s, bool[N,S] m) => (float[N,H,S,S] y)
<float k={-3.4028235e38}, int64[2] ax={1,2}>
{ u = Unsqueeze(m, ax) t = Where(u, s, k) y = Softmax<axis=-1>(t) }""",
    {"s": normal(2, 2, 8, 8), "m": np.array([[1] * 5 + [0] * 3, [0] * 8]).astype(bool)},
)
case(
    "timesteps",
    """g (int64[N] t) => (float[N,32] y)
<int64 z={0}, int64 o={1}, int64 h={32}, float k={-0.28782314}, int64[1] ax={1},
    int64[1] ax0={0}>
{ r = Range(z, h, o) rf = Cast<to=1>(r) e = Mul(rf, k) f = Exp(e) tf = Cast<to=1>(t)
    a = Unsqueeze(tf, ax) b = Unsqueeze(f, ax0) v = Mul(a, b) y = Sin(v) }""",
    {"t": np.array([1, 500, 999, 981])},
)
case(
    "timesteps_dynamic",
    """g (int64[N] t, int64 h) => (float[N,M] y)
<int64 z={0}, int64 o={1}, float k={-0.28782314}, int64[1] ax={1}, int64[1] ax0={0}>
{ tf = Cast<to=1>(t) a = Unsqueeze(tf, ax) hf = Cast<to=1>(h) hh = Mul(hf, k) e = Exp(hh)
    v = Mul(a, e) y = Sin(v) }""",
    {"t": np.array([1, 500, 999, 981]), "h": np.array(3)},
)
case(
    "timesteps_float",
    f"""g (float[N] t) => (float[N,32] y)
<float[1,32] f={{{numbers(np.linspace(1, 1e-4, 32))}}}, int64[1] ax={{1}}>
{{ a = Unsqueeze(t, ax) v = Mul(a, f) s = Sin(v) c = Cos(v) y = Add(s, c) }}""",
    {"t": np.array([1, 500.5, 999, 981], np.float32)},
)
case(
    "alibi",
    """g (float[N,4,1,S] s, int64[S] p, int64 q) => (float[N,4,1,S] y)
<float[4,1,1] sl={0.5,0.25,0.0625,0.0039}, int64[2] ax={0,1}>
{ d = Sub(p, q) f = Cast<to=1>(d) u = Unsqueeze(f, ax) b = Mul(sl, u) t = Add(s, b)
    y = Softmax<axis=-1>(t) }""",
    {"s": normal(1, 4, 1, 3000) * 3, "p": np.arange(3000), "q": np.array(2999)},
)
case(
    "alibi_const",
    """g (float[N,2,1,4] s) => (float[N,2,1,4] y)
<float[1,2,1,4] b={-8191,-8190.5,-8190,-8189.5,-4000.3,-4000.1,-4000,-3999}>
{ t = Add(s, b) y = Softmax<axis=-1>(t) }""",
    {"s": normal(1, 2, 1, 4)},
)
case(
    "rmsnorm",
    """g (float[N,64] x) => (float[N,64] y)
<float two={2}, float eps={1e-6}, int64[1] ax={-1}>
{ p = Pow(x, two) m = ReduceMean<keepdims=1>(p, ax) e = Add(m, eps) q = Sqrt(e) r = Reciprocal(q)
    y = Mul(x, r) }""",
    {"x": normal(4, 64) * 3000},
)
case(
    "rmsnorm_sum",
    """g (float[N,64] x) => (float[N,64] y)
<float n={64}, float eps={1e-6}, int64[1] ax={-1}>
{ p = Mul(x, x) m = ReduceSum<keepdims=1>(p, ax) v = Div(m, n) e = Add(v, eps) q = Sqrt(e)
    y = Div(x, q) }""",
    {"x": normal(4, 64) * 3000},
)
case(
    "l2norm",
    """g (float[N,64] x) => (float[N,64] y)
<int64[1] ax={-1}, float lo={1e-12}>
{ n = ReduceL2<keepdims=1>(x, ax) c = Clip(n, lo) y = Div(x, c) }""",
    {"x": normal(4, 64) * 30000},
)
case(
    "layernorm",
    """g (float[N,64] x) => (float[N,64] y)
<float two={2}, float eps={1e-5}, int64[1] ax={-1}>
{ mu = ReduceMean<keepdims=1>(x, ax) d = Sub(x, mu) p = Pow(d, two)
    m = ReduceMean<keepdims=1>(p, ax) e = Add(m, eps) q = Sqrt(e) y = Div(d, q) }""",
    {"x": normal(4, 64) * 3000 + 500},
)
case(
    "layernorm_tiny",
    """g (float[N,64] x) => (float[N,64] y)
<float two={2}, float eps={1e-12}, int64[1] ax={-1}>
{ mu = ReduceMean<keepdims=1>(x, ax) d = Sub(x, mu) p = Pow(d, two)
    m = ReduceMean<keepdims=1>(p, ax) e = Add(m, eps) q = Sqrt(e) y = Div(d, q) }""",
    {"x": normal(4, 64) * 1e-3},
)
case(
    "instancenorm",
    """g (float[N,3,8,8] x) => (float[N,3,8,8] y)
<float two={2}, float eps={1e-5}, int64[2] ax={2,3}>
{ mu = ReduceMean<keepdims=1>(x, ax) d = Sub(x, mu) p = Mul(d, d)
    m = ReduceMean<keepdims=1>(p, ax) e = Add(m, eps) q = Sqrt(e) y = Div(d, q) }""",
    {"x": normal(2, 3, 8, 8) * 1000},
)
case(
    "variance_e2",
    """g (float[N,64] x) => (float[N,64] y)
<float eps={1e-5}, int64[1] ax={-1}>
{ mu = ReduceMean<keepdims=1>(x, ax) s = Mul(x, x) m2 = ReduceMean<keepdims=1>(s, ax)
    mm = Mul(mu, mu) v = Sub(m2, mm) e = Add(v, eps) q = Sqrt(e) d = Sub(x, mu) y = Div(d, q) }""",
    {"x": normal(4, 64) * 100 + 300},
)
case(
    "softmax_spelled",
    """g (float[N,64] x) => (float[N,64] y)
<int64[1] ax={-1}>
{ m = ReduceMax<keepdims=1>(x, ax) d = Sub(x, m) e = Exp(d) s = ReduceSum<keepdims=1>(e, ax)
    y = Div(e, s) }""",
    {"x": normal(4, 64) * 10},
)
case(
    "softmax_unsafe",
    """g (float[N,64] x) => (float[N,64] y)
<int64[1] ax={-1}>
{ e = Exp(x) s = ReduceSum<keepdims=1>(e, ax) y = Div(e, s) }""",
    {"x": normal(4, 64) * 5 + 10},
)
case(
    "logsumexp",
    """g (float[N,64] x) => (float[N,1] y)
<int64[1] ax={-1}>
{ e = Exp(x) s = ReduceSum<keepdims=1>(e, ax) y = Log(s) }""",
    {"x": normal(4, 64) + 15},
)
case(
    "logsumexp_op",
    """g (float[N,64] x) => (float[N,1] y)
<int64[1] ax={-1}>
{ y = ReduceLogSumExp<keepdims=1>(x, ax) }""",
    {"x": normal(4, 64) + 15},
)
case(
    "softplus",
    """g (float[N,64] x) => (float[N,64] y)
<float one={1}>
{ e = Exp(x) s = Add(one, e) y = Log(s) }""",
    {"x": normal(4, 64) * 5 + 10},
)
case(
    "mish",
    """g (float[N,64] x) => (float[N,64] y)
<float one={1}>
{ e = Exp(x) s = Add(one, e) l = Log(s) t = Tanh(l) y = Mul(x, t) }""",
    {"x": normal(4, 64) * 5 + 10},
)
case(
    "gelu_pow",
    """g (float[N,64] x) => (float[N,64] y)
<float three={3}, float a={0.044715}, float k={0.7978845608}, float one={1},
    float h={0.5}>
{ p = Pow(x, three) b = Mul(p, a) c = Add(x, b) d = Mul(c, k) t = Tanh(d) u = Add(t, one)
    v = Mul(x, u) y = Mul(v, h) }""",
    {"x": normal(4, 64) * 40},
)
case(
    "gelu_mul",
    """g (float[N,64] x) => (float[N,64] y)
<float a={0.044715}, float k={0.7978845608}, float one={1}, float h={0.5}>
{ q = Mul(x, x) p = Mul(q, x) b = Mul(p, a) c = Add(x, b) d = Mul(c, k) t = Tanh(d)
    u = Add(t, one) v = Mul(x, u) y = Mul(v, h) }""",
    {"x": normal(4, 64) * 60},
)
case(
    "int_div",
    """g (int64[N] a, int64[N] b) => (float[N] y)
{ f = Cast<to=1>(a) g1 = Cast<to=1>(b) y0 = Div(f, g1) y1 = Sqrt(y0) y = Sin(y1) }""",
    {"a": np.array([1000000, 7654321, 99999]), "b": np.array([3, 70000, 17])},
)
case(
    "int32_70000",
    """g (int32[N] a) => (float[N] y)
<float k={1e-5}>
{ f = Cast<to=1>(a) y0 = Mul(f, k) y = Tanh(y0) }""",
    {"a": np.array([70000, 1234567, -90000], np.int32)},
)
case(
    "int_neg_max",
    """g (int64[N] a) => (float[N] y)
<float k={1e-5}, float hi={100000}>
{ f = Cast<to=1>(a) c = Min(f, hi) n = Neg(c) b = Abs(n) y0 = Mul(b, k) y = Tanh(y0) }""",
    {"a": np.array([70000, 1234567, -90000])},
)
case(
    "t5_bucket",
    """g (int64[N] d) => (int64[N] y)
<float m={16}, float c={7.6943}, int64 hi={31}, int64 add={16}>
{ f = Cast<to=1>(d) q = Div(f, m) l = Log(q) s = Mul(l, c) i = Cast<to=7>(s) j = Add(i, add)
    y = Min(j, hi) }""",
    {"d": np.arange(1, 300)},
)
case(
    "grid_coords",
    """g (float[N,2] off, int64[N] p, float[9000] t) => (float[N] y)
<int64 i0={0}>
{ o0 = Gather<axis=1>(off, i0) pf = Cast<to=1>(p) c = Add(o0, pf) fl = Floor(c)
    i = Cast<to=7>(fl) w = Sub(c, fl) v = Gather(t, i) y = Mul(v, w) }""",
    {"off": random.uniform(0, 1, (50, 2)).astype(np.float32), "p": np.arange(3000, 3050), "t": normal(9000)},
)
case(
    "mean_pool",
    """g (float[N,S,8] h, int64[N,S] m) => (float[N,8] y)
<int64[1] ax={2}, int64[1] a1={1}, float lo={1e-9}>
{ mf = Cast<to=1>(m) u = Unsqueeze(mf, ax) p = Mul(h, u) s = ReduceSum<keepdims=0>(p, a1)
    c = ReduceSum<keepdims=0>(u, a1) k = Clip(c, lo) y = Div(s, k) }""",
    {"h": normal(2, 3000, 8) * 10 + 5, "m": np.ones((2, 3000), np.int64)},
)
case(
    "equal_max",
    """g (float[N,64] x) => (float[N,64] y)
<int64[1] ax={-1}, float k={1.7}>
{ a = Mul(x, k) b = Tanh(a) m = ReduceMax<keepdims=1>(b, ax) e = Equal(b, m) y = Cast<to=1>(e) }""",
    {"x": normal(6, 64)},
)
case(
    "constantofshape",
    """g (float[S] x) => (float[S] y)
<int64 ax={0}, int64 k={3000}>
{ s = Shape(x) o = ConstantOfShape<value = int64[1] {1}>(s) c = CumSum(o, ax) d = Add(c, k)
    f = Cast<to=1>(d) y = Cos(f) }""",
    {"x": normal(50)},
)
case(
    "lengths_norm",
    """g (float[N,8] x, int64[N] l) => (float[N,8] y)
<int64[1] ax={1}>
{ f = Cast<to=1>(l) u = Unsqueeze(f, ax) y0 = Div(x, u) y = Mul(y0, u) }""",
    {"x": normal(3, 8) * 1e4, "l": np.array([1, 70000, 3])},
)
case(
    "pow_base",
    f"""g (int64[N] t, float[N,16] x) => (float[N,16] y)
<float base={{10000}}, float[16] e={{{numbers(np.arange(16) / 16)}}}, int64[1] ax={{1}}>
{{ p = Pow(base, e) r = Reciprocal(p) f = Cast<to=1>(t) u = Unsqueeze(f, ax) a = Mul(u, r)
    s = Sin(a) y = Mul(s, x) }}""",
    {"t": np.arange(8000, 8010), "x": normal(10, 16)},
)
case(
    "mod_hash",
    """g (int64[N] t) => (float[N] y)
<int64 m={30011}, float k={0.01}>
{ r = Mod(t, m) f = Cast<to=1>(r) a = Mul(f, k) y = Sin(a) }""",
    {"t": np.arange(50000, 50050)},
)
case(
    "where_positions",
    """g (bool[N] c, int64[N] a, int64[N] b) => (float[N] y)
<float k={0.01}>
{ w = Where(c, a, b) f = Cast<to=1>(w) q = Mul(f, k) y = Cos(q) }""",
    {"c": np.arange(20) % 2 == 0, "a": np.arange(9000, 9020), "b": np.arange(70000, 70020)},
)
case(
    "concat_positions",
    """g (int64[N] a, float[N] b) => (float[M] y)
<float k={0.01}>
{ f = Cast<to=1>(a) w = Concat<axis=0>(f, b) q = Mul(w, k) y = Cos(q) }""",
    {"a": np.arange(9000, 9020), "b": normal(20)},
)
case(
    "u8_image",
    """g (uint8[N,3,8,8] a) => (float[N,3,8,8] y)
<float k={255}>
{ f = Cast<to=1>(a) w = Div(f, k) y = Tanh(w) }""",
    {"a": random.integers(0, 255, (1, 3, 8, 8)).astype(np.uint8)},
)
case(
    "seconds",
    """g (float[N] t) => (float[N] y)
<float day={86400}, float tau={6.2831853}>
{ m = Mod<fmod=1>(t, day) d = Div(m, day) a = Mul(d, tau) y = Sin(a) }""",
    {"t": np.array([1e6, 123456, 40000], np.float32)},
)
case(
    "fold_mul_small",
    f"""g (float[N,64] x) => (float[N,8] y)
<float[64,8] w={{{weights(64, 8)}}}, float k={{1e-6}}, float k2={{1e6}}, float one={{1}}>
{{ a = MatMul(x, w) b = Mul(a, k) c = Tanh(b) d = Add(b, c) y = Mul(d, k2) }}""",
    {"x": normal(4, 64)},
)
case(
    "fold_div_big",
    f"""g (float[N,64] x) => (float[N,8] y)
<float[64,8] w={{{weights(64, 8)}}}, float k={{30000}}>
{{ a = MatMul(x, w) b = Div(a, k) y = Tanh(b) }}""",
    {"x": normal(4, 64) * 1e4},
)
case(
    "fold_mul_big",
    f"""g (float[N,64] x) => (float[N,8] y)
<float[64,8] w={{{weights(64, 8)}}}, float k={{100000}}>
{{ a = MatMul(x, w) b = Mul(a, k) y = Tanh(b) }}""",
    {"x": normal(4, 64) * 1e-5},
)
case(
    "tabular",
    f"""g (int64[N,16] x) => (float[N,8] y)
<float[16,32] w={{{weights(16, 32)}}}, float[32,8] v={{{weights(32, 8)}}}>
{{ f = Cast<to=1>(x) a = MatMul(f, w) r = Relu(a) y = MatMul(r, v) }}""",
    {"x": random.integers(0, 9000, (5, 16))},
)
case(
    "tabular_big",
    f"""g (int64[N,16] x) => (float[N,8] y)
<float k={{1e-5}}, float[16,32] w={{{weights(16, 32)}}}, float[32,8] v={{{weights(32, 8)}}}>
{{ f = Cast<to=1>(x) s = Mul(f, k) a = MatMul(s, w) r = Tanh(a) y = MatMul(r, v) }}""",
    {"x": random.integers(0, 900000, (5, 16))},
)
case(
    "temb",
    f"""g (int64[N] t, float[N,8,6,6] x) => (float[N,8,6,6] y)
<float[1,16] f={{{numbers(np.linspace(1, 1e-3, 16))}}}, int64[1] ax={{1}}, int64[2] ax2={{2,3}},
    float[32,8] w={{{weights(32, 8)}}}, float[8,8] v={{{weights(8, 8)}}},
    float[8,8,1,1] c={{{weights(8, 8)}}}>
{{ tf = Cast<to=1>(t) u = Unsqueeze(tf, ax) a = Mul(u, f) s = Sin(a) co = Cos(a)
    e = Concat<axis=1>(s, co) h = MatMul(e, w) sg = Sigmoid(h) sw = Mul(h, sg) h2 = MatMul(sw, v)
    b = Unsqueeze(h2, ax2) q = Conv(x, c) z = Add(q, b) r = Relu(z) y = Conv(r, c) }}""",
    {"t": np.array([999, 3]), "x": normal(2, 8, 6, 6)},
)
case(
    "conv_int",
    f"""g (int64[N,3,8,8] x) => (float[N,4,8,8] y)
<float[4,3,3,3] w={{{weights(27, 4)}}}, float[4,4,1,1] v={{{weights(4, 4)}}}>
{{ f = Cast<to=1>(x) a = Conv<pads=[1,1,1,1]>(f, w) r = Tanh(a) y = Conv(r, v) }}""",
    {"x": random.integers(0, 70000, (2, 3, 8, 8))},
)
case(
    "conv_u8",
    f"""g (uint8[N,3,8,8] x) => (float[N,4,8,8] y)
<float k={{255}}, float[4,3,3,3] w={{{weights(27, 4)}}}, float[4,4,1,1] v={{{weights(4, 4)}}}>
{{ f = Cast<to=1>(x) d = Div(f, k) a = Conv<pads=[1,1,1,1]>(d, w) r = Tanh(a) y = Conv(r, v) }}""",
    {"x": random.integers(0, 255, (2, 3, 8, 8)).astype(np.uint8)},
)
case(
    "conv_depth_int",
    f"""g (int32[N,4,8,8] x) => (float[N,4,8,8] y)
<float[4,1,3,3] w={{{weights(9, 4)}}}, float[4,4,1,1] v={{{weights(4, 4)}}}>
{{ f = Cast<to=1>(x) a = Conv<pads=[1,1,1,1], group=4>(f, w) r = Tanh(a) y = Conv(r, v) }}""",
    {"x": random.integers(0, 7000, (2, 4, 8, 8)).astype(np.int32)},
)
case(
    "convt_int",
    f"""g (int32[N,4,8,8] x) => (float[N,4,16,16] y)
<float[4,4,2,2] w={{{weights(16, 4)}}}, float[4,4,1,1] v={{{weights(4, 4)}}}>
{{ f = Cast<to=1>(x) a = ConvTranspose<strides=[2,2]>(f, w) r = Tanh(a) y = Conv(r, v) }}""",
    {"x": random.integers(0, 7000, (2, 4, 8, 8)).astype(np.int32)},
)
case(
    "adjacency",
    f"""g (int64[N,N] a, float[N,16] x) => (float[N,8] y)
<float[16,16] w={{{weights(16, 16)}}}, float[16,8] v={{{weights(16, 8)}}}>
{{ f = Cast<to=1>(a) h = MatMul(x, w) q = MatMul(f, h) r = Relu(q) y = MatMul(r, v) }}""",
    {"a": random.integers(0, 2, (20, 20)), "x": normal(20, 16)},
)
case(
    "argmax_embed",
    f"""g (float[N,16] x, float[32,8] e) => (float[N,8] y)
<float[16,32] w={{{weights(16, 32)}}}, float[8,8] v={{{weights(8, 8)}}}>
{{ l = MatMul(x, w) a = ArgMax<axis=1,keepdims=0>(l) g1 = Gather(e, a) y = MatMul(g1, v) }}""",
    {"x": normal(40, 16) * 3, "e": normal(32, 8)},
)
case(
    "inorm_between",
    f"""g (float[N,4,8,8] x) => (float[N,4,8,8] y)
<float[4,4,1,1] w={{{weights(4, 4)}}}, float[4,4,1,1] v={{{weights(4, 4)}}}, float eps={{1e-5}},
    int64[2] ax={{2,3}}>
{{ c = Conv(x, w) mu = ReduceMean<keepdims=1>(c, ax) d = Sub(c, mu) p = Mul(d, d)
    m = ReduceMean<keepdims=1>(p, ax) e = Add(m, eps) q = Sqrt(e) z = Div(d, q) y = Conv(z, v) }}""",
    {"x": normal(2, 4, 8, 8) * 3000},
)
case(
    "global_norm",
    f"""g (float[N,4,8,8] x) => (float[N,4,8,8] y)
<float[4,4,1,1] w={{{weights(4, 4)}}}, float[4,4,1,1] v={{{weights(4, 4)}}}, float eps={{1e-5}},
    int64[3] ax={{1,2,3}}>
{{ c = Conv(x, w) mu = ReduceMean<keepdims=1>(c, ax) s = Mul(c, c)
    m2 = ReduceMean<keepdims=1>(s, ax) mm = Mul(mu, mu) va = Sub(m2, mm) e = Add(va, eps)
    q = Sqrt(e) d = Sub(c, mu) z = Div(d, q) y = Conv(z, v) }}""",
    {"x": normal(2, 4, 8, 8) * 3000},
)
case(
    "grn",
    f"""g (float[N,8,8,4] x) => (float[N,8,8,4] y)
<float[4,4] w={{{weights(4, 4)}}}, float[4,4] v={{{weights(4, 4)}}}, float eps={{1e-6}},
    int64[2] ax={{1,2}}, int64[1] a3={{3}}>
{{ c = MatMul(x, w) n = ReduceL2<keepdims=1>(c, ax) m = ReduceMean<keepdims=1>(n, a3)
    e = Add(m, eps) q = Div(n, e) z = Mul(c, q) u = Add(z, c) y = MatMul(u, v) }}""",
    {"x": normal(2, 8, 8, 4) * 3000},
)
case(
    "gem",
    f"""g (float[N,4,8,8] x) => (float[N,4] y)
<float[4,4,1,1] w={{{weights(4, 4)}}}, float[4,4] v={{{weights(4, 4)}}}, float p={{3}},
    float ip={{0.33333333}}, float lo={{1e-6}}, float hi={{1e6}}, int64[2] ax={{2,3}}>
{{ c = Conv(x, w) k = Clip(c, lo, hi) q = Pow(k, p) m = ReduceMean<keepdims=0>(q, ax)
    r = Pow(m, ip) y = MatMul(r, v) }}""",
    {"x": normal(2, 4, 8, 8) * 300},
)
case(
    "vae_sample",
    f"""g (float[N,4] x, float[N,4] n) => (float[N,4] y)
<float[4,4] w={{{weights(4, 4)}}}, float[4,4] v={{{weights(4, 4)}}}, float h={{0.5}}>
{{ m = MatMul(x, w) l = MatMul(x, v) s = Mul(l, h) e = Exp(s) z = Mul(e, n) u = Add(m, z)
    y = MatMul(u, v) }}""",
    {"x": normal(6, 4), "n": normal(6, 4)},
)
case(
    "yolo_exp",
    f"""g (float[N,4,8,8] x) => (float[N,8,8,8] y)
<float[4,4,1,1] w={{{weights(4, 4)}}}, float[4,4,1,1] v={{{weights(4, 4)}}},
    float[1,4,1,1] an={{116,90,156,198}}, float st={{32}}>
{{ c = Conv(x, w) e = Exp(c) b = Mul(e, an) d = Conv(x, v) s = Sigmoid(d) q = Mul(s, st)
    y = Concat<axis=1>(q, b) }}""",
    {"x": normal(2, 4, 8, 8)},
)
case(
    "anchors",
    f"""g (float[N,4,80,80] x) => (float[N,4,80,80] y)
<float[4,4,1,1] w={{{weights(4, 4)}}}, int64 z={{0}}, int64 o={{1}}, int64 n={{80}},
    float st={{32}}>
{{ c = Conv(x, w) s = Sigmoid(c) r = Range(z, n, o) f = Cast<to=1>(r) a = Add(s, f)
    y0 = Mul(a, st) y = Floor(y0) }}""",
    {"x": normal(1, 4, 80, 80)},
)
case(
    "linear_attention",
    """g (float[N,S,8] q, float[N,S,8] k, float[N,S,8] v) => (float[N,S,8] y)
<int64[1] ax={1}>
{ e = Exp(k) s = ReduceSum<keepdims=1>(e, ax) kn = Div(e, s) kt = Transpose<perm=[0,2,1]>(kn)
    c = MatMul(kt, v) qs = Softmax<axis=-1>(q) y = MatMul(qs, c) }""",
    {"q": normal(2, 40, 8), "k": normal(2, 40, 8) * 4 + 3, "v": normal(2, 40, 8)},
)
case(
    "attn_spelled_exp",
    """g (float[N,S,8] q, float[N,S,8] k, float[N,S,8] v) => (float[N,S,8] y)
<int64[1] ax={-1}, float sc={0.35}>
{ kt = Transpose<perm=[0,2,1]>(k) s = MatMul(q, kt) z = Mul(s, sc)
    m = ReduceMax<keepdims=1>(z, ax) d = Sub(z, m) e = Exp(d) t = ReduceSum<keepdims=1>(e, ax)
    p = MatMul(e, v) y = Div(p, t) }""",
    {"q": normal(2, 40, 8) * 3, "k": normal(2, 40, 8) * 3, "v": normal(2, 40, 8)},
)
