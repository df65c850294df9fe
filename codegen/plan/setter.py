"""The setter: the kernel that hands conditions in memory to the conditional nodes of a CUDA graph.

`cudaGraphSetConditional` is a function of the device runtime, which the driver resolves when it loads the
machine code, as it does with `printf`: no device library needs to be linked. Source: CUDA programming guide,
"Conditional Graph Nodes".
"""

from __future__ import annotations

from ...dialects.core.module import Module
from ...dialects.launch_control import LaunchControl
from ...runtime.manifest import SETTER_PARAMETERS

SETTER = "set_condition"
SOURCE = f"""// {SETTER}: whether a conditional node of the graph runs its body, or runs it again.
extern "C" __device__ void cudaGraphSetConditional(unsigned long long handle, unsigned int value);

extern "C" __global__ void {SETTER}(const unsigned long long handle, long long* const counter,
                                         const long long* const trips, const unsigned char* const condition,
                                         const long long bound, const int begins) {{
    long long done = 0;
    if (counter != nullptr) {{
        if (!begins) done = *counter + 1;
        *counter = done;
    }}
    bool more = done < bound;
    if (trips != nullptr) more = more && done < *trips;
    if (condition != nullptr) more = more && *condition != 0;
    cudaGraphSetConditional(handle, more ? 1 : 0);
}}
"""


def has_control_flow(module: Module) -> bool:
    """Whether launches of MODULE run conditionally or repeatedly."""
    return any(isinstance(op, LaunchControl) for op in module.main.block)


def setter_kernel() -> dict[str, object]:
    """The setter as a kernel of a manifest, with the parameters that the runtime passes.

    It has a module of its own, since old drivers do not load it.
    """
    parameters = [parameter.to_json() for parameter in SETTER_PARAMETERS]
    return {"entry": SETTER, "module": SETTER, "parameters": parameters}
