// GLASS_REGISTER(kernel) exports the kernel's entry: a function that unpacks arguments by the
// parameter types of the kernel itself, so no code is generated per kernel beyond this line.
#pragma once

#include "launch.cuh"

namespace glass::host {

template <class P>
struct Unpack {  // scalars and tensor maps, by value
    static constexpr u64 size = sizeof(P);
    static P get(const Argument& argument, int) {
        P value;  // copied bytewise: the caller's memory need not be aligned as P is
        __builtin_memcpy(&value, argument.data, sizeof(P));
        return value;
    }
};

template <class T>
struct Unpack<Input<T>> {
    static constexpr u64 size = 0;
    static Input<T> get(const Argument& argument, int index) {
        return {static_cast<const T*>(argument.data), i64(argument.bytes / sizeof(T)), index};
    }
};

template <class T>
struct Unpack<Output<T>> {
    static constexpr u64 size = 0;
    static Output<T> get(const Argument& argument, int index) { return {Unpack<Input<T>>::get(argument, index)}; }
};

template <int... I>
struct Indices {};

template <int N, int... I>
struct CountTo : CountTo<N - 1, N - 1, I...> {};
template <int... I>
struct CountTo<0, I...> {
    using type = Indices<I...>;
};

template <class Kernel, Kernel* kernel>
struct Call;

template <class... P, void (*kernel)(P...)>
struct Call<void(P...), kernel> {
    static constexpr u64 sizes[sizeof...(P) + 1] = {Unpack<P>::size..., 0};
    static constexpr u64 count = sizeof...(P);

    template <int... I>
    static void spread(const Argument* arguments, Indices<I...>) {
        kernel(Unpack<P>::get(arguments[I], I)...);
    }
    static void run(const Argument* arguments) {
        spread(arguments, typename CountTo<sizeof...(P)>::type{});
    }
};

}  // namespace glass::host

#define GLASS_REGISTER(kernel)                                                                     \
    extern "C" __attribute__((visibility("default"))) const ::glass::host::Entry kernel##_entry = { \
        #kernel, &::glass::host::Call<decltype(kernel), kernel>::run,                               \
        ::glass::host::Call<decltype(kernel), kernel>::sizes,                                       \
        ::glass::host::Call<decltype(kernel), kernel>::count};
