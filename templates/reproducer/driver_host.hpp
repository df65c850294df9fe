// Memory and launches on this machine's processor. The kernels and what runs them are in kernels.cu.

struct Argument {  // as glass::host::Argument
    void* data;
    u64 bytes;
};
struct HostLaunch {  // as glass::host::Launch
    const void* entry;
    const Argument* arguments;
    u64 count, shared, seed;
    u32 order, workers, grid[3], block[3], cluster[3];
    void* running;
};
extern "C" int glass_host_launch(HostLaunch* launch, char* message, unsigned long long capacity);

#include "program.inc"

static std::vector<std::vector<u8>> memory[4];  // by space

static u8* aligned(std::vector<u8>& bytes) {
    return reinterpret_cast<u8*>((reinterpret_cast<std::uintptr_t>(bytes.data()) + 255) / 256 * 256);
}

static u8* address(const Place& place) { return aligned(memory[place.space][place.index]) + place.offset; }

static void add(int space, u64 bytes, const std::vector<u8>& from, u8 fill) {
    memory[space].emplace_back(bytes + 512, fill);
    if (!from.empty()) std::memcpy(aligned(memory[space].back()), from.data(), from.size());
}

static void start(const char* machine_code) {
    if (machine_code) stop("the kernels are compiled in; give no machine code");
}

static std::vector<u8> fetched(const Place& place, u64 bytes) {
    const u8* from = address(UPDATED(place));
    return {from, from + bytes};
}

static void store(const Place& place, const void* from, u64 bytes) { std::memcpy(address(place), from, bytes); }

static void launch(int number) {
    const Step& step = STEPS[number];
    std::vector<Argument> arguments;
    std::vector<std::vector<u64>> maps;
    maps.reserve(step.parameters.size());
    for (const auto& each : step.parameters) {
        if (each.kind == 'b') {
            arguments.push_back({address(UPDATED(each.place)), each.place.bytes});
        } else if (each.kind == 'm') {
            maps.emplace_back(HOST_MAPS[each.value], HOST_MAPS[each.value] + 16);
            maps.back()[0] = reinterpret_cast<u64>(address(UPDATED(each.place)));
            arguments.push_back({maps.back().data(), 128});
        } else {
            arguments.push_back({const_cast<long long*>(&each.value), each.kind == 'i' ? 4u : 8u});
        }
    }
    HostLaunch host{};
    host.entry = ENTRIES[step.kernel], host.arguments = arguments.data(), host.count = arguments.size();
    host.shared = step.shared, host.workers = 8;
    std::memcpy(host.grid, step.grid, sizeof step.grid), std::memcpy(host.block, step.block, sizeof step.block);
    std::memcpy(host.cluster, step.cooperative ? step.grid : step.cluster, sizeof step.cluster);
    char message[2048] = "";
    int status;
    while ((status = glass_host_launch(&host, message, sizeof message)) == 2) {
    }
    if (status) stop(std::string("launch ") + std::to_string(number) + " (" + step.nodes + "): " + message);
}
