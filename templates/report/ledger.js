// The decision ledger as rows, narrowed by words, verdict and rule.

const LEDGER_PAGE = 300;

class LedgerView {
    constructor() {
        this.words = "";
        this.verdict = "";
        this.rule = "";
        this.only = null;
        this.marked = null;
        this.limit = LEDGER_PAGE;
        contents.ledger.forEach(record => { record.lower = record.text.toLowerCase(); });
    }

    found() {
        const words = this.words.toLowerCase().split(/\s+/).filter(Boolean);
        return (this.only || contents.ledger).filter(record =>
            (!this.verdict || record.verdict === this.verdict)
            && (!this.rule || record.rule === this.rule)
            && words.every(word => record.lower.includes(word)));
    }

    tools() {
        const words = element("input");
        words.type = "search";
        words.placeholder = "words";
        words.value = this.words;
        words.id = "ledger-words";
        words.addEventListener("input", () => this.change({ words: words.value }));
        return [
            element("div", "group", words),
            this.selection("verdict", "every verdict"),
            this.selection("rule", "every rule"),
            this.only ? button("show all decisions", () => { this.only = null; page.show("ledger"); }) : null,
            element("span", "note", ""),
        ];
    }

    selection(key, every) {
        const made = element("select");
        const values = [...new Set(contents.ledger.map(record => record[key]))].sort();
        for (const value of ["", ...values]) {
            const option = element("option", "", value || every);
            option.value = value;
            made.append(option);
        }
        made.value = this[key];
        made.addEventListener("change", () => this.change({ [key]: made.value }));
        return made;
    }

    change(values) {
        Object.assign(this, values, { limit: LEDGER_PAGE });
        this.fill(byId("rows"));
    }

    fill(place) {
        const found = this.found();
        const note = byId("tools").querySelector(".note");
        if (note) note.textContent = `${found.length} of ${contents.ledger.length} decisions`;
        const head = element("tr", "", ...["", "rule", "nodes", "reason"].map(text => element("th", "", text)));
        const table = element("table", "", element("thead", "", head));
        const body = element("tbody");
        for (const record of found.slice(0, this.limit)) body.append(this.row(record));
        table.append(body);
        const left = found.length - this.limit;
        const more = left <= 0 ? null : button(`${left} more`, () => { this.limit += LEDGER_PAGE; this.fill(place); });
        place.replaceChildren(...[table, more].filter(Boolean));
        const marked = place.querySelector("tr.on");
        if (marked) marked.scrollIntoView({ block: "center" });
    }

    row(record) {
        const rule = element("td", "rule", record.rule);
        rule.title = contents.rules[record.rule] || "";
        const nodes = element("td", "");
        for (const node of record.nodes.slice(0, 6)) {
            nodes.append(button(node, () => goToNode(node), "plain"), element("br"));
        }
        if (record.nodes.length > 6) nodes.append(element("span", "faint", `and ${record.nodes.length - 6} more`));
        const figures = Object.entries(record.figures).map(([key, value]) => `${key} ${value}`).join(", ");
        const reason = element("td", "", record.reason, element("div", "faint", figures));
        const verdict = element("td", "", element("span", `verdict ${record.verdict}`, record.verdict));
        return element("tr", record === this.marked ? "on" : "", verdict, rule, nodes, reason);
    }
}

function showLedger(only, marked) {
    Object.assign(page.ledger, { only: only || null, marked: marked || null, words: "", verdict: "", rule: "" });
    if (marked) {
        // The row has to be among those that are shown.
        page.ledger.limit = Math.max(LEDGER_PAGE, contents.ledger.indexOf(marked) + 50);
    }
    page.show("ledger");
}
