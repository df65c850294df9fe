// Memory and launches on a GPU, by the driver API (libcuda).
#include <cuda.h>

static void check(CUresult status, const std::string& what) {
    const char* text = nullptr;
    if (status != CUDA_SUCCESS) stop(what + ": " + (cuGetErrorString(status, &text) == CUDA_SUCCESS ? text : "error"));
}

#include "program.inc"

static std::vector<CUdeviceptr> memory[4];  // by space
static std::vector<CUfunction> functions;

static CUdeviceptr address(const Place& place) { return memory[place.space][place.index] + place.offset; }

static void add(int space, u64 bytes, const std::vector<u8>& from, u8 fill) {
    CUdeviceptr place;
    check(cuMemAlloc(&place, bytes ? bytes : 1), "cuMemAlloc");
    check(cuMemsetD8(place, fill, bytes), "cuMemsetD8");
    if (!from.empty()) check(cuMemcpyHtoD(place, from.data(), from.size()), "cuMemcpyHtoD");
    memory[space].push_back(place);
}

static void start(const char* machine_code) {
    CUdevice device;
    CUcontext context;
    check(cuInit(0), "cuInit");
    check(cuDeviceGet(&device, 0), "cuDeviceGet");
    check(cuDevicePrimaryCtxRetain(&context, device), "cuDevicePrimaryCtxRetain");
    check(cuCtxSetCurrent(context), "cuCtxSetCurrent");
    for (const auto& kernel : KERNELS) {
        CUmodule module;
        CUfunction function;
        const auto code = content(machine_code ? machine_code : kernel.cubin);
        check(cuModuleLoadData(&module, code.data()), "cuModuleLoadData");
        check(cuModuleGetFunction(&function, module, kernel.name), kernel.name);
        functions.push_back(function);
    }
}

static std::vector<u8> fetched(const Place& place, u64 bytes) {
    std::vector<u8> to(bytes);
    if (bytes) check(cuMemcpyDtoH(to.data(), address(UPDATED(place)), bytes), "cuMemcpyDtoH");
    return to;
}

static void store(const Place& place, const void* from, u64 bytes) {
    check(cuMemcpyHtoD(address(place), from, bytes), "cuMemcpyHtoD");
}

static void launch(int number) {
    const Step& step = STEPS[number];
    const std::string name = "launch " + std::to_string(number) + " (" + step.nodes + ")";
    std::vector<CUdeviceptr> buffers(step.parameters.size());
    std::vector<CUtensorMap> maps(step.parameters.size());
    std::vector<void*> parameters;
    for (std::size_t i = 0; i < step.parameters.size(); i++) {
        const auto& each = step.parameters[i];
        if (each.kind == 'b') {
            buffers[i] = address(UPDATED(each.place));
            parameters.push_back(&buffers[i]);
        } else if (each.kind == 'm') {
            check(tensor_map(&maps[i], int(each.value), address(UPDATED(each.place))), name + ": tensor map");
            parameters.push_back(&maps[i]);
        } else {
            parameters.push_back(const_cast<long long*>(&each.value));
        }
    }
    const CUfunction function = functions[step.kernel];
    check(cuFuncSetAttribute(function, CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES, int(step.shared)), name);
    CUlaunchAttribute attributes[2];
    CUlaunchConfig config{step.grid[0], step.grid[1], step.grid[2], step.block[0], step.block[1], step.block[2]};
    config.sharedMemBytes = unsigned(step.shared), config.attrs = attributes;
    if (step.cluster[0] * step.cluster[1] * step.cluster[2] > 1) {
        auto& cluster = attributes[config.numAttrs++];
        cluster.id = CU_LAUNCH_ATTRIBUTE_CLUSTER_DIMENSION;
        cluster.value.clusterDim = {step.cluster[0], step.cluster[1], step.cluster[2]};
        check(cuFuncSetAttribute(function, CU_FUNC_ATTRIBUTE_NON_PORTABLE_CLUSTER_SIZE_ALLOWED, 1), name);
    }
    if (step.cooperative) {
        attributes[config.numAttrs].id = CU_LAUNCH_ATTRIBUTE_COOPERATIVE;
        attributes[config.numAttrs++].value.cooperative = 1;
    }
    check(cuLaunchKernelEx(&config, function, parameters.data(), nullptr), name);
    check(cuCtxSynchronize(), name);
}
