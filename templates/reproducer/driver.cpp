// Runs the launches of one plan on saved inputs, and compares the outputs with saved ones. Needs no GlassRT.
//
// With -DGLASS_HOST the kernels run on this machine's processor, as C++, with every access checked; without,
// on a GPU, from the machine code in cubins/ or, as the argument says, in another file of it.
// Buffers, launches and steps are in program.inc.
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

using u8 = std::uint8_t;
using u32 = std::uint32_t;
using u64 = std::uint64_t;

struct Tensor {
    const char* name;
    const char* type;
    u64 bytes;
};
// A range of bytes in the arena (space 0), the weights (1), or the input (2) or output (3) of that number.
struct Place {
    int space, index;
    u64 offset, bytes;
};
// What a kernel is given: 'b' a buffer, 'i' and 'l' an integer of 32 or 64 bits, 'm' the tensor map of that number.
struct Parameter {
    char kind;
    Place place;
    long long value;
};
struct Kernel {
    const char* name;
    const char* cubin;
};
struct Step {
    int kernel;
    const char* nodes;
    u32 grid[3], block[3], cluster[3];
    u64 shared;
    bool cooperative;
    std::vector<Parameter> parameters;
};

[[noreturn]] static void stop(const std::string& why) {
    std::fprintf(stderr, "%s\n", why.c_str());
    std::exit(2);
}

static std::vector<u8> content(const std::string& path) {
    std::FILE* file = std::fopen(path.c_str(), "rb");
    if (!file) stop("cannot read " + path);
    std::vector<u8> bytes;
    u8 part[1 << 16];
    for (std::size_t got; (got = std::fread(part, 1, sizeof part, file)) > 0;) bytes.insert(bytes.end(), part, part + got);
    std::fclose(file);
    return bytes;
}

static void launch(int number);
static std::vector<u8> fetched(const Place& place, u64 bytes);
static void store(const Place& place, const void* from, u64 bytes);

// ---- What the steps between launches read and count. ----

static bool truth(const Place& place) { return fetched(place, 1)[0] != 0; }

static long long number_in(const Place& place) {
    long long value;
    std::memcpy(&value, fetched(place, 8).data(), 8);
    return value;
}

static void count(const Place& place, long long done) { store(place, &done, 8); }

#if defined(GLASS_HOST)
#include "driver_host.hpp"
#else
#include "driver_cuda.hpp"
#endif

// Memory for every space, with what each holds before the first launch.
static void fill() {
    add(0, ARENA_BYTES, std::vector<u8>(ZEROED_BYTES, 0), 0xff);  // NaN, where nothing was written
    const auto weights = content("weights.bin");
    add(1, weights.size(), weights, 0);
    for (int i = 0; i < int(INPUTS.size()); i++)
        add(2, INPUTS[i].bytes, content("input_" + std::to_string(i) + ".bin"), 0);
    for (const auto& output : OUTPUTS) add(3, output.bytes, {}, 0xff);
}

// ---- Outputs against those that are saved. ----

static double half_value(std::uint16_t bits) {
    const int exponent = bits >> 10 & 31, fraction = bits & 1023;
    const double size = exponent == 0    ? std::ldexp(fraction, -24)
                        : exponent == 31 ? (fraction ? NAN : INFINITY)
                                         : std::ldexp(1024 + fraction, exponent - 25);
    return bits >> 15 ? -size : size;
}

template <class T>
static double read(const u8* at) {
    T value;
    std::memcpy(&value, at, sizeof value);
    return double(value);
}

// Element number `index` of a tensor of `type`; types that have no case are compared as bytes.
static double element(const std::string& type, const u8* data, u64 index, int bytes) {
    const u8* at = data + index * bytes;
    if (type == "f32") return read<float>(at);
    if (type == "f64") return read<double>(at);
    if (type == "f16") return half_value(std::uint16_t(read<std::uint16_t>(at)));
    if (type == "bf16") {
        const u32 wide = u32(read<std::uint16_t>(at)) << 16;
        return read<float>(reinterpret_cast<const u8*>(&wide));
    }
    if (type == "i64") return read<long long>(at);
    if (type == "i32") return read<int>(at);
    if (type == "i16") return read<short>(at);
    if (type == "i8") return read<signed char>(at);
    return bytes == 8 ? read<u64>(at) : bytes == 4 ? read<u32>(at) : bytes == 2 ? read<std::uint16_t>(at) : read<u8>(at);
}

static int width(const std::string& type) {
    for (const auto& [ending, bytes] : {std::pair<const char*, int>{"64", 8}, {"32", 4}, {"16", 2}})
        if (type.size() > 1 && type.compare(type.size() - 2, 2, ending) == 0) return bytes;
    return 1;
}

// Prints how far an output is from the saved one; whether it is within the bound.
static bool compare(const Tensor& tensor, int number) {
    const std::vector<u8> have = fetched({3, number, 0, tensor.bytes}, tensor.bytes);
    const std::vector<u8> want = content("expected_" + std::to_string(number) + ".bin");
    if (have.size() != want.size()) stop("expected_" + std::to_string(number) + ".bin has another size");
    const int bytes = width(tensor.type);
    double error = 0, size = 0, largest = 0;
    u64 odd = 0;
    for (u64 i = 0; i < have.size() / bytes; i++) {
        const double a = element(tensor.type, have.data(), i, bytes), b = element(tensor.type, want.data(), i, bytes);
        if (a == b || (std::isnan(a) && std::isnan(b))) {
            size += std::isfinite(b) ? b * b : 0;
        } else if (!std::isfinite(a) || !std::isfinite(b)) {
            odd++;
        } else {
            error += (a - b) * (a - b), size += b * b;
            largest = std::fmax(largest, std::fabs(a - b));
        }
    }
    const double relative = error == 0 ? 0 : size == 0 ? INFINITY : std::sqrt(error / size);
    const bool fine = relative <= BOUND && odd == 0;
    std::printf("%s: relative error %.3g, largest difference %.3g, %llu not finite in one alone: %s\n", tensor.name,
                relative, largest, static_cast<unsigned long long>(odd), fine ? "within the bound" : "BEYOND the bound");
    return fine;
}

int main(int arguments, char** given) {
    start(arguments > 1 ? given[1] : nullptr);
    fill();
    run();
    bool fine = true;
    for (int i = 0; i < int(OUTPUTS.size()); i++) fine &= compare(OUTPUTS[i], i);
    return fine ? 0 : 1;
}
