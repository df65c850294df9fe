// The launches over time, a lane for each stream, by expected times.

const LANES = [54, 170];  // the least and the most height of one
const AXIS = 34;
const LEFT = 74;

class TimelineView {
    constructor() {
        this.flat = true;
        this.camera = null;
        this.zooms = [1e-4, 2e3];
        this.lane = LANES[0];
        this.end = Math.max(1e-3, ...contents.launches.map(each => each.span[1]));
        this.streams = [...new Set(contents.launches.map(each => each.stream))].sort((a, b) => a - b);
        this.selected = null;
    }

    begin(pane) {
        this.camera = { across: Math.max(1e-4, (pane.width - LEFT - 30) / this.end), down: 1, x: LEFT, y: AXIS };
    }

    place(launch) {
        const [begin, end] = launch.span;
        const top = this.streams.indexOf(launch.stream) * this.lane + 8;
        return [begin, top, end - begin, this.lane - 14];
    }

    draw(pane) {
        const context = pane.context;
        const { x, across } = this.camera;
        const seen = pane.window();
        this.lane = Math.max(LANES[0], Math.min(LANES[1], (pane.height - AXIS) / this.streams.length));
        this.drawAxes(context, pane, seen);
        context.save();
        context.beginPath();
        context.rect(LEFT - 4, AXIS, pane.width, pane.height);
        context.clip();
        contents.launches.forEach((launch, at) => {
            const [left, top, width, height] = this.place(launch);
            if (left + width < seen[0] || left > seen[2]) return;
            const px = x + left * across;
            const wide = Math.max(1, width * across - 0.6);
            const colour = colourOf(launch, page.mode);
            context.fillStyle = colour;
            context.fillRect(px, top + AXIS, wide, height);
            if (wide > 5) {
                context.strokeStyle = at === this.selected ? "#1f5fbf" : "#7a8496";
                context.lineWidth = at === this.selected ? 3 : 0.8;
                context.strokeRect(px, top + AXIS, wide, height);
            } else if (at === this.selected) {
                context.fillStyle = "#1f5fbf";
                context.fillRect(px - 1, top + AXIS - 6, 3, height + 12);
            }
            context.fillStyle = isDark(colour) ? "#fff" : "#1d2430";
            context.font = SMALL_FONT;
            labelled(context, `${at}  ${micros(launch.expected)}  ${launch.op}`, px, top + AXIS, wide, height);
        });
        this.drawWaits(context);
        context.restore();
    }

    drawWaits(context) {
        const { x, across } = this.camera;
        context.strokeStyle = "rgba(70, 80, 100, .6)";
        context.lineWidth = 1;
        context.beginPath();
        for (const launch of contents.launches) {
            for (const other of launch.waits.map(at => contents.launches[at])) {
                if (other.stream === launch.stream) continue;
                const [from, to] = [this.place(other), this.place(launch)];
                const down = to[1] > from[1];
                context.moveTo(x + other.span[1] * across, AXIS + from[1] + (down ? from[3] : 0));
                context.lineTo(x + launch.span[0] * across, AXIS + to[1] + (down ? 0 : to[3]));
            }
        }
        context.stroke();
    }

    drawAxes(context, pane, seen) {
        context.fillStyle = "#667085";
        context.strokeStyle = "#d5d9e0";
        context.lineWidth = 1;
        context.font = SMALL_FONT;
        context.textBaseline = "middle";
        context.textAlign = "left";
        this.streams.forEach((stream, lane) => {
            context.fillText(`stream ${stream}`, 12, AXIS + (lane + 0.5) * this.lane);
        });
        context.textAlign = "center";
        const step = stepFor(this.camera.across);
        context.beginPath();
        for (let at = Math.max(0, Math.ceil(seen[0] / step) * step); at <= seen[2]; at += step) {
            const px = this.camera.x + at * this.camera.across;
            if (px < LEFT - 4) continue;
            context.fillText(micros(at), px, 14);
            context.moveTo(px + 0.5, AXIS - 10);
            context.lineTo(px + 0.5, AXIS + this.streams.length * this.lane);
        }
        context.stroke();
    }

    hit(x, y) {
        const slack = 2 / this.camera.across;
        const found = contents.launches.find(launch => {
            const [left, top, width, height] = this.place(launch);
            return x >= left - slack && x <= left + width + slack && y >= top && y <= top + height;
        });
        return found || null;
    }

    tip(launch) {
        const at = contents.launches.indexOf(launch);
        const [begin, end] = launch.span;
        const times = `${micros(launch.expected)} expected, ${micros(begin)} to ${micros(end)}`;
        return [`launch ${at}: ${launch.op}`, launch.kernel, times].join("\n");
    }

    pick(launch) {
        this.selected = contents.launches.indexOf(launch);
        page.pane.redraw();
        showLaunch(this.selected);
    }
}
