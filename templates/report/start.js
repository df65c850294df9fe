// The page as a whole: which view is shown, and its tools.

const page = {
    mode: MODES[0][0],
    view: "graph",
    level: contents.levels.length ? contents.levels[contents.levels.length - 1].name : "",
    graphs: Object.fromEntries(contents.levels.map(level => [level.name, new GraphView(level)])),
    timeline: new TimelineView(),
    memory: new MemoryView(),
    ledger: new LedgerView(),
    clips: new ClipsView(),
    pane: null,

    show(view) {
        this.view = view;
        const drawn = this.canvasView();
        byId("picture").hidden = !drawn;
        byId("rows").hidden = Boolean(drawn);
        this.renderViews();
        byId("tools").replaceChildren(...this.tools().filter(Boolean));
        if (drawn) this.pane.show(drawn);
        else this[view].fill(byId("rows"));
    },

    canvasView() {
        return { graph: this.graphs[this.level], timeline: this.timeline, memory: this.memory }[this.view];
    },

    renderViews() {
        const views = [["graph", "Graph"], ["timeline", "Timeline"], ["memory", "Memory"], ["ledger", "Ledger"]];
        if (contents.tensors.length) views.push(["clips", "Calibration"]);
        byId("views").replaceChildren(choiceOf("", views, this.view, view => this.show(view)));
    },

    tools() {
        if (this.view === "ledger" || this.view === "clips") return this[this.view].tools();
        const modes = choiceOf("colour", MODES, this.mode, mode => { this.mode = mode; this.show(this.view); });
        const tools = [modes, legendOf(this.mode)];
        if (this.view === "graph") {
            const levels = contents.levels.map(each => [each.name, each.name]);
            tools.unshift(choiceOf("level", levels, this.level, level => this.turn(level)));
            tools.splice(1, 0, button("fit", () => this.graphs[this.level].fit(this.pane)));
            return tools;
        }
        const view = this[this.view];
        tools.push(button("fit", () => { view.begin(this.pane); this.pane.redraw(); }));
        tools.push(element("span", "note", this.note()));
        return tools;
    },

    note() {
        const control = contents.plan.control.length ? " Each launch of a branch or loop is shown once." : "";
        if (this.view === "timeline") {
            return `Expected by the cost model of ${contents.priced}, not measured.${control}`;
        }
        const rooms = contents.memory.buffers.some(each => each.most > each.bytes);
        return rooms ? "Filled: bytes at the sizes shown; outlined: room for the largest sizes." : "";
    },

    // Show another level at the same node.
    turn(level) {
        const before = this.graphs[this.level];
        const chosen = before.selected === null ? null : before.boxes[before.selected];
        this.level = level;
        this.show("graph");
        const node = chosen && chosen.nodes[0];
        const box = node ? this.graphs[level].boxOf(node) : null;
        if (box) this.graphs[level].go(box);
    },
};

function begin() {
    const plan = contents.plan;
    byId("name").append(plan.name, element("small", "", plan.targets.join(", ") || "host"));
    page.pane = new Pane(byId("canvas"), byId("tip"));
    const search = new Search(byId("asked"), byId("hits"));
    document.addEventListener("keydown", event => {
        if (event.key === "/" && !/^(INPUT|SELECT)$/.test(document.activeElement.tagName)) {
            event.preventDefault();
            search.input.focus();
        }
    });
    const divider = byId("divider");
    divider.addEventListener("pointerdown", event => divider.setPointerCapture(event.pointerId));
    divider.addEventListener("pointermove", event => {
        if (!divider.hasPointerCapture(event.pointerId)) return;
        byId("details").style.width = `${Math.max(300, window.innerWidth - event.clientX)}px`;
    });
    showPlan();
    page.show(contents.levels.length ? "graph" : "timeline");
}

begin();
