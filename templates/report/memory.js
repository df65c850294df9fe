// The arena over time: launches from left to right, addresses from top to bottom.

const RULER = 84;

class MemoryView {
    constructor() {
        this.flat = false;
        this.camera = null;
        this.zooms = [1e-3, 4e3];
        this.buffers = contents.memory.buffers;
        this.end = Math.max(1, contents.memory.bytes);
        this.selected = null;
    }

    begin(pane) {
        const across = (pane.width - RULER - 24) / Math.max(1, contents.launches.length);
        const down = (pane.height - AXIS - 16) / this.end;
        this.camera = { across, down, x: RULER, y: AXIS };
    }

    draw(pane) {
        const context = pane.context;
        const { x, y, across, down } = this.camera;
        const seen = pane.window();
        this.buffers.forEach((buffer, at) => {
            const width = buffer.last - buffer.first + 1;
            if (!meets([buffer.first, buffer.offset, width, buffer.most], seen)) return;
            const [px, py, wide] = [x + buffer.first * across, y + buffer.offset * down, width * across];
            const colour = colourOf(contents.launches[buffer.first], page.mode);
            context.fillStyle = colour;
            context.globalAlpha = 0.25;
            context.fillRect(px, py, wide, buffer.most * down);
            context.globalAlpha = 1;
            context.fillRect(px, py, wide, Math.max(1, buffer.bytes * down));
            context.strokeStyle = at === this.selected ? "#1f5fbf" : "#7a8496";
            context.lineWidth = at === this.selected ? 3 : 0.7;
            context.strokeRect(px, py, wide, Math.max(1, buffer.most * down));
            this.label(context, buffer, px, py, wide, isDark(colour));
        });
        this.drawAxes(context, pane, seen);
    }

    label(context, buffer, x, y, width, dark) {
        const [filled, all] = [buffer.bytes, buffer.most].map(bytes => bytes * this.camera.down);
        const below = filled < all / 2 ? filled : 0;  // beside what is filled, if that is little
        context.fillStyle = dark && !below ? "#fff" : "#1d2430";
        context.font = PLAIN_FONT;
        const text = `${quantity(buffer.bytes, "B")} of ${contents.launches[buffer.first].op}`;
        labelled(context, text, x, y + below, width, all - below);
    }

    drawAxes(context, pane, seen) {
        const { x, y, across, down } = this.camera;
        context.clearRect(0, 0, RULER - 2, pane.height);
        context.clearRect(0, 0, pane.width, AXIS);
        context.fillStyle = "#667085";
        context.font = SMALL_FONT;
        context.textBaseline = "middle";
        context.textAlign = "right";
        const bytes = stepFor(down);
        for (let at = Math.max(0, Math.ceil(seen[1] / bytes) * bytes); at <= Math.min(seen[3], this.end); at += bytes) {
            if (y + at * down >= AXIS) context.fillText(quantity(at, "B"), RULER - 10, y + at * down);
        }
        context.textAlign = "center";
        const step = Math.max(1, Math.ceil(stepFor(across)));
        const last = Math.min(seen[2], contents.launches.length - 1);
        for (let at = Math.max(0, Math.ceil(seen[0] / step) * step); at <= last; at += step) {
            const px = x + (at + 0.5) * across;
            if (px >= RULER) context.fillText(String(at), px, AXIS - 12);
        }
        context.textAlign = "left";
        context.fillText("launch", 12, AXIS - 12);
    }

    hit(x, y) {
        const inside = each => x >= each.first && x <= each.last + 1 && y >= each.offset;
        const exact = this.buffers.find(each => inside(each) && y <= each.offset + each.most);
        const slack = 3 / this.camera.down;
        return exact || this.buffers.find(each => inside(each) && y <= each.offset + each.most + slack) || null;
    }

    tip(buffer) {
        const owner = contents.launches[buffer.first];
        return [
            `${buffer.name}: ${quantity(buffer.bytes, "B")} at ${buffer.offset}, ${quantity(buffer.most, "B")} at most`,
            `written by launch ${buffer.first}: ${owner.op}`,
            `live to launch ${buffer.last}, used by ${clipped(buffer.users.join(", "), 60)}`,
        ].join("\n");
    }

    pick(buffer) {
        this.selected = this.buffers.indexOf(buffer);
        page.pane.redraw();
        showLaunch(buffer.first, this.tip(buffer));
    }
}
