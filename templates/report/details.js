// What the panel at the right says about the selected box, launch or node.

const SHOWN_RECORDS = 12;
const linesOf = {};
for (const level of contents.levels) linesOf[level.name] = level.text.split("\n");

function showPanel(...parts) {
    const panel = byId("details");
    panel.replaceChildren(...parts.filter(part => part !== null));
    panel.scrollTop = 0;
}

function showPlan() {
    const plan = contents.plan;
    const sizes = Object.entries(plan.symbols).map(([name, [low, usual, high]]) =>
        `${name}: ${low} to ${high}, tuned for ${usual}, shown at ${plan.at[name]}`);
    const tensors = list => list.map(each => `${each.name} ${each.dtype}`).join(", ");
    const end = Math.max(0, ...contents.launches.map(each => each.span[1]));
    const total = contents.launches.reduce((sum, each) => sum + (each.expected || 0), 0);
    showPanel(
        element("h2", "", plan.name),
        facts([
            ["made by", plan.generator],
            ["for", plan.targets.join(", ") || "the host alone"],
            ["sizes", sizes.join("; ")],
            ["inputs", tensors(plan.inputs)],
            ["outputs", tensors(plan.outputs)],
            ["ONNX nodes", String(nodeFacts.size)],
            ["launches", `${plan.launches} of ${plan.kernels} kernels`],
            ["expected", `${micros(total)} in all launches, ${micros(end)} on their streams, by the cost model of `
                + contents.priced],
            ["arena", quantity(contents.memory.bytes, "B")],
            ["weights", quantity(plan.bytes.weights, "B")],
            ["decisions", String(contents.ledger.length)],
        ]),
        element("h3", "", "How to read this page"),
        element("p", "", "Drag to move, turn the wheel to zoom, click a box to see its kernel, its IR text and its "
            + "CUDA source. Press / to search. Colours are those of the kernel that runs a box; times are expected "
            + "by the cost model, not measured, unless a measured one is named."),
    );
}

function showBox(level, box) {
    const launch = launchOf(box);
    const text = box.lines ? linesOf[level].slice(box.lines[0], box.lines[1] + 1).join("\n") : "";
    const what = { input: "input", output: "output" }[box.kind] || `${level} level`;
    showPanel(
        element("h2", "", box.title),
        element("div", "faint", [what, box.about].filter(Boolean).join(", ")),
        launch ? kernelFacts(box.launch) : reasonOf(box),
        texts(`IR text, ${level} level`, text, launch),
        nodeList(box.nodes),
        recordList(box.nodes, launch),
    );
}

function showLaunch(at, note) {
    const launch = contents.launches[at];
    const view = page.graphs.launch;
    const box = view ? view.boxes.find(each => each.launch === at) : null;
    const text = box && box.lines ? linesOf.launch.slice(box.lines[0], box.lines[1] + 1).join("\n") : "";
    showPanel(
        element("h2", "", launch.kernel),
        element("div", "faint", note || `launch ${at}`),
        box ? button("show it in the graph", () => goTo("launch", box), "plain") : null,
        kernelFacts(at),
        texts("IR text, launch level", text, launch),
        nodeList(launch.nodes),
        recordList(launch.nodes, launch),
    );
}

function showNode(node) {
    showPanel(element("h2", "", node), reasonOf({ kind: "op", nodes: [node] }), recordList([node], null));
}

