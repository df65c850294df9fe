"""Small graphs in ONNX text with the sizes N and M, for which every size from 0 on has an answer."""

from __future__ import annotations

W = "float[3,3] w = {1,2,3,4,5,6,7,8,9}"
B = "float[3] b = {1,-2,3}"
X, XZ, XM = "float[N,3] x", "float[N,3] x, float[N,3] z", "float[2,N,3] x"
IMAGE, FREE, LINE = "float[N,2,4,5] x", "float[N,3,M] x", "float[N,M] x"
QKV = "float[N,2,1,4] q, float[N,2,M,4] pk, float[N,2,M,4] pv, float[N,2,1,4] nk, float[N,2,1,4] nv"


def graph(inputs: str, body: str, constants: str = "", outputs: str = "y") -> str:
    """A graph of one opset, whose outputs have no declared types."""
    declared = f" <{constants}>" if constants else ""
    types = {"y": "float", "i": "int64", "k": "float", "v": "float", "u": "uint8", "b": "bool", "c": "int32"}
    listed = ", ".join(f"{types[name[0]]}[] {name}" for name in outputs.split())
    return f"({inputs}) => ({listed}){declared} {{ {body} }}"


def attention(keys: str = "pk", mask: str = "", before: str = "") -> str:
    """softmax(q KEYS^T / 2, or + MASK) v, behind the nodes BEFORE that make the keys and v."""
    scores = f"t = Transpose<perm=[0,1,3,2]>({keys}) r = MatMul(q,t) "
    scores += f"s = Add(r,{mask}) " if mask else "s = Mul(r,half) "
    values = "v" if before else "pv"
    return f"{before}{scores}p = Softmax<axis=-1>(s) y = MatMul(p,{values})"


PAST = "k = Concat<axis=2>(pk,nk) v = Concat<axis=2>(pv,nv) "
UNARY = ("Relu", "Exp", "Erf", "Floor", "Identity", "LeakyRelu", "Softplus", "Softmax", "LogSoftmax", "Mish")
BINARY = ("Add", "Sub", "Mul", "Div", "Max", "Min", "Pow")
REDUCTIONS = ("Sum", "Max", "Min", "Prod", "L1", "L2", "SumSquare", "LogSum", "LogSumExp")
AXIS, ZERO, HALF = "int64[1] a = {1}", "int64[1] z = {0}", "float half = {0.5}"

