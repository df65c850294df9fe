// Fibers: stacks of their own and a switch between them that saves what the calling convention asks.
#pragma once

#include <sys/mman.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <new>

#if !defined(__x86_64__) && !defined(__aarch64__)
#include <ucontext.h>
#endif

namespace glass::host {

#if defined(__x86_64__)

// System V: rbx, rbp, r12-r15 survive a call; everything else the caller has saved already.
asm(R"(
.text
.p2align 4
glass_fiber_switch:
    pushq %rbp
    pushq %rbx
    pushq %r12
    pushq %r13
    pushq %r14
    pushq %r15
    movq %rsp, (%rdi)
    movq %rsi, %rsp
    popq %r15
    popq %r14
    popq %r13
    popq %r12
    popq %rbx
    popq %rbp
    ret
)");
constexpr int saved_words = 6;  // below the return address
constexpr int entry_word = 6;

#elif defined(__aarch64__)

// AAPCS64: x19-x30 and the low halves of v8-v15 survive a call.
asm(R"(
.text
.p2align 4
glass_fiber_switch:
    sub sp, sp, #160
    stp x19, x20, [sp, #0]
    stp x21, x22, [sp, #16]
    stp x23, x24, [sp, #32]
    stp x25, x26, [sp, #48]
    stp x27, x28, [sp, #64]
    stp x29, x30, [sp, #80]
    stp d8, d9, [sp, #96]
    stp d10, d11, [sp, #112]
    stp d12, d13, [sp, #128]
    stp d14, d15, [sp, #144]
    mov x9, sp
    str x9, [x0]
    mov sp, x1
    ldp x19, x20, [sp, #0]
    ldp x21, x22, [sp, #16]
    ldp x23, x24, [sp, #32]
    ldp x25, x26, [sp, #48]
    ldp x27, x28, [sp, #64]
    ldp x29, x30, [sp, #80]
    ldp d8, d9, [sp, #96]
    ldp d10, d11, [sp, #112]
    ldp d12, d13, [sp, #128]
    ldp d14, d15, [sp, #144]
    add sp, sp, #160
    ret
)");
constexpr int saved_words = 18;  // the frame is 20 words, of which two lie above this
constexpr int entry_word = 11;   // x30

#endif

#if defined(__x86_64__) || defined(__aarch64__)

extern "C" void glass_fiber_switch(void** save, void* resume) asm("glass_fiber_switch");

struct Context {
    void* stack_pointer = nullptr;

    // Makes the next switch here call `entry` on an empty stack that ends at `top` (16-byte aligned).
    void prepare(char*, char* top, void (*entry)()) {
        void** frame = reinterpret_cast<void**>(top) - 2 - saved_words;
        for (int i = 0; i < saved_words + 2; i++) frame[i] = nullptr;
        frame[entry_word] = reinterpret_cast<void*>(entry);
        stack_pointer = frame;
    }
};

inline void switch_context(Context& from, Context& to) { glass_fiber_switch(&from.stack_pointer, to.stack_pointer); }

#else

struct Context {
    ucontext_t context;

    void prepare(char* base, char* top, void (*entry)()) {
        getcontext(&context);
        context.uc_stack.ss_sp = base;
        context.uc_stack.ss_size = std::size_t(top - base);
        context.uc_link = nullptr;
        makecontext(&context, entry, 0);
    }
};

inline void switch_context(Context& from, Context& to) { swapcontext(&from.context, &to.context); }

#endif

// The stacks of many fibers in one mapping: a process may have some 65,000 mappings, which stacks of
// their own with a guard page each would use up. Below the lowest lies a page that nobody may touch.
class StackSlab {
public:
    static constexpr std::size_t stack_bytes = std::size_t(256) << 10;
    static constexpr std::size_t stacks = 32;

    StackSlab() : page_(std::size_t(sysconf(_SC_PAGESIZE))) {
        void* memory = mmap(nullptr, bytes(), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        if (memory == MAP_FAILED) throw std::bad_alloc();
        memory_ = static_cast<char*>(memory);
        mprotect(memory_, page_, PROT_NONE);
    }
    StackSlab(const StackSlab&) = delete;
    StackSlab& operator=(const StackSlab&) = delete;
    ~StackSlab() { munmap(memory_, bytes()); }

    char* base(std::size_t stack) const { return memory_ + page_ + stack * stack_bytes; }

private:
    std::size_t bytes() const { return page_ + stacks * stack_bytes; }
    std::size_t page_;
    char* memory_;
};

// A context with a stack. Its lowest part is spare, and a mark lies above that: a fiber that ran out
// of stack has overwritten the mark before it reaches its neighbour.
class Fiber {
public:
    static constexpr std::size_t spare = 8192;
    static constexpr std::size_t usable = StackSlab::stack_bytes - spare;

    Fiber(char* base, std::size_t number)
        : base_(base + spare),
          // Tops at different offsets in their pages, or all hot frames would share a few cache sets.
          top_(base_ + usable - (number * 37 % 256) * 64) {}

    void reset(void (*entry)()) {
        *reinterpret_cast<std::uint64_t*>(base_) = mark;
        context.prepare(base_ + 16, top_, entry);  // above the mark, aligned
    }
    bool overflowed() const { return *reinterpret_cast<const std::uint64_t*>(base_) != mark; }

    Context context;

private:
    static constexpr std::uint64_t mark = 0x676c6173732e7274;
    char* base_;
    char* top_;
};

}  // namespace glass::host
