// What colours say: expected or measured time, the error that was found, the format that is executed, or the family of a kernel.

const FORMAT_COLOURS = {
    f32: "#9db4d0", tf32: "#79c2c9", f16: "#8ccb8a", bf16: "#c5d76a", f64: "#b39ddb",
    i8: "#f3a86b", u8: "#f3a86b", int8: "#f3a86b", fp8: "#ef8f9c", f8e4m3: "#ef8f9c", f8e5m2: "#ef8f9c",
};
const OTHERS = ["#c9b7e8", "#e7c98f", "#a7d3c1", "#d9a9c5", "#b6c3a1", "#a9c4ec", "#e3b3a0", "#cfcf9a"];
const NO_LAUNCH = "#eceff3";
const INFINITE = "#6b1fa8";
const named = new Map();

function heat(share) {
    // From pale yellow by orange to red.
    const at = Math.max(0, Math.min(1, share));
    const stops = [[255, 247, 214], [253, 205, 122], [240, 128, 68], [190, 40, 46]];
    const place = at * (stops.length - 1);
    const low = Math.min(Math.floor(place), stops.length - 2);
    const mixed = stops[low].map((c, i) => Math.round(c + (stops[low + 1][i] - c) * (place - low)));
    return `rgb(${mixed.join(",")})`;
}

function otherColour(name) {
    if (!named.has(name)) named.set(name, OTHERS[named.size % OTHERS.length]);
    return named.get(name);
}

function formatOf(launch) {
    return launch.formats.executed || "not said";
}

const MODES = [["expected", "expected time"], ["precision", "precision"], ["family", "family"]];
if (contents.launches.some(each => each.error !== null || each.infinite)) MODES.splice(1, 0, ["error", "error"]);
if (contents.launches.some(each => each.measured !== null)) MODES.splice(1, 0, ["measured", "measured time"]);
const largest = {};
for (const mode of ["expected", "measured", "error"]) {
    largest[mode] = contents.launches.reduce((most, each) => Math.max(most, each[mode] || 0), 0);
}

function colourOf(launch, mode) {
    if (!launch) return NO_LAUNCH;
    if (mode === "precision") {
        const format = formatOf(launch);
        return FORMAT_COLOURS[format] || otherColour(format);
    }
    if (mode === "family") return otherColour(launch.family);
    if (mode === "error" && launch.infinite) return INFINITE;
    return launch[mode] === null || !largest[mode] ? NO_LAUNCH : heat(launch[mode] / largest[mode]);
}

// A colour mixed with white, as the ground for smaller boxes.
function paler(colour) {
    return `rgb(${partsOf(colour).map(each => Math.round(each + (255 - each) * 0.72)).join(",")})`;
}

function partsOf(colour) {
    return colour.startsWith("#")
        ? [1, 3, 5].map(at => parseInt(colour.slice(at, at + 2), 16))
        : colour.match(/\d+/g).map(Number);
}

function isDark(colour) {
    const parts = partsOf(colour);
    return 0.3 * parts[0] + 0.59 * parts[1] + 0.11 * parts[2] < 130;
}

function swatch(colour, width) {
    const made = element("canvas");
    made.width = width || 14;
    made.height = 12;
    const context = made.getContext("2d");
    for (let x = 0; x < made.width; x++) {
        context.fillStyle = typeof colour === "function" ? colour(x / (made.width - 1)) : colour;
        context.fillRect(x, 0, 1, made.height);
    }
    return made;
}

function legendOf(mode) {
    const legend = element("div", "group");
    if (mode === "error") {
        legend.append(element("span", "key", "0", swatch(heat, 90), digits(largest.error)));
        legend.append(element("span", "key", swatch(INFINITE), "not finite"));
    } else if (mode === "expected" || mode === "measured") {
        legend.append(element("span", "key", "0", swatch(heat, 90), micros(largest[mode])));
    } else {
        const names = contents.launches.map(each => mode === "family" ? each.family : formatOf(each));
        for (const name of [...new Set(names)].sort()) {
            const one = contents.launches[names.indexOf(name)];
            legend.append(element("span", "key", swatch(colourOf(one, mode)), name));
        }
    }
    legend.append(element("span", "key", swatch(NO_LAUNCH), "none"));
    return legend;
}
