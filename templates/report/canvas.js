// The canvas: panning, zooming, what is under the pointer. What is drawn is a view: { camera, begin(pane),
// draw(pane), hit(x, y), tip(item), pick(item), zooms, flat }. Cameras map units of a view to pixels, per axis; a
// flat view moves and zooms from left to right alone.

class Pane {
    constructor(canvas, tip) {
        this.canvas = canvas;
        this.context = canvas.getContext("2d");
        this.tip = tip;
        this.view = null;
        this.pending = false;
        this.drag = null;
        new ResizeObserver(() => this.resize()).observe(canvas);
        canvas.addEventListener("pointerdown", event => this.down(event));
        canvas.addEventListener("pointermove", event => this.move(event));
        canvas.addEventListener("pointerup", event => this.up(event));
        canvas.addEventListener("pointerleave", () => { tip.hidden = true; });
        canvas.addEventListener("wheel", event => this.wheel(event), { passive: false });
        canvas.addEventListener("keydown", event => this.key(event));
    }

    show(view) {
        this.view = view;
        this.tip.hidden = true;
        this.resize();
    }

    resize() {
        const ratio = window.devicePixelRatio || 1;
        this.width = this.canvas.clientWidth;
        this.height = this.canvas.clientHeight;
        this.canvas.width = Math.max(1, Math.round(this.width * ratio));
        this.canvas.height = Math.max(1, Math.round(this.height * ratio));
        if (!this.view || !this.width || !this.height) return;
        if (!this.view.camera) this.view.begin(this);
        this.draw();
    }

    redraw() {
        if (this.pending) return;
        this.pending = true;
        requestAnimationFrame(() => { this.pending = false; this.draw(); });
    }

    draw() {
        if (!this.view || !this.view.camera) return;
        const ratio = window.devicePixelRatio || 1;
        this.context.setTransform(ratio, 0, 0, ratio, 0, 0);
        this.context.clearRect(0, 0, this.width, this.height);
        this.view.draw(this);
    }

    // The part of the view that is to be seen: left, top, right, bottom in units of the view.
    window() {
        const { x, y, across, down } = this.view.camera;
        return [-x / across, -y / down, (this.width - x) / across, (this.height - y) / down];
    }

    at(event) {
        const place = this.canvas.getBoundingClientRect();
        return [event.clientX - place.left, event.clientY - place.top];
    }

    hit(px, py) {
        const { x, y, across, down } = this.view.camera;
        return this.view.hit((px - x) / across, (py - y) / down);
    }

    down(event) {
        if (event.button !== 0) return;
        this.canvas.setPointerCapture(event.pointerId);
        this.drag = { from: this.at(event), last: this.at(event), moved: false };
    }

    move(event) {
        const [px, py] = this.at(event);
        if (this.drag) {
            const camera = this.view.camera;
            const far = Math.hypot(px - this.drag.from[0], py - this.drag.from[1]) > 4;
            this.drag.moved = this.drag.moved || far;
            if (this.drag.moved) {
                camera.x += px - this.drag.last[0];
                if (!this.view.flat) camera.y += py - this.drag.last[1];
                this.redraw();
            }
            this.drag.last = [px, py];
            return;
        }
        const item = this.hit(px, py);
        this.tip.hidden = !item;
        this.canvas.style.cursor = item ? "pointer" : "grab";
        if (item) {
            this.tip.textContent = this.view.tip(item);
            this.tip.style.left = `${Math.min(px + 14, this.width - this.tip.offsetWidth - 6)}px`;
            this.tip.style.top = `${Math.min(py + 16, this.height - this.tip.offsetHeight - 6)}px`;
        }
    }

    up(event) {
        if (!this.drag) return;
        const moved = this.drag.moved;
        this.drag = null;
        if (moved) return;
        const item = this.hit(...this.at(event));
        if (item) this.view.pick(item);
    }

    wheel(event) {
        event.preventDefault();
        const [px, py] = this.at(event);
        const lines = event.deltaMode === 1 ? 20 : 1;
        this.zoom(Math.exp(-event.deltaY * lines * 0.0016), px, py);
    }

    zoom(factor, px, py) {
        const camera = this.view.camera;
        const [least, most] = this.view.zooms;
        const across = Math.max(least, Math.min(most, camera.across * factor));
        const by = across / camera.across;
        camera.x = px - (px - camera.x) * by;
        camera.across = across;
        if (!this.view.flat) {
            camera.y = py - (py - camera.y) * by;
            camera.down *= by;
        }
        this.redraw();
    }

    key(event) {
        const steps = { ArrowLeft: [80, 0], ArrowRight: [-80, 0], ArrowUp: [0, 80], ArrowDown: [0, -80] };
        const step = steps[event.key];
        if (step && this.view.camera) {
            this.view.camera.x += step[0];
            if (!this.view.flat) this.view.camera.y += step[1];
        } else if (event.key === "+" || event.key === "-") {
            this.zoom(event.key === "+" ? 1.25 : 0.8, this.width / 2, this.height / 2);
        } else {
            return;
        }
        event.preventDefault();
        this.redraw();
    }

    // Move the middle of the view to x, y in its units, at least at this scale.
    centre(x, y, scale) {
        const camera = this.view.camera;
        if (scale && camera.across < scale) {
            camera.down *= scale / camera.across;
            camera.across = scale;
        }
        camera.x = this.width / 2 - x * camera.across;
        if (!this.view.flat) camera.y = this.height / 2 - y * camera.down;
        this.redraw();
    }
}

// A text in a box, cut to its width.
function fitted(context, text, width) {
    if (context.measureText(text).width <= width) return text;
    const each = context.measureText("x").width || 1;
    let length = Math.min(text.length, Math.max(0, Math.floor(width / each) + 4));
    while (length > 0 && context.measureText(`${text.slice(0, length)}\u2026`).width > width) length--;
    return length > 1 ? `${text.slice(0, length)}\u2026` : "";
}

// A text in a box on the screen: along it where it is wide enough, else upright.
function labelled(context, text, x, y, width, height) {
    context.save();
    context.textAlign = "left";
    context.textBaseline = "middle";
    if (width >= 80 || width >= height) {
        if (height >= 13) context.fillText(fitted(context, text, width - 6), x + 4, y + Math.min(9, height / 2));
    } else if (width >= 12) {
        context.translate(x + width / 2, y + 4);
        context.rotate(Math.PI / 2);
        context.fillText(fitted(context, text, height - 8), 0, 0);
    }
    context.restore();
}

// Steps of an axis that are about 90 pixels apart: 1, 2 or 5 times a power of ten.
function stepFor(scale) {
    const wanted = 90 / scale;
    const power = 10 ** Math.floor(Math.log10(wanted));
    return [1, 2, 5, 10].map(each => each * power).find(each => each >= wanted);
}
