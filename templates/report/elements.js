
"use strict";
// Elements and numbers. Texts are set as text, never as HTML: they come from models.

const contents = JSON.parse(document.getElementById("contents").textContent);
const nodeFacts = new Map(Object.entries(contents.nodes));

function byId(name) {
    return document.getElementById(name);
}

function element(tag, kind, ...children) {
    const made = document.createElement(tag);
    if (kind) made.className = kind;
    for (const child of children) if (child !== null) made.append(child);
    return made;
}

function button(text, pressed, kind) {
    const made = element("button", kind || "", text);
    made.type = "button";
    made.addEventListener("click", pressed);
    return made;
}

// A row of buttons, one of which is on: `choices` are pairs of a value and its text.
function choiceOf(label, choices, chosen, changed) {
    const group = element("div", "group", label ? element("span", "label", label) : null);
    for (const [value, text] of choices) {
        const made = button(text, () => changed(value), value === chosen ? "on" : "");
        made.dataset.value = value;
        group.append(made);
    }
    return group;
}

function facts(pairs) {
    const list = element("dl", "facts");
    for (const [name, value] of pairs) {
        if (value === null || value === undefined || value === "") continue;
        list.append(element("dt", "", name), element("dd", "", value));
    }
    return list;
}

function digits(value) {
    return String(Number(value.toPrecision(3)));
}

function quantity(value, unit) {
    const prefixes = ["", "k", "M", "G", "T", "P"];
    let power = 0;
    while (Math.abs(value) >= 999.5 && power < prefixes.length - 1) {
        value /= 1000;
        power++;
    }
    return `${digits(value)} ${prefixes[power]}${unit}`.trim();
}

function micros(value) {
    if (value === null) return "not priced";
    return value >= 1000 ? `${digits(value / 1000)} ms` : `${digits(value)} us`;
}

function size3(sizes) {
    return sizes.join(" x ");
}

function clipped(text, length) {
    return text.length > length ? `${text.slice(0, length - 1)}\u2026` : text;
}