ELEMENTWISE = {
    **{op: graph(X, f"y = {op}(x)") for op in UNARY},
    **{op: graph(XZ, f"y = {op}(x,z)") for op in BINARY},
    **{
        f"{op} broadcast": graph("float[N,1,3] x, float[M,1] z", f"r = Abs(x) y = {op}(r,z)") for op in BINARY
    },
    **{f"{op} with nothing": graph("float[N,1] x", f"y = {op}(x,w)", "float[0] w = {}") for op in BINARY},
    "Where": graph("bool[N,3] t, float[N,3] x, float[1,3] z", "y = Where(t,x,z)"),
    "Clip": graph(X, "y = Clip(x,half)", HALF),
    "Cast": graph(X, "c = Cast<to=6>(x)", outputs="c"),
    "PRelu": graph(FREE, "y = PRelu(x,s)", "float[3,1] s = {0.1,0.2,0.3}"),
    "QDQ": graph(
        X, "q = QuantizeLinear(x,half,u) y = DequantizeLinear(q,half,u)", f"{HALF}, uint8 u = {{9}}"
    ),
}
ROWS = {
    **{f"Reduce{op} over": graph(XM, f"y = Reduce{op}(x,a)", AXIS) for op in REDUCTIONS},
    **{f"Reduce{op} beside": graph(XM, f"y = Reduce{op}<keepdims=0>(x,z)", ZERO) for op in REDUCTIONS},
    **{f"Reduce{op} all": graph(LINE, f"y = Reduce{op}<keepdims=0>(x)") for op in REDUCTIONS},
    **{
        f"Reduce{op} of integers": graph("int32[2,N] x", f"c = Reduce{op}(x,a)", AXIS, "c")
        for op in ("Sum", "Max", "Min", "Prod")
    },
    "ReduceMean beside": graph(X, "y = ReduceMean(x,a)", AXIS),
    "ArgMax beside": graph(X, "i = ArgMax<axis=1>(x)", outputs="i"),
    "CumSum": graph(LINE, "y = CumSum<exclusive=1,reverse=1>(x,a)", "int32 a = {1}"),
    "Softmax over": graph(LINE, "y = Softmax<axis=1>(x)"),
    "LayerNormalization": graph(X, "y = LayerNormalization(x,b,b)", B),
    "BatchNormalization": graph(FREE, "v = Abs(b) y = BatchNormalization(x,b,b,b,v)", B),
    "InstanceNormalization": graph("float[N,3,2] x", "y = InstanceNormalization(x,b,b)", B),
    "LRN": graph("float[N,3,4,M] x", "y = LRN<size=3>(x)"),
}
PRODUCTS = {
    "MatMul": graph(X, "y = MatMul(x,w)", W),
    "MatMul along": graph("float[2,N] x, float[N,4] z", "y = MatMul(x,z)"),
    "MatMul of batches": graph("float[M,2,N] x, float[M,N,4] z", "y = MatMul(x,z)"),
    "MatMul with bias": graph("float[M,N] x, float[N,3] z", "m = MatMul(x,z) s = Add(m,b) y = Relu(s)", B),
    "MatMul without columns": graph(X, "y = MatMul(x,w)", "float[3,0] w = {}"),
    "MatMul of nothing": graph(
        "float[N,0] x", "m = MatMul(x,w) y = Add(m,b)", f"float[0,3] w = {{}}, {B}"
    ),
    "Gemm along": graph("float[N,2] x, float[3,N] z", "y = Gemm<transA=1,transB=1,alpha=0.5>(x,z,b)", B),
    "MatMulInteger": graph("uint8[N,3] x, uint8[3,M] z", "c = MatMulInteger(x,z)", outputs="c"),
    "Conv": graph(
        IMAGE, "s = Conv<pads=[1,1,1,1],strides=[2,2]>(x,w,b) y = Relu(s)",
        "float[2,2,1,1] w = {1,2,3,4}, float[2] b = {1,2}",
    ),
    "Conv by channels": graph(IMAGE, "y = Conv<group=2>(x,w)", "float[2,1,1,2] w = {1,2,3,4}"),
    "Conv of no channels": graph(
        "float[N,0,4,4] x", "y = Conv(x,w,b)", "float[2,0,1,1] w = {}, float[2] b = {1,2}"
    ),
    "Conv to no channels": graph(IMAGE, "y = Conv(x,w)", "float[0,2,1,1] w = {}"),
    "ConvTranspose": graph(
        IMAGE, "y = ConvTranspose<strides=[2,2]>(x,w)", "float[2,1,2,2] w = {1,2,3,4,5,6,7,8}"
    ),
    "MaxPool": graph(IMAGE, "y = MaxPool<kernel_shape=[3,3],pads=[1,1,1,1]>(x)"),
    "AveragePool": graph(IMAGE, "y = AveragePool<kernel_shape=[2,2],ceil_mode=1,strides=[2,2]>(x)"),
    "GlobalAveragePool": graph(IMAGE, "y = GlobalAveragePool(x)"),
    "Resize": graph(IMAGE, "y = Resize<mode=\"linear\">(x,,s)", "float[4] s = {1,1,2,1.5}"),
}  # fmt: skip
MOVEMENT = {
    "Concat": graph("float[N,3] x, float[M,3] z", "y = Concat<axis=0>(x,z)"),
    "Concat in place": graph(
        "float[2,N,3] x, float[2,M,3] z",
        "s = MatMul(x,w) t = MatMul(z,w) y = Concat<axis=1>(s,t) yy = Softmax<axis=1>(y)", W, "y yy",
    ),
    "Concat of channels": graph(
        IMAGE, "s = Conv(x,w) p = MaxPool<kernel_shape=[3,3],pads=[1,1,1,1]>(x) t = Conv(p,w) "
        "r = Concat<axis=1>(s,t) g = GlobalMaxPool(r) y = Conv(g,k)",
        "float[2,2,1,1] w = {1,2,3,4}, float[1,4,1,1] k = {1,2,3,4}",
    ),
    "Concat of nothing": graph("float[N,3] x, float[N,0] z", "y = Concat<axis=1>(z,x)"),
    "Split": graph("float[N,4] x", "y,yy,yyy = Split<axis=1>(x,s)", "int64[3] s = {0,4,0}", "y yy yyy"),
    "Split in place": graph(
        "float[N,6] x", "r = Relu(x) s,t = Split<axis=1>(r,n) y = MatMul(s,w) yy = MatMul(t,w)",
        f"int64[2] n = {{3,3}}, {W}", "y yy",
    ),
    "Slice to nothing": graph(X, "t = Slice(x,a,a,a) y = Relu(t)", AXIS),
    "Slice backwards": graph(
        X, "y = Slice(x,s,e,z,t)",
        f"int64[1] s = {{9999}}, int64[1] e = {{-9999}}, {ZERO}, int64[1] t = {{-1}}",
    ),
    "Transpose": graph(FREE, "t = Transpose<perm=[2,1,0]>(x) y = Softmax<axis=-1>(t)"),
    "Reshape": graph("float[N,3,4] x", "y = Reshape(x,s)", "int64[2] s = {-1,12}"),
    "Reshape to zero": graph("float[0,3] x", "y = Reshape<allowzero=1>(x,s)", "int64[3] s = {3,0,7}"),
    "Flatten and join": graph(
        "float[N,M] x, float[3] z", "t = Transpose(x) f = Reshape(t,s) y = Concat<axis=0>(f,z)",
        "int64[1] s = {-1}",
    ),
    "Pad": graph(X, "y = Pad(x,p,half)", f"int64[4] p = {{1,0,2,1}}, {HALF}"),
    "Pad beside": graph(X, "y = Pad<mode=\"reflect\">(x,p)", "int64[4] p = {0,1,0,1}"),
    "Expand": graph("float[1,3] x, float[N,3] z", "s = Shape(z) y = Expand(x,s)"),
    "Expand to nothing": graph("float[N,1] x", "y = Expand(x,s)", "int64[2] s = {1,0}"),
    "Tile": graph(
        "float[N,M] x, float[3,M] z", "t = Tile(x,r) y = Concat<axis=0>(t,z)", "int64[2] r = {2,1}"
    ),
    "Tile to nothing": graph(X, "y = Tile(x,r)", "int64[2] r = {2,0}"),
    "Trilu": graph(LINE, "y = Trilu(x)"),
    "DepthToSpace": graph("float[N,4,2,M] x", "y = DepthToSpace<blocksize=2>(x)"),
    "Gather": graph("float[3,3] x, bool[N,M] t", "i = Cast<to=7>(t) y = Gather<axis=0>(x,i)"),
    "Gather nothing": graph(X, "y = Gather<axis=1>(x,i)", "int64[0] i = {}"),
    "Shape and Size": graph(LINE, "i = Shape(x) ii = Size(x)", outputs="i ii"),
    "ConstantOfShape": graph(X, "t = ConstantOfShape(s) y = Concat<axis=0>(x,t)", "int64[2] s = {0,3}"),
    "Range": graph(
        X, "s = Shape<end=1>(x) n = Squeeze(s,z) i = Range(f,n,o)",
        f"{ZERO}, int64 f = {{0}}, int64 o = {{1}}", "i",
    ),
}  # fmt: skip
NETWORKS = {
    "attention without keys": graph(QKV, attention(), HALF),
    "attention with a past": graph(QKV, attention("k", before=PAST), HALF, "y k v"),
    "attention with a mask": graph(
        f"{QKV}, float[N,1,1,1] m", attention("k", "m", PAST), outputs="y k v"
    ),
    "launches of their own": graph(
        "float[N,3] x, float[M,4] z, float[2,2] w", "y = Relu(x) yy = Exp(z) yyy = Neg(w)", outputs="y yy yyy"
    ),
    "rows of their own": graph(
        "float[N,3] x, float[M,4] z", "y = Softmax(x) yy = Softmax(z)", outputs="y yy"
    ),
    "declared empty": graph("float[0,3] x, float[3,0] z", "y = Relu(x) yy = MatMul(z,y)", outputs="y yy"),
    "a layer": graph(
        X, "m = MatMul(x,w) s = Add(m,b) r = Relu(s) n = LayerNormalization(r,b,b) y = Softmax(n)",
        f"{W}, {B}",
    ),
}  # fmt: skip
GRAPHS = ELEMENTWISE | ROWS | PRODUCTS | MOVEMENT | NETWORKS
