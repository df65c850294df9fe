// The one header that a generated kernel includes.
//
// Every header here has one interface and two bodies: PTX or CUDA built-ins for the GPU, and plain
// C++17 when GLASS_HOST is defined, so that the text of a kernel compiles with NVRTC and with a C++
// compiler alike. All device code of the project lives behind this seam.
#pragma once

#include "types.cuh"
#include "convert.cuh"
#include "quantize.cuh"
#include "launch.cuh"
#include "memory.cuh"
#include "wide.cuh"
#include "async_copy.cuh"
#include "warp.cuh"
#include "row_reduce.cuh"
#include "mma.cuh"
#include "barrier.cuh"
#include "grid.cuh"
#include "tma.cuh"
#include "pdl.cuh"
#include "math.cuh"
#include "math_integer.cuh"
#include "packed.cuh"
#include "halves.cuh"
#include "predicated.cuh"
#include "dot.cuh"
#include "fast.cuh"
#include "short.cuh"
