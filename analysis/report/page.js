"use strict";
(() => {
  const DATA = JSON.parse(document.getElementById("report-data").textContent);
  const TIP = document.getElementById("tip");
  const DASHES = ["", "7 3", "2 3", "9 3 2 3", "", "7 3", "2 3", "9 3 2 3"];
  // viridis (S. van der Walt and N. Smith, 2015), at equal distances from 0 to 1
  const VIRIDIS = ["#440154", "#482878", "#3e4989", "#31688e", "#26828e", "#1f9e89", "#35b779", "#6ece58", "#b5de2b", "#fde725"]
    .map((hex) => [1, 3, 5].map((k) => parseInt(hex.slice(k, k + 2), 16)));
  const NEAR = 22; // pixels within which a dot counts as pointed at

  // ---- elements -------------------------------------------------------------------------------

  function svg(name, attributes = {}, ...children) {
    const made = document.createElementNS("http://www.w3.org/2000/svg", name);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    made.append(...children);
    return made;
  }

  function html(name, attributes = {}, ...children) {
    const made = document.createElement(name);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    made.append(...children);
    return made;
  }

  function button(label, kind, press) {
    const made = html("button", { type: "button", class: kind }, label);
    made.addEventListener("click", press);
    return made;
  }

  // ---- architectures --------------------------------------------------------------------------

  function ink(fill) {
    const [red, green, blue] = [1, 3, 5].map((k) => parseInt(fill.slice(k, k + 2), 16) / 255);
    return 0.299 * red + 0.587 * green + 0.114 * blue < 0.5 ? "#ffffff" : "#1a1a1a"; // ITU-R BT.601
  }

  // A curve through points that is vertical at each of them; y grows upwards in a layout.
  function wire(points) {
    let path = `M${points[0][0]} ${-points[0][1]}`;
    for (let k = 1; k < points.length; k++) {
      const [[x0, y0], [x1, y1]] = [points[k - 1], points[k]];
      const middle = -(y0 + y1) / 2;
      path += `C${x0} ${middle} ${x1} ${middle} ${x1} ${-y1}`;
    }
    return path;
  }

  function architecture(number, scale) {
    const [space, shape, types] = DATA.drawings[number];
    const operations = DATA.spaces[space].types;
    const { box: [left, right, bottom, top], nodes, edges } = DATA.layouts[shape];
    const [width, height] = [right - left + 0.2, top - bottom + 0.2];
    const names = types.map((kind) => operations[kind].label);
    const drawn = svg("svg", {
      class: "drawn", role: "img", "aria-label": `architecture: ${names.join(", ")}`,
      viewBox: `${left - 0.1} ${-top - 0.1} ${width} ${height}`, width: width * scale, height: height * scale,
    });
    for (const points of edges) {
      const [x, y] = points[points.length - 1];
      const stem = [...points.slice(0, -1), [x, y + 0.13]];
      drawn.append(
        svg("path", { class: "under", d: wire(stem), "stroke-width": 0.13 }),
        svg("path", { class: "wire", d: wire(stem), "stroke-width": 0.045 }),
        svg("path", { class: "head", d: `M${x} ${-y}l-0.075 -0.17h0.15z` }),
      );
    }
    nodes.forEach(([x, y], k) => {
      const { label, name, colour } = operations[types[k]];
      const word = svg("text", { x, y: -y + 0.1, "font-size": 0.29, "text-anchor": "middle", fill: ink(colour) }, label);
      drawn.append(svg("g", {}, svg("title", {}, name),
        svg("rect", { x: x - 0.75, y: -y - 0.28, width: 1.5, height: 0.56, rx: 0.14, fill: colour, stroke: "#333333", "stroke-width": 0.03 }), word));
    });
    return drawn;
  }

  // ---- numbers --------------------------------------------------------------------------------

  function ticks(low, high, wanted, whole) {
    const rough = (high - low) / wanted;
    const power = 10 ** Math.floor(Math.log10(rough));
    let step = power * [1, 2, 5, 10].find((each) => each * power >= rough * 0.999);
    if (whole) step = Math.max(1, Math.round(step));
    const found = [];
    for (let k = Math.ceil(low / step - 1e-9); k * step <= high + step * 1e-9; k++) found.push(k === 0 ? 0 : k * step);
    return { values: found, step };
  }

  function decimals(step, unit) {
    const smallest = unit === "share" ? step * 100 : step;
    return Math.max(0, Math.min(8, -Math.floor(Math.log10(smallest) + 1e-9)));
  }

  function written(value, axis, digits) {
    if (axis.unit === "share") return `${(value * 100).toFixed(digits ?? 2)} %`;
    const size = Math.abs(value);
    if (size >= 1e12 || (size > 0 && size < 1e-6)) return value.toExponential(3);
    if (digits !== undefined) return value.toLocaleString("en", { minimumFractionDigits: digits, maximumFractionDigits: digits });
    return value.toLocaleString("en", { maximumSignificantDigits: 5 });
  }

  function viridis(share) {
    const place = Math.max(0, Math.min(1, share)) * (VIRIDIS.length - 1);
    const k = Math.min(VIRIDIS.length - 2, Math.floor(place));
    return `rgb(${VIRIDIS[k].map((from, c) => Math.round(from + (VIRIDIS[k + 1][c] - from) * (place - k))).join(" ")})`;
  }

  // What an axis measures along the paper: the value, or its logarithm above the floor.
  const along = (value, axis) => (axis.floor === null ? value : Math.log10(Math.max(value, axis.floor)));

  // ---- files ----------------------------------------------------------------------------------

  function save(title, rows) {
    const cell = (value) => {
      const word = value === null || value === undefined ? "" : String(value);
      return /[",\n\r]/.test(word) ? `"${word.replaceAll('"', '""')}"` : word;
    };
    const content = rows.map((row) => row.map(cell).join(",") + "\r\n").join("");
    const name = title.toLowerCase().replace(/[^\p{L}\p{N}]+/gu, "_").replace(/^_+|_+$/g, "");
    const link = html("a", { download: `${name}.csv`, href: URL.createObjectURL(new Blob([content], { type: "text/csv;charset=utf-8" })) });
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10000);
  }

  function tableRows(table) {
    return [...table.rows].map((row) => [...row.cells].map((cell) => cell.dataset.value ?? cell.textContent));
  }

  // ---- the note beside the pointer ------------------------------------------------------------

  function tell(x, y, ...content) {
    TIP.replaceChildren(...content);
    TIP.hidden = false;
    const { width, height } = TIP.getBoundingClientRect();
    const right = x + 18 + width < innerWidth ? x + 18 : x - 18 - width;
    TIP.style.left = `${Math.max(4, right)}px`;
    TIP.style.top = `${Math.max(4, Math.min(y - height / 2, innerHeight - height - 4))}px`;
  }

  const hush = () => { TIP.hidden = true; };

  // ---- charts ---------------------------------------------------------------------------------

  class Chart {
    constructor(figure, content) {
      this.content = content;
      this.host = figure.querySelector(".plot");
      this.bar = html("div", { class: "bar" });
      this.host.before(this.bar);
      this.hidden = new Set();
      this.choose(0);
      new ResizeObserver(() => { if (this.host.clientWidth !== this.width) this.draw(); }).observe(this.host);
    }

    get series() { return [...this.content.base, ...this.view.series]; }
    get visible() { return this.series.filter((each) => !this.hidden.has(each.name)); }

    choose(number) {
      this.number = number;
      this.view = this.content.views[number];
      const named = [...new Set(this.view.series.filter((each) => each.kind !== "dots" || !each.value).map((each) => each.name))];
      this.style = new Map(named.map((name, k) => [name, k]));
      this.reset();
      this.fillBar();
    }

    reset() { this.show(this.view.window ?? this.extent()); }

    show([x0, x1, y0, y1]) {
      const { x, y } = this.view;
      this.window = [along(x0, x), along(x1, x), along(y0, y), along(y1, y)];
      this.draw();
    }

    extent() {
      const { x, y, rules } = this.view;
      const bounds = (keys, more) => {
        let [low, high] = [Infinity, -Infinity];
        for (const each of this.visible.length ? this.visible : this.series) {
          for (const key of keys) for (const value of each[key] ?? []) {
            if (value !== null) { low = Math.min(low, value); high = Math.max(high, value); }
          }
        }
        for (const value of more) { low = Math.min(low, value); high = Math.max(high, value); }
        return low <= high ? [low, high] : [0, 1];
      };
      const padded = ([low, high], axis) => {
        if (axis.floor !== null) return [Math.max(low, axis.floor) * 0.9, Math.max(high, axis.floor * 10) * 1.3];
        const margin = (high - low) * 0.04 || Math.abs(high) * 0.02 || 0.5;
        return [low < 0 ? low - margin : Math.max(0, low - margin), high + margin];
      };
      return [...padded(bounds(["x"], []), x), ...padded(bounds(["y", "low", "high"], rules.map((each) => each.y)), y)];
    }

    fillBar() {
      const { views, colour } = this.content;
      const parts = views.length > 1
        ? views.map((view, k) => {
          const made = button(view.name, "view", () => this.choose(k));
          made.setAttribute("aria-pressed", String(k === this.number));
          return made;
        }) : [];
      const names = [...new Set(this.series.map((each) => each.name))];
      if (names.length > 1) parts.push(...names.map((name) => this.legend(name)));
      if (colour) parts.push(this.scale(colour));
      const zooms = [button("+", "zoom", () => this.zoom(0.6)), button("−", "zoom", () => this.zoom(1 / 0.6)),
        button("All", "zoom", () => this.show(this.extent()))];
      ["zoom in", "zoom out", "show everything"].forEach((label, k) => zooms[k].setAttribute("aria-label", label));
      parts.push(html("span", { class: "zooms" }, ...zooms));
      this.bar.replaceChildren(...parts);
    }

    legend(name) {
      const swatch = svg("svg", { width: 26, height: 12, "aria-hidden": "true" });
      const sample = this.series.find((each) => each.name === name);
      if (sample.kind === "dots") {
        const fill = sample.value ? viridis(0.6) : this.colour(sample);
        swatch.append(svg("circle", { cx: 13, cy: 6, r: sample.emphasised ? 5 : 3.5, fill, stroke: sample.emphasised ? "var(--ink)" : "none", "stroke-width": 1.5 }));
      } else swatch.append(svg("path", { d: "M0 6H26", ...this.stroke(sample) }));
      const made = button(swatch, "series", () => {
        if (!this.hidden.delete(name)) this.hidden.add(name);
        this.fillBar();
        this.draw();
      });
      made.append(name);
      made.setAttribute("aria-pressed", String(!this.hidden.has(name)));
      return made;
    }

    scale(colour) {
      const strip = html("canvas", { width: 100, height: 1, "aria-hidden": "true" });
      const pen = strip.getContext("2d");
      for (let k = 0; k < 100; k++) { pen.fillStyle = viridis(k / 99); pen.fillRect(k, 0, 1, 1); }
      return html("span", { class: "scale" }, `${colour.label}: ≤ ${written(colour.low, colour)}`, strip, written(colour.high, colour));
    }

    colour(each) { return `var(--s${(this.style.get(each.name) ?? 0) % 8})`; }

    stroke(each) {
      const k = this.style.get(each.name) ?? 0;
      const common = { fill: "none", "stroke-width": 2, "stroke-linejoin": "round", "stroke-linecap": "round" };
      if (each.kind === "path") return { ...common, stroke: "var(--s1)" };
      return { ...common, stroke: this.colour(each), "stroke-dasharray": DASHES[k % 8] };
    }

    // Where a place on an axis lies on the paper, in pixels.
    px(value) { return this.left + ((along(value, this.view.x) - this.window[0]) / (this.window[1] - this.window[0])) * this.inner; }
    py(value) { return this.top + (1 - (along(value, this.view.y) - this.window[2]) / (this.window[3] - this.window[2])) * this.tall; }

    draw() {
      this.width = this.host.clientWidth;
      if (!this.width) return;
      const { equal, x, y, rules, diagonal } = this.view;
      const height = equal || diagonal ? Math.min(Math.max(this.width * 0.72, 320), 560) : 340;
      [this.left, this.top, this.inner, this.tall] = [68, 14, this.width - 68 - 18, height - 14 - 46];
      if (equal) this.evenOut();
      const clip = `clip${DATA.charts.indexOf(this.content)}`;
      const area = { x: this.left, y: this.top, width: this.inner, height: this.tall };
      const paper = svg("svg", {
        width: this.width, height, viewBox: `0 0 ${this.width} ${height}`, tabindex: 0, role: "application",
        "aria-roledescription": "chart", "aria-label": `${this.content.title}, ${this.view.name}: ${y.label} against ${x.label}`,
      }, svg("clipPath", { id: clip }, svg("rect", area)));
      this.axes(paper, height);
      const marks = svg("g", { "clip-path": `url(#${clip})` });
      if (diagonal) {
        const low = Math.max(this.window[0], this.window[2]), high = Math.min(this.window[1], this.window[3]);
        if (low < high) marks.append(svg("path", { class: "rule", d: `M${this.px(low)} ${this.py(low)}L${this.px(high)} ${this.py(high)}` }));
      }
      // Lines that lie close together are named at their two ends.
      rules.forEach((rule, k) => {
        const level = this.py(rule.y);
        const end = k % 2 ? { x: this.left + 6, "text-anchor": "start" } : { x: this.left + this.inner - 4, "text-anchor": "end" };
        marks.append(svg("path", { class: "rule", d: `M${this.left} ${level}h${this.inner}` }),
          svg("text", { ...end, y: level - this.top < 18 ? level + 14 : level - 5 }, rule.label));
      });
      for (const each of this.visible) this.mark(marks, each);
      this.pointed = svg("g", { "clip-path": `url(#${clip})`, "pointer-events": "none" });
      const cover = svg("rect", { class: "area", ...area });
      paper.append(marks, this.pointed, cover);
      this.listen(paper, cover);
      const focused = this.paper !== undefined && document.activeElement === this.paper;
      this.paper = paper;
      this.host.replaceChildren(paper);
      if (focused) paper.focus({ preventScroll: true });
    }

    evenOut() {
      const [x0, x1, y0, y1] = this.window;
      const unit = Math.max((x1 - x0) / this.inner, (y1 - y0) / this.tall);
      const [mx, my] = [(x0 + x1) / 2, (y0 + y1) / 2];
      this.window = [mx - unit * this.inner / 2, mx + unit * this.inner / 2, my - unit * this.tall / 2, my + unit * this.tall / 2];
    }

    axes(paper, height) {
      const { x, y } = this.view;
      const [x0, x1, y0, y1] = this.window;
      const bottom = this.top + this.tall;
      for (const { value, label } of this.marksOf(x, x0, x1, Math.max(2, this.inner / 110))) {
        const place = this.px(value);
        paper.append(svg("path", { class: "grid", d: `M${place} ${this.top}V${bottom}` }),
          svg("text", { x: place, y: bottom + 18, "text-anchor": "middle" }, label));
      }
      for (const { value, label } of this.marksOf(y, y0, y1, Math.max(3, this.tall / 55))) {
        const place = this.py(value);
        paper.append(svg("path", { class: "grid", d: `M${this.left} ${place}h${this.inner}` }),
          svg("text", { x: this.left - 8, y: place + 4, "text-anchor": "end" }, label));
      }
      paper.append(svg("path", { class: "axis", fill: "none", d: `M${this.left} ${this.top}V${bottom}H${this.left + this.inner}` }),
        svg("text", { class: "label", x: this.left + this.inner / 2, y: height - 6, "text-anchor": "middle" }, x.label),
        svg("text", { class: "label", transform: `translate(14 ${this.top + this.tall / 2}) rotate(-90)`, "text-anchor": "middle" }, y.label));
    }

    marksOf(axis, low, high, wanted) {
      if (axis.floor === null) {
        const { values, step } = ticks(low, high, wanted, axis.whole);
        return values.map((value) => ({ value, label: written(value, axis, decimals(step, axis.unit)) }));
      }
      const found = [];
      const fine = high - low < 2.5 ? [1, 2, 5] : [1];
      for (let power = Math.floor(low); power <= Math.ceil(high); power++) {
        for (const each of fine) {
          const value = each * 10 ** power;
          if (Math.log10(value) >= low && Math.log10(value) <= high && value > axis.floor * 1.01) found.push({ value, label: written(value, axis) });
        }
      }
      const floor = Math.log10(axis.floor);
      return floor >= low && floor <= high ? [{ value: axis.floor, label: "0" }, ...found] : found;
    }

    mark(marks, each) {
      const points = each.x.map((x, k) => (x === null || each.y[k] === null ? null : [this.px(x), this.py(each.y[k])]));
      if (each.kind === "dots") return this.dots(marks, each, points);
      if (each.low) marks.append(svg("path", { d: this.band(each), fill: this.colour(each), "fill-opacity": 0.15 }));
      marks.append(svg("path", { d: outline(points, each.kind === "steps"), ...this.stroke(each) }));
      if (each.kind === "path" || (each.kind === "line" && points.length <= 30)) {
        for (const point of points) {
          if (point) marks.append(svg("circle", { cx: point[0], cy: point[1], r: 2.6, fill: this.stroke(each).stroke }));
        }
      }
    }

    band(each) {
      let path = "";
      for (let k = 0; k < each.x.length;) {
        let end = k;
        while (end < each.x.length && each.low[end] !== null && each.high[end] !== null) end++;
        const rows = [...Array(end - k).keys()].map((i) => i + k);
        if (rows.length) {
          const upper = rows.map((i) => [this.px(each.x[i]), this.py(each.high[i])]);
          const lower = rows.map((i) => [this.px(each.x[i]), this.py(each.low[i])]);
          const steps = each.kind === "steps";
          path += outline(upper, steps) + outline(lower.reverse(), steps, true).replace("M", "L") + "Z";
        }
        k = end + 1;
      }
      return path;
    }

    dots(marks, each, points) {
      const { colour } = this.content;
      const radius = each.emphasised ? 5.5 : Math.max(2, Math.min(4.5, 140 / Math.sqrt(points.length)));
      const edge = each.emphasised ? { stroke: "var(--ink)", "stroke-width": 1.4 } : { stroke: "var(--ink)", "stroke-width": 0.4, "stroke-opacity": 0.35 };
      // What was visited stands out from what is only there.
      const opacity = each.emphasised ? 1 : this.visible.some((other) => other.emphasised) ? 0.4 : 0.85;
      points.forEach((point, k) => {
        if (!point || point[0] < this.left - 9 || point[0] > this.left + this.inner + 9) return;
        const value = each.value?.[k];
        const fill = !each.value ? this.colour(each) : value === null ? "var(--grid)" : viridis((value - colour.low) / (colour.high - colour.low || 1));
        marks.append(svg("circle", { cx: point[0], cy: point[1], r: radius, fill, "fill-opacity": opacity, ...edge }));
      });
    }

    // ---- pointer and keys

    listen(paper, cover) {
      const place = (event) => {
        const box = paper.getBoundingClientRect();
        return [event.clientX - box.left, event.clientY - box.top];
      };
      let from = null, frame = null;
      cover.addEventListener("pointerdown", (event) => {
        if (event.pointerType === "touch" || event.button) return;
        from = place(event);
        frame = svg("rect", { class: "box", width: 0, height: 0 });
        this.pointed.replaceChildren(frame);
        cover.setPointerCapture(event.pointerId);
        hush();
      });
      cover.addEventListener("pointermove", (event) => {
        const [x, y] = place(event);
        if (!from) return this.point(x, y);
        frame.setAttribute("x", Math.min(x, from[0]));
        frame.setAttribute("y", Math.min(y, from[1]));
        frame.setAttribute("width", Math.abs(x - from[0]));
        frame.setAttribute("height", Math.abs(y - from[1]));
      });
      cover.addEventListener("pointerup", (event) => {
        if (!from) return;
        const [start, end] = [from, place(event)];
        from = null;
        this.pointed.replaceChildren();
        if (Math.abs(start[0] - end[0]) > 6 && Math.abs(start[1] - end[1]) > 6) this.cut(start, end);
      });
      cover.addEventListener("pointercancel", () => { from = null; this.pointed.replaceChildren(); });
      cover.addEventListener("pointerleave", () => { if (!from) this.pointed.replaceChildren(); hush(); });
      cover.addEventListener("dblclick", () => this.reset());
      cover.addEventListener("wheel", (event) => {
        if (!event.ctrlKey && !event.metaKey) return; // the page scrolls
        event.preventDefault();
        this.zoom(event.deltaY > 0 ? 1.2 : 1 / 1.2, place(event));
      }, { passive: false });
      paper.addEventListener("keydown", (event) => {
        const act = { "+": () => this.zoom(0.6), "=": () => this.zoom(0.6), "-": () => this.zoom(1 / 0.6), 0: () => this.reset(),
          ArrowRight: () => this.step(1), ArrowLeft: () => this.step(-1), Escape: hush }[event.key];
        if (!act) return;
        event.preventDefault();
        act();
      });
      paper.addEventListener("blur", hush);
    }

    at([x, y]) {
      const [x0, x1, y0, y1] = this.window;
      return [x0 + ((x - this.left) / this.inner) * (x1 - x0), y0 + (1 - (y - this.top) / this.tall) * (y1 - y0)];
    }

    cut(start, end) {
      const [[a, b], [c, d]] = [this.at(start), this.at(end)];
      this.window = [Math.min(a, c), Math.max(a, c), Math.min(b, d), Math.max(b, d)];
      this.draw();
    }

    zoom(factor, place = [this.left + this.inner / 2, this.top + this.tall / 2]) {
      const [x, y] = this.at(place);
      const [x0, x1, y0, y1] = this.window;
      this.window = [x + (x0 - x) * factor, x + (x1 - x) * factor, y + (y0 - y) * factor, y + (y1 - y) * factor];
      this.draw();
    }

    nearest(x, y) {
      let best = null, closest = NEAR ** 2;
      for (const each of this.visible) {
        if (each.kind === "steps" || each.kind === "line") continue;
        each.x.forEach((value, k) => {
          if (value === null || each.y[k] === null) return;
          const [px, py] = [this.px(value), this.py(each.y[k])];
          if (px < this.left || px > this.left + this.inner || py < this.top || py > this.top + this.tall) return;
          const distance = (px - x) ** 2 + (py - y) ** 2;
          if (distance <= closest) { closest = distance; best = { each, k }; }
        });
      }
      return best;
    }

    point(x, y) {
      const hit = this.nearest(x, y);
      if (hit) return this.single(hit);
      const lines = this.visible.filter((each) => each.kind === "line" || each.kind === "steps");
      if (!lines.length) { this.pointed.replaceChildren(); return hush(); }
      const xs = lines.flatMap((each) => each.x.filter((value, k) => value !== null && each.y[k] !== null));
      if (!xs.length) return hush();
      this.across(xs.reduce((best, value) => (Math.abs(this.px(value) - x) < Math.abs(this.px(best) - x) ? value : best)), lines);
    }

    // The values of all lines at one x.
    across(x, lines) {
      const { x: axis, y } = this.view;
      const marks = [svg("path", { class: "cross", d: `M${this.px(x)} ${this.top}v${this.tall}` })];
      const rows = [];
      for (const each of lines) {
        const k = each.kind === "steps" ? each.x.findLastIndex((value) => value !== null && value <= x) : each.x.indexOf(x);
        if (k < 0 || each.y[k] === null || x > each.x[each.x.length - 1]) continue;
        marks.push(svg("circle", { cx: this.px(x), cy: this.py(each.y[k]), r: 4, fill: this.colour(each) }));
        const swatch = svg("svg", { width: 20, height: 8 }, svg("path", { d: "M0 4H20", ...this.stroke(each) }));
        const band = each.low && each.low[k] !== null ? ` (${written(each.low[k], y)} to ${written(each.high[k], y)})` : "";
        rows.push(html("p", { class: "row" }, swatch, each.name, html("b", {}, written(each.y[k], y) + band)));
      }
      if (!rows.length) return hush();
      this.current = { x };
      this.pointed.replaceChildren(...marks);
      const box = this.paper.getBoundingClientRect();
      tell(box.left + this.px(x), box.top + this.top + this.tall / 2, html("p", { class: "name" }, `${axis.label}: ${written(x, axis)}`), ...rows);
    }

    // One dot, with its architecture.
    single({ each, k }) {
      const { x, y } = this.view;
      const { colour } = this.content;
      this.current = { each, k };
      const [px, py] = [this.px(each.x[k]), this.py(each.y[k])];
      this.pointed.replaceChildren(svg("circle", { class: "halo", cx: px, cy: py, r: 8 }));
      const lines = [html("p", { class: "name" }, each.notes?.[k] ?? each.name)];
      const value = each.value?.[k];
      if (value !== null && value !== undefined) lines.push(html("p", {}, `${colour.label}: ${written(value, colour)}`));
      if (!this.view.equal) lines.push(html("p", {}, `${y.label}: ${written(each.y[k], y)}`), html("p", {}, `${x.label}: ${written(each.x[k], x)}`));
      const drawing = each.drawings?.[k];
      if (drawing !== null && drawing !== undefined) lines.push(architecture(drawing, 34));
      const box = this.paper.getBoundingClientRect();
      tell(box.left + px, box.top + py, ...lines);
    }

    // From point to point with the arrow keys.
    step(by) {
      const dots = this.visible.filter((each) => each.kind === "dots" || each.kind === "path");
      if (dots.length) {
        const each = dots.includes(this.current?.each) ? this.current.each : dots[dots.length - 1];
        const count = each.x.length;
        const k = this.current?.each === each ? (this.current.k + by + count) % count : 0;
        if (each.x[k] !== null && each.y[k] !== null) this.single({ each, k });
        return;
      }
      const xs = [...new Set(this.visible.flatMap((each) => each.x))].filter((value) => value !== null).sort((a, b) => a - b);
      const now = xs.indexOf(this.current?.x);
      if (xs.length) this.across(xs[Math.max(0, Math.min(xs.length - 1, now + by))], this.visible);
    }

    rows() {
      const { view, content } = this;
      const columns = [...new Set(this.series.flatMap((each) => Object.keys(each.columns ?? {})))];
      const present = (key) => this.series.some((each) => each[key]);
      const optional = [["low", "low"], ["high", "high"], ["value", content.colour?.label ?? "value"], ["notes", "note"]].filter(([key]) => present(key));
      const rows = [["series", view.x.label, view.y.label, ...optional.map(([, label]) => label), ...columns]];
      for (const each of this.series) {
        each.x.forEach((x, k) => rows.push([each.name, x, each.y[k], ...optional.map(([key]) => each[key]?.[k]), ...columns.map((key) => each.columns?.[key]?.[k])]));
      }
      return rows;
    }
  }

  // A line through points with a gap where one is missing; steps hold a value until the next point.
  function outline(points, steps, backwards = false) {
    let path = "", last = null;
    for (const point of points) {
      if (!point) { last = null; continue; }
      const [x, y] = point.map((value) => value.toFixed(1));
      if (last === null) path += `M${x} ${y}`;
      else if (!steps) path += `L${x} ${y}`;
      else path += backwards ? `V${y}H${x}` : `H${x}V${y}`;
      last = point;
    }
    return path;
  }

  // ---- the page -------------------------------------------------------------------------------

  const charts = new Map();
  for (const figure of document.querySelectorAll("[data-chart]")) charts.set(figure, new Chart(figure, DATA.charts[figure.dataset.chart]));
  for (const place of document.querySelectorAll("[data-drawing]")) place.append(architecture(Number(place.dataset.drawing), 34));

  document.addEventListener("click", (event) => {
    const pressed = event.target.closest("[data-csv]");
    if (!pressed) return;
    const figure = pressed.closest("figure");
    const title = figure.querySelector("h3").textContent;
    if (pressed.dataset.csv === "table") save(title, tableRows(figure.querySelector("table")));
    else if (pressed.dataset.csv === "chart") save(`${title} ${charts.get(figure).view.name}`, charts.get(figure).rows());
    else {
      const file = DATA.files[figure.dataset.file];
      save(title, [file.columns, ...file.rows]);
    }
  });

  document.getElementById("scheme").addEventListener("click", () => {
    const root = document.documentElement;
    const dark = root.dataset.scheme ? root.dataset.scheme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
    root.dataset.scheme = dark ? "light" : "dark";
  });

  const links = new Map([...document.querySelectorAll("nav a")].map((link) => [link.hash.slice(1), link]));
  const watch = new IntersectionObserver((seen) => {
    for (const { target, isIntersecting } of seen) {
      if (!isIntersecting) continue;
      for (const link of links.values()) link.removeAttribute("aria-current");
      links.get(target.id)?.setAttribute("aria-current", "true");
    }
  }, { rootMargin: "-20% 0px -70% 0px" });
  for (const section of document.querySelectorAll("main section")) watch.observe(section);
})();
