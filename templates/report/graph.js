// The graph of one level.

const TITLE_FONT = "600 12px system-ui, 'DejaVu Sans', sans-serif";
const SMALL_FONT = "11px system-ui, 'DejaVu Sans', sans-serif";
const PLAIN_FONT = "10px system-ui, 'DejaVu Sans', sans-serif";

class GraphView {
    constructor(level) {
        this.level = level.name;
        this.boxes = level.boxes;
        this.edges = level.edges.map(edge => ({ ...edge, place: placeOf(edge.points) }));
        this.size = level.size;
        this.flat = false;
        this.camera = null;
        this.zooms = [0.004, 6];
        this.selected = null;
        this.boxes.forEach((box, number) => {
            box.number = number;
            // Whether it is in no kernel, but in a branch or a loop at most.
            box.outer = box.around < 0 || this.boxes[box.around].kind === "control";
        });
    }

    begin(pane) {
        const [width] = this.size;
        const scale = Math.max(0.35, Math.min(1, (pane.width - 40) / Math.max(width, 1)));
        const first = this.boxes.length ? this.boxes[0].at : [0, 0, 0, 0];
        const fits = width * scale < pane.width;
        const middle = fits ? width / 2 : first[0] + first[2] / 2;
        this.camera = { across: scale, down: scale, x: pane.width / 2 - middle * scale, y: 20 };
    }

    fit(pane) {
        const [width, height] = this.size;
        const scale = Math.min(1, (pane.width - 30) / Math.max(width, 1), (pane.height - 30) / Math.max(height, 1));
        this.camera = { across: scale, down: scale };
        this.camera.x = (pane.width - width * scale) / 2;
        this.camera.y = (pane.height - height * scale) / 2;
        pane.redraw();
    }

    draw(pane) {
        const { x, y, across } = this.camera;
        const context = pane.context;
        const seen = pane.window();
        context.save();
        context.translate(x, y);
        context.scale(across, across);
        this.drawOuter(context, seen, across);
        this.drawEdges(context, seen, across);
        this.drawInner(context, seen, across);
        this.drawMarks(context, across);
        context.restore();
    }

    drawOuter(context, seen, scale) {
        for (const box of this.boxes) if (box.around < 0 && meets(box.at, seen)) this.drawBox(context, box, scale);
    }

    drawInner(context, seen, scale) {
        if (scale < 0.12) return;
        for (const box of this.boxes) if (box.around >= 0 && meets(box.at, seen)) this.drawBox(context, box, scale);
        if (scale > 0.3) this.stroke(context, seen, scale, true);
    }

    drawEdges(context, seen, scale) {
        this.stroke(context, seen, scale, false);
        if (this.selected === null) return;
        context.strokeStyle = "#1f5fbf";
        context.lineWidth = Math.max(1.8, 1.2 / scale);
        context.beginPath();
        for (const edge of this.edges) {
            if (edge.from === this.selected || edge.to === this.selected) trace(context, edge.points, scale);
        }
        context.stroke();
    }

    stroke(context, seen, scale, inner) {
        context.strokeStyle = inner ? "#8a94a6" : "#98a2b3";
        context.lineWidth = Math.max(1, 0.6 / scale);
        context.beginPath();
        for (const edge of this.edges) {
            if ((this.boxes[edge.from].around >= 0) === inner && meets(edge.place, seen)) {
                trace(context, edge.points, scale);
            }
        }
        context.stroke();
    }

    drawBox(context, box, scale) {
        const [x, y, width, height] = box.at;
        const colour = this.colour(box);
        const rounded = box.kind === "input" || box.kind === "output";
        context.fillStyle = colour;
        context.strokeStyle = rounded ? "#4b6a9b" : "#7a8496";
        context.lineWidth = Math.max(0.8, 0.4 / scale);
        if (scale < 0.25) {
            context.fillRect(x, y, width, height);
            return;
        }
        context.beginPath();
        context.roundRect(x, y, width, height, rounded ? 12 : 4);
        context.fillStyle = box.holds ? paler(colour) : colour;
        context.fill();
        context.stroke();
        if (box.holds) {
            context.fillStyle = colour;
            context.fillRect(x, y, width, 36);
        }
        if (scale < 0.4) return;
        context.fillStyle = isDark(colour) ? "#fff" : "#1d2430";
        context.textAlign = "center";
        context.textBaseline = "middle";
        context.font = TITLE_FONT;
        context.fillText(fitted(context, box.title, width - 10), x + width / 2, y + (box.about ? 13 : 13.5));
        if (!box.about) return;
        context.font = PLAIN_FONT;
        context.globalAlpha = 0.8;
        context.fillText(fitted(context, box.about, width - 10), x + width / 2, y + 28);
        context.globalAlpha = 1;
    }

