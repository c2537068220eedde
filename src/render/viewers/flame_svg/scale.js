"use strict";
// The scale and the title of what is shown: as Rust draws them for the whole, after each zoom and
// each change of width. `zoom`, `unzoom` and `xpad` are inferno's.
(function () {
    var SVG = "http://www.w3.org/2000/svg", DAY = 86400e6, TICK = 150, CHARACTER = 7.25, LABELS = 13;
    var root = document.documentElement;
    var scale = document.getElementById("scale");
    var full = {};
    ["title", "subtitle"].forEach(function (id) {
        full[id] = document.getElementById(id).textContent;
    });
    var start, total, day, top, shown;
    if (scale) {
        start = Number(scale.dataset.start);
        total = Number(scale.dataset.total);
        day = scale.dataset.day === undefined ? null : Number(scale.dataset.day);
        top = Number(scale.dataset.top);
        shown = [0, total];
    }
    function padded(number, digits) {
        return String(number).padStart(digits, "0");
    }
    function fraction(us, digits) {
        return digits ? "." + padded(us % 1e6, 6).slice(0, digits) : "";
    }
    function time_of_day(us, digits) {
        var s = Math.floor(us / 1e6);
        return padded(Math.floor(s / 3600), 2) + ":" + padded(Math.floor(s / 60) % 60, 2) + ":" +
            padded(s % 60, 2) + fraction(us, digits) + " UTC";
    }
    function step_of(length, most) {
        for (var power = 1; power < 1e19; power *= 10) {
            for (var digit of [1, 2, 5]) {
                if (Math.floor(length / (digit * power)) <= most) return digit * power;
            }
        }
        return length;
    }
    function add(name, attributes, text) {
        var element = document.createElementNS(SVG, name);
        for (var key in attributes) element.setAttribute(key, attributes[key]);
        element.textContent = text;
        document.getElementById("ticks").appendChild(element);
    }
    function percent(share) {
        return (100 * share).toFixed(4) + "%";
    }
    function draw_ticks(width) {
        var first = start + shown[0], length = shown[1];
        var step = step_of(length, Math.max(1, Math.floor(width / TICK)));
        var digits = 0;
        while (digits < 6 && step % Math.pow(10, 6 - digits)) digits++;
        document.getElementById("ticks").textContent = "";
        var last = Math.floor((first + length) / step), next = Math.ceil(first / step);
        // No more than there may be: no time is too great to end.
        for (var count = 0; next + count <= last && count < 100; count++) {
            var at = (next + count) * step, share = (at - first) / length, x = percent(share), y = top + 10;
            add("line", { x1: x, x2: x, y1: top, y2: "100%" }, "");
            var labels = [Math.floor(at / 1e6) + fraction(at, digits) + " s"];
            if (day !== null) labels.unshift(time_of_day((at + day) % DAY, step < 1000 ? 6 : 3));
            labels.forEach(function (label) {
                if (label.length * CHARACTER + 4 <= (1 - share) * width) add("text", { x: x, dx: 3, y: y }, label);
                y += LABELS;
            });
        }
    }
    function draw_markers() {
        Array.from(scale.getElementsByClassName("marker")).forEach(function (marker) {
            var left = Number(marker.dataset.x) - shown[0], right = left + Number(marker.dataset.w);
            left = Math.max(0, left);
            right = Math.min(shown[1], right);
            marker.classList.toggle("hide", right < left || right === 0 || left === shown[1]);
            var x = percent(left / shown[1]), width = percent(Math.max(0, right - left) / shown[1]);
            Array.from(marker.children).forEach(function (child) {
                if (child.hasAttribute("x")) child.setAttribute("x", x);
                if (child.hasAttribute("class")) child.setAttribute("width", width);
            });
        });
    }
    function fit(id, room) {
        var element = document.getElementById(id), text = full[id];
        element.textContent = text;
        var fitting = Math.floor(room * text.length / element.getComputedTextLength());
        if (fitting < text.length) element.textContent = text.slice(0, Math.max(0, fitting - 2)) + "..";
    }
    function draw() {
        var width = root.width.baseVal.value;
        // "Reset Zoom" and "Search" are beside the title.
        fit("title", width - 200);
        fit("subtitle", width - 20);
        if (!scale) return;
        scale.setAttribute("width", width - 2 * xpad);
        draw_ticks(width - 2 * xpad);
        draw_markers();
    }
    var zoom_frames = zoom, unzoom_frames = unzoom;
    zoom = function (node) {
        zoom_frames(node);
        var rect = node.querySelector("rect");
        shown = [Number(rect.getAttribute("fg:x")), Number(rect.getAttribute("fg:w"))];
        draw();
    };
    unzoom = function () {
        unzoom_frames();
        shown = [0, total];
        draw();
    };
    window.addEventListener("resize", draw);
})();