function kernelFacts(at) {
    const launch = contents.launches[at];
    const formats = ["requested", "chosen", "executed"].filter(key => launch.formats[key])
        .map(key => `${launch.formats[key]} ${key}`);
    const registers = Object.entries(launch.targets).map(([target, each]) =>
        each.registers === null ? "" : `${each.registers} (${target})`).filter(Boolean);
    const members = launch.members.map(each => `${each.family}${configText(each.config)}`);
    return facts([
        ["kernel", launch.kernel],
        ["launch", `${at} of ${contents.launches.length}, on stream ${launch.stream}`
            + (launch.waits.length ? `, waits for ${launch.waits.join(", ")}` : "")],
        ["family", launch.family],
        [members.length > 1 ? "members" : "configuration",
            members.length > 1 ? members.join("; ") : configText(launch.members[0] ? launch.members[0].config : {})],
        ["chosen", launch.why],
        ["grid", `${size3(launch.grid)} blocks of ${size3(launch.block)} threads`
            + (launch.cluster.some(each => each > 1) ? `, clusters of ${size3(launch.cluster)}` : "")],
        ["shared memory", quantity(launch.shared_bytes, "B")],
        ["registers", registers.join(", ")],
        ["formats", formats.join(", ")],
        ["expected", micros(launch.expected)],
        ["measured", launch.measured === null ? null : micros(launch.measured)],
        ["error", errorText(launch)],
        ["work", `${launch.flops === null ? "unknown" : quantity(launch.flops, "FLOPs")}, ${quantity(launch.bytes, "B")}`
            + " read and written"],
    ]);
}

function errorText(launch) {
    if (launch.infinite) return "not finite";
    return launch.error === null ? null : `${digits(launch.error)}, relative to its ops in f64`;
}

function configText(config) {
    const parts = Object.entries(config).map(([key, value]) => `${key} ${value}`);
    return parts.length ? ` ${parts.join(", ")}` : "";
}

// Why what is in BOX runs in no kernel.
function reasonOf(box) {
    if (box.kind === "control") return element("p", "faint", "It runs what is inside of it.");
    if (box.kind !== "op") return null;
    const known = box.nodes.map(node => nodeFacts.get(node)).filter(Boolean);
    if (!known.length) return element("p", "faint", "No kernel: it is there for sizes or for memory alone.");
    const [node] = known;
    return facts([["state", node.state], ["by", node.rule], ["reason", node.reason]]);
}

function texts(title, text, launch) {
    const pair = element("div", "texts");
    if (text) pair.append(element("div", "", element("h3", "", title), element("pre", "ir", dedented(text))));
    const source = launch ? contents.sources[launch.kernel] : "";
    if (source) {
        pair.append(element("div", "", element("h3", "", `CUDA source of ${launch.kernel}`), element("pre", "cuda", source)));
    }
    return pair;
}

function dedented(text) {
    const lines = text.split("\n");
    const indent = Math.min(...lines.filter(line => line.trim()).map(line => line.search(/\S/)));
    return lines.map(line => line.slice(indent)).join("\n");
}

function nodeList(nodes) {
    if (!nodes.length) return null;
    const list = element("ul", "list nodes");
    for (const node of nodes) {
        const own = nodeFacts.get(node);
        const about = own ? `  ${own.ops.join(", ")}${own.state === "runs" ? "" : ` (${own.state})`}` : "";
        list.append(element("li", "", button(node, () => goToNode(node, "graph"), "plain"), element("span", "faint", about)));
    }
    return element("section", "", element("h3", "", "ONNX nodes"), list);
}

function recordList(nodes, launch) {
    const asked = new Set(nodes);
    const found = contents.ledger.filter(record => record.nodes.some(node => asked.has(node))
        || (launch && record.figures.kernel === launch.kernel));
    if (!found.length) return null;
    const list = element("ul", "list");
    for (const record of found.slice(0, SHOWN_RECORDS)) list.append(element("li", "", ...recordText(record)));
    const more = found.length - SHOWN_RECORDS;
    const all = more > 0 ? button(`and ${more} more, all in the ledger`, () => showLedger(found), "plain") : null;
    return element("section", "", element("h3", "", `Decisions about it: ${found.length}`), list, all);
}

function recordText(record) {
    const figures = Object.entries(record.figures).map(([key, value]) => `${key} ${value}`).join(", ");
    return [
        element("span", `verdict ${record.verdict}`, record.verdict),
        `${record.rule}: ${record.reason}`,
        element("span", "faint", figures ? ` (${figures})` : ""),
    ];
}
