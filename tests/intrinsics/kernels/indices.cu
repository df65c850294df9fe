#include "glass.cuh"
using namespace glass;

GLASS_KERNEL(64, 1) indices(Output<i32> y) {
    const int block = block_x() + grid_x() * (block_y() + grid_y() * block_z());
    const i64 row = (i64(block) * threads_x() + thread_x()) * 6;
    y[row + 0] = block;
    y[row + 1] = thread_x();
    y[row + 2] = lane_id();
    y[row + 3] = warp_id();
    y[row + 4] = grid_z();
    y[row + 5] = thread_y() + thread_z();
}
