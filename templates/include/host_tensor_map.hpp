// Tensor maps of the host device, and the elements that one bulk copy visits.
#pragma once

#include "host_state.hpp"

namespace glass::host {

// Reads the fields of a host tensor map; HostTensorMap in runtime/host_arguments.py writes them.
struct TensorMapView {
    const u64* map;
    int rank() const { return int(map[1] & 0xff); }
    int element() const { return int(map[1] >> 8 & 0xff); }
    u64 swizzle() const { return map[1] >> 16 & 0xff; }  // the number of address bits exchanged
    bool im2col() const { return map[1] >> 24 & 1; }
    bool nan_fill() const { return map[1] >> 25 & 1; }
    bool tf32() const { return map[1] >> 26 & 1; }  // elements are rounded to tf32 on the way
    int step(int axis) const { return int(map[1] >> (32 + 4 * axis) & 0xf); }
    i64 dimension(int axis) const { return i64(map[2 + axis]); }
    i64 stride(int axis) const { return axis == 0 ? element() : i64(map[6 + axis]); }
    int box(int axis) const { return int(map[axis < 4 ? 11 : 12] >> (16 * (axis % 4)) & 0xffff); }
    u64 bytes() const { return map[13]; }
    // Of an im2col map, along the spatial dimensions 1 to rank - 2.
    i64 lower(int axis) const { return i64(std::int16_t(map[14] >> (16 * (axis - 1)))); }
    i64 upper(int axis) const { return i64(std::int16_t(map[15] >> (16 * (axis - 1)))); }

    // Elements that a copy takes along a dimension of a tiled map.
    int taken(int axis) const { return (box(axis) + step(axis) - 1) / step(axis); }
    // One past the last byte of the tensor's last element.
    u64 extent() const {
        i64 last = element();
        for (int axis = 0; axis < rank(); axis++) last += (dimension(axis) - 1) * stride(axis);
        return u64(last);
    }
    u64 box_bytes() const {
        if (im2col()) return u64(element()) * u64(box(0)) * u64(box(1));
        u64 bytes = u64(element());
        for (int axis = 0; axis < rank(); axis++) bytes *= u64(taken(axis));
        return bytes;
    }
};

// Where element number `i` of a copy lies in shared memory.
inline unsigned char* in_shared(const BulkCopy& copy, const TensorMapView& view, u64 i) {
    u64 address = reinterpret_cast<u64>(copy.shared) + i * u64(view.element());
    address ^= (address >> 7 & ((u64(1) << view.swizzle()) - 1)) << 4;
    return reinterpret_cast<unsigned char*>(address);
}

// The element at these coordinates, nullptr outside the tensor.
inline unsigned char* in_tensor(const BulkCopy& copy, const TensorMapView& view, const i64 (&at)[max_rank]) {
    i64 offset = 0;
    for (int axis = 0; axis < view.rank(); axis++) {
        if (at[axis] < 0 || at[axis] >= view.dimension(axis)) return nullptr;
        offset += at[axis] * view.stride(axis);
    }
    return reinterpret_cast<unsigned char*>(copy.map[0]) + offset;
}

template <class Visit>
void visit_tile(const BulkCopy& copy, const TensorMapView& view, Visit visit) {
    const u64 elements = view.box_bytes() / u64(view.element());
    for (u64 i = 0; i < elements; i++) {
        u64 rest = i;
        i64 at[max_rank] = {};
        for (int axis = 0; axis < view.rank(); axis++) {
            at[axis] = copy.coordinates[axis] + i64(rest % u64(view.taken(axis))) * view.step(axis);
            rest /= u64(view.taken(axis));
        }
        visit(in_shared(copy, view, i), in_tensor(copy, view, at), std::size_t(view.element()));
    }
}

// The next pixel: width first, then height, depth and the image; each from its lower corner again when it
// has come to the upper one (PTX ISA, "Im2col mode").
inline void next_pixel(const TensorMapView& view, i64 (&pixel)[max_rank]) {
    const int batch = view.rank() - 1;
    for (int axis = 1; axis < batch; axis++) {
        pixel[axis] += view.step(axis);
        if (pixel[axis] < view.dimension(axis) + view.upper(axis)) return;
        pixel[axis] = view.lower(axis);
    }
    pixel[batch] += view.step(batch);
}

template <class Visit>
void visit_column(const BulkCopy& copy, const TensorMapView& view, Visit visit) {
    i64 pixel[max_rank] = {};
    for (int axis = 1; axis < view.rank(); axis++) pixel[axis] = copy.coordinates[axis];
    u64 i = 0;
    for (int column = 0; column < view.box(1); column++, next_pixel(view, pixel)) {
        i64 at[max_rank];
        for (int axis = 0; axis < max_rank; axis++) at[axis] = pixel[axis] + copy.offsets[axis];
        for (int channel = 0; channel < view.box(0); channel++, i++) {
            at[0] = copy.coordinates[0] + channel;
            visit(in_shared(copy, view, i), in_tensor(copy, view, at), std::size_t(view.element()));
        }
    }
}

// Calls visit(shared element address, global element address or nullptr when outside the tensor).
template <class Visit>
void visit_box(const BulkCopy& copy, Visit visit) {
    const TensorMapView view{copy.map};
    if (view.im2col()) {
        visit_column(copy, view, visit);
    } else {
        visit_tile(copy, view, visit);
    }
}

}  // namespace glass::host