    colour(box) {
        if (box.kind === "control") return "#d7dce5";
        if (box.kind !== "op") return "#e4edf9";
        if (!box.outer) return "#ffffff";
        return colourOf(launchOf(box), page.mode);
    }

    // Around the selected box, and around all of its launch.
    drawMarks(context, scale) {
        if (this.selected === null) return;
        const chosen = this.boxes[this.selected];
        context.lineJoin = "round";
        context.strokeStyle = "rgba(31, 95, 191, .55)";
        context.lineWidth = Math.max(2, 1.5 / scale);
        if (chosen.launch !== null) {
            for (const box of this.boxes) {
                if (box.outer && box.launch === chosen.launch) outline(context, box.at, 4);
            }
        }
        context.strokeStyle = "#1f5fbf";
        context.lineWidth = Math.max(3, 2.5 / scale);
        outline(context, chosen.at, 1);
    }

    hit(x, y) {
        for (let at = this.boxes.length - 1; at >= 0; at--) {
            const [left, top, width, height] = this.boxes[at].at;
            if (x >= left && x <= left + width && y >= top && y <= top + height) return this.boxes[at];
        }
        return null;
    }

    tip(box) {
        const launch = launchOf(box);
        const lines = [box.title, box.about];
        if (box.nodes.length > 1) lines.push(`${box.nodes.length} ONNX nodes`);
        if (launch) lines.push(`launch ${box.launch}: ${launch.kernel}`, `expected ${micros(launch.expected)}`);
        return lines.filter(Boolean).join("\n");
    }

    pick(box) {
        this.selected = box.number;
        page.pane.redraw();
        showBox(this.level, box);
    }

    // The innermost box of an ONNX node, the one with the fewest nodes.
    boxOf(node) {
        let best = null;
        for (const box of this.boxes) {
            if (box.nodes.includes(node) && (!best || box.nodes.length <= best.nodes.length)) best = box;
        }
        return best;
    }

    // Select a box, and bring it into the middle.
    go(box) {
        const [x, y, width, height] = box.at;
        page.pane.centre(x + width / 2, y + Math.min(height / 2, 200), 0.8);
        this.pick(box);
    }
}

function launchOf(box) {
    return box.launch === null ? null : contents.launches[box.launch];
}

function placeOf(points) {
    const xs = points.filter((_, at) => at % 2 === 0);
    const ys = points.filter((_, at) => at % 2 === 1);
    const left = Math.min(...xs);
    const top = Math.min(...ys);
    return [left, top, Math.max(...xs) - left, Math.max(...ys) - top];
}

function meets([x, y, width, height], [left, top, right, bottom]) {
    return x <= right && x + width >= left && y <= bottom && y + height >= top;
}

function outline(context, [x, y, width, height], by) {
    context.beginPath();
    context.roundRect(x - by, y - by, width + 2 * by, height + 2 * by, 6);
    context.stroke();
}

function trace(context, points, scale) {
    context.moveTo(points[0], points[1]);
    for (let at = 2; at < points.length; at += 2) {
        const [x0, y0, x1, y1] = points.slice(at - 2, at + 2);
        if (x0 === x1 || scale < 0.2) {
            context.lineTo(x1, y1);
        } else {
            const middle = (y0 + y1) / 2;
            context.bezierCurveTo(x0, middle, x1, middle, x1, y1);
        }
    }
    const [x, y] = points.slice(-2);
    if (scale < 0.4) return;
    context.moveTo(x - 3.5, y - 6);
    context.lineTo(x, y);
    context.lineTo(x + 3.5, y - 6);
}
