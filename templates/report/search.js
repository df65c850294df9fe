// The search over nodes, kernels and decisions.

const HITS = 12;  // of each kind

class Search {
    constructor(input, list) {
        this.input = input;
        this.list = list;
        this.hits = [];
        this.on = 0;
        input.addEventListener("input", () => this.find());
        input.addEventListener("focus", () => this.find());
        input.addEventListener("keydown", event => this.key(event));
        // A press on a hit leaves the focus where it is.
        input.addEventListener("blur", () => { list.hidden = true; });
    }

    find() {
        const asked = this.input.value.trim().toLowerCase();
        this.hits = asked ? [...this.nodes(asked), ...this.kernels(asked), ...this.decisions(asked)] : [];
        this.on = 0;
        this.render();
    }

    nodes(asked) {
        return matches([...nodeFacts.keys()], node => node, asked)
            .map(node => ({ kind: "node", text: node, go: () => goToNode(node) }));
    }

    kernels(asked) {
        const numbered = contents.launches.map((launch, at) => ({ launch, at }));
        return matches(numbered, ({ launch, at }) => `${launch.kernel} ${launch.op} launch ${at}`, asked)
            .map(({ launch, at }) => ({ kind: "kernel", text: `${launch.kernel}  launch ${at}`, go: () => goToLaunch(at) }));
    }

    decisions(asked) {
        return matches(contents.ledger, record => record.lower, asked)
            .map(record => ({ kind: "decision", text: record.text, go: () => showLedger(null, record) }));
    }

    render() {
        this.list.hidden = !this.hits.length;
        this.list.replaceChildren(...this.hits.map((hit, at) => {
            const item = element("li", at === this.on ? "on" : "", element("span", "", hit.kind), hit.text);
            item.addEventListener("pointerdown", event => { event.preventDefault(); this.take(at); });
            return item;
        }));
    }

    key(event) {
        if (event.key === "Enter") this.take(this.on);
        else if (event.key === "Escape") this.list.hidden = true;
        else if (event.key === "ArrowDown") this.on = Math.min(this.on + 1, this.hits.length - 1);
        else if (event.key === "ArrowUp") this.on = Math.max(this.on - 1, 0);
        else return;
        if (event.key.startsWith("Arrow")) {
            event.preventDefault();
            this.render();
        }
    }

    take(at) {
        const hit = this.hits[at];
        this.list.hidden = true;
        if (hit) hit.go();
    }
}

// The items whose text has what is asked for; those that begin with it, and short ones, come first.
function matches(items, textOf, asked) {
    const found = items.filter(item => textOf(item).toLowerCase().includes(asked));
    const place = item => textOf(item).toLowerCase().indexOf(asked) * 1000 + textOf(item).length;
    if (found.length > 2000) return found.slice(0, HITS);
    return found.map(item => [place(item), item]).sort((a, b) => a[0] - b[0]).slice(0, HITS).map(pair => pair[1]);
}

function goTo(level, box) {
    page.level = level;
    page.show("graph");
    page.graphs[level].go(box);
}

// Show a node at the level that is shown, else at the first that has it; what no level has is told only.
function goToNode(node, wanted) {
    const levels = [wanted || page.level, ...Object.keys(page.graphs)];
    for (const level of levels) {
        const box = page.graphs[level] ? page.graphs[level].boxOf(node) : null;
        if (box) {
            goTo(level, box);
            return;
        }
    }
    showNode(node);
}

function goToLaunch(at) {
    // A kernel's box comes before those inside of it.
    goTo("launch", page.graphs.launch.boxes.find(each => each.launch === at));
}
