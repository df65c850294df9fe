// Histograms of magnitudes, in counts of a logarithmic scale, with the clip of every calibrator.

const CLIP_COLOURS = ["#1f5fbf", "#c2410c", "#15803d", "#7e22ce", "#b91c1c", "#0e7490", "#a16207"];
const CARDS = 40;

class ClipsView {
    constructor() {
        this.words = "";
        this.limit = CARDS;
        this.names = [...new Set(contents.tensors.flatMap(each => Object.keys(each.clips)))];
    }

    tools() {
        const words = element("input");
        words.type = "search";
        words.placeholder = "tensor";
        words.value = this.words;
        words.addEventListener("input", () => { this.words = words.value; this.limit = CARDS; this.fill(byId("rows")); });
        const keys = this.names.map((name, at) => element("span", "key", swatch(this.colour(at)), name));
        return [element("div", "group", words), element("div", "", ...keys)];
    }

    colour(at) {
        return CLIP_COLOURS[at % CLIP_COLOURS.length];
    }

    fill(place) {
        const words = this.words.toLowerCase();
        const found = contents.tensors.filter(each => each.name.toLowerCase().includes(words));
        const cards = element("div", "cards", ...found.slice(0, this.limit).map(each => this.card(each)));
        const left = found.length - this.limit;
        const more = left <= 0 ? null : button(`${left} more`, () => { this.limit += CARDS; this.fill(place); });
        place.replaceChildren(...[cards, more].filter(Boolean));
    }

    card(tensor) {
        const clip = `clip ${digits(tensor.clip)}, chosen by ${tensor.by}`;
        const card = element("div", "card", element("h2", "", tensor.name), element("div", "faint", clip));
        card.append(tensor.histogram ? this.chart(tensor) : element("p", "faint", "Its histogram was not kept."));
        return card;
    }

    chart(tensor) {
        const ratio = window.devicePixelRatio || 1;
        const [width, height] = [360, 130];
        const canvas = element("canvas");
        canvas.width = width * ratio;
        canvas.height = height * ratio;
        canvas.style.width = `${width}px`;
        canvas.style.height = `${height}px`;
        const context = canvas.getContext("2d");
        context.scale(ratio, ratio);
        const counts = tensor.histogram.counts;
        const range = Math.max(tensor.histogram.width * counts.length, ...Object.values(tensor.clips)) || 1;
        const scale = width / range;
        const most = Math.log1p(Math.max(1, ...counts));
        context.fillStyle = "#c3ccd9";
        counts.forEach((count, at) => {
            const high = (height - 18) * Math.log1p(count) / most;
            const wide = tensor.histogram.width * scale;
            context.fillRect(at * wide, height - 14 - high, Math.max(0.8, wide - 0.4), high);
        });
        this.names.forEach((name, at) => {
            if (!(name in tensor.clips)) return;
            context.fillStyle = this.colour(at);
            const [top, wide] = name === tensor.by ? [0, 2.5] : [8, 1.2];
            context.fillRect(Math.min(width - 2, tensor.clips[name] * scale), top, wide, height - 14 - top);
        });
        context.fillStyle = "#667085";
        context.font = PLAIN_FONT;
        context.textBaseline = "bottom";
        context.fillText("0", 0, height);
        context.textAlign = "right";
        context.fillText(digits(range), width, height);
        return canvas;
    }
}
