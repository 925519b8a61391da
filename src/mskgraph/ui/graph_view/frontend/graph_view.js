// Draws a graph with vis-network and tells Python what was clicked.
//
// vis-network is the file inside the pyvis wheel; the server hands it out at /assets (see server.py). It is
// a UMD bundle: imported for its side effect, it leaves `vis` on globalThis. The path is relative to this
// file's own address (/_stcore/bidi-components/<component>/graph_view.js).
import "../../../assets/vis-network.min.js";

const vis = globalThis.vis;

const FONT_SIZE = 14;
const LINE = 17;
const EDGE_FONT_SIZE = 12;
const DOUBLE_CLICK_MS = 400;
const SMALLEST_TEXT = 3.5; // below this many pixels a label is only grey noise: leave it out
const MAX_SCALE = 1.15; // a graph of two nodes is not blown up to poster size
const LOOP = 80; // height of an edge from a node to itself, label included
const MAX_PNG_SIDE = 8192;
const REMEMBERED_GRAPHS = 60;

/** One live view per mount. */
const views = new WeakMap();
/** graph id -> {positions, scale, corner}: outlives the mount, so that it survives a page switch. */
const memory = new Map();

function remember(graph, state) {
  memory.delete(graph); // a Map keeps insertion order: the oldest graph is the first one
  memory.set(graph, state);
  if (memory.size > REMEMBERED_GRAPHS) memory.delete(memory.keys().next().value);
}

// ---------------------------------------------------------------------------------------------- shapes

/** Room between text and border, [horizontal, vertical], by outline. */
const PADDING = {
  rectangle: [10, 8], pill: [16, 8], hexagon: [18, 8], parallelogram: [20, 8], octagon: [13, 10],
  document: [12, 9], trapezium: [19, 8], frame: [14, 11], dashed: [16, 8],
};

/** SVG path of an outline of this size, centred on the origin. One source for canvas and legend. */
function outlinePath(outline, width, height) {
  const x = width / 2, y = height / 2, r = Math.min(y, 14);
  switch (outline) {
    case "pill":
    case "dashed":
      return `M${r - x},${-y} H${x - r} A${r},${y} 0 0 1 ${x - r},${y} H${r - x} A${r},${y} 0 0 1 ${r - x},${-y} Z`;
    case "hexagon":
      return `M${-x},0 L${12 - x},${-y} H${x - 12} L${x},0 L${x - 12},${y} H${12 - x} Z`;
    case "parallelogram":
      return `M${10 - x},${-y} H${x} L${x - 10},${y} H${-x} Z`;
    case "octagon":
      return `M${8 - x},${-y} H${x - 8} L${x},${8 - y} V${y - 8} L${x - 8},${y} H${8 - x} L${-x},${y - 8} V${8 - y} Z`;
    case "document":
      return `M${-x},${-y} H${x - 10} L${x},${10 - y} V${y} H${-x} Z M${x - 10},${-y} V${10 - y} H${x}`;
    case "trapezium":
      return `M${11 - x},${-y} H${x - 11} L${x},${y} H${-x} Z`;
    case "frame":
      return `M${-x},${-y} H${x} V${y} H${-x} Z M${4 - x},${4 - y} H${x - 4} V${y - 4} H${4 - x} Z`;
    default:
      return `M${-x},${-y} H${x} V${y} H${-x} Z`;
  }
}

const ruler = document.createElement("canvas").getContext("2d");

/** What drawing a node needs, measured once: lines of text, size, path. */
function measure(node, style, family) {
  ruler.font = `${FONT_SIZE}px ${family}`;
  const lines = node.label.split("\n");
  const [padX, padY] = PADDING[style.outline] || PADDING.rectangle;
  const text = Math.max(8, ...lines.map((line) => ruler.measureText(line).width));
  const width = Math.ceil(text) + 2 * padX;
  const height = lines.length * LINE + 2 * padY;
  return { ...node, lines, style, width, height, path: new Path2D(outlinePath(style.outline, width, height)) };
}

function frameAround(ctx, { width, height }, room) {
  ctx.strokeRect(-width / 2 - room, -height / 2 - room, width + 2 * room, height + 2 * room);
}

function legendItem(style) {
  const space = "http://www.w3.org/2000/svg";
  const svg = document.createElementNS(space, "svg");
  svg.setAttribute("viewBox", "-23 -12 46 24");
  svg.setAttribute("aria-hidden", "true");
  const path = document.createElementNS(space, "path");
  path.setAttribute("d", outlinePath(style.outline, 42, 20));
  path.setAttribute("fill", style.fill);
  path.setAttribute("stroke", style.border);
  path.setAttribute("stroke-width", "2");
  if (style.outline === "dashed") path.setAttribute("stroke-dasharray", "4 3");
  svg.append(path);
  const item = document.createElement("li");
  item.append(svg, style.name);
  return item;
}

// ---------------------------------------------------------------------------------------------- colours

function channels(colour) {
  const parts = (colour.match(/[\d.]+/g) || []).map(Number);
  return parts.length >= 3 ? parts.slice(0, 3) : [0, 0, 0];
}

function mix(front, back, share) {
  const a = channels(front), b = channels(back);
  return `rgb(${a.map((value, i) => Math.round(value * share + b[i] * (1 - share))).join(", ")})`;
}

// ---------------------------------------------------------------------------------------------- the view

class GraphView {
  constructor(root) {
    this.root = root;
    this.element = root.querySelector(".graph");
    this.status = root.querySelector("[role=status]");
    this.legend = root.querySelector(".legend");
    this.items = new Map(); // node id -> measured node
    this.links = new Map(); // edge id -> edge as sent
    this.drawn = new Map(); // id -> JSON of what vis was given last: only differences go in
    this.nodes = new vis.DataSet();
    this.edges = new vis.DataSet();
    this.cursor = null; // the node the keyboard is on
    this.fitted = false;
    this.lastClick = { id: null, time: 0 };
  }

  // --- life

  open(data) {
    this.graph = data.graph;
    this.element.style.height = `${data.height}px`;
    this.readTheme();
    this.net = new vis.Network(this.element, { nodes: this.nodes, edges: this.edges }, {
      autoResize: false, // its own resizing changes the zoom: see resized()
      physics: false,
      layout: { improvedLayout: false },
      interaction: {
        hover: true, tooltipDelay: 250, selectConnectedEdges: false, hoverConnectedEdges: false,
        keyboard: false, hideEdgesOnDrag: data.edges.length > 800, hideEdgesOnZoom: data.edges.length > 800,
      },
      nodes: { shape: "custom", chosen: false, ctxRenderer: (call) => this.drawNode(call), font: { multi: false } },
      edges: { chosen: false, smooth: false, arrowStrikethrough: false, font: { multi: false } },
    });
    this.element.mskNetwork = this.net; // for tests: where on the page is a node?
    this.frame = this.element.querySelector(".vis-network");
    this.canvas = this.frame.querySelector("canvas");
    this.frame.setAttribute("role", "application");
    this.frame.setAttribute("aria-describedby", "graph-keys");
    // vis-network hides its tooltip when the mouse moves off a node, but not when it leaves the canvas from one.
    this.frame.addEventListener("mouseleave", () => this.net.interactionHandler.popup?.hide());
    this.canvas.setAttribute("role", "img");
    this.listen();
  }

  close() {
    this.save();
    this.observer.disconnect();
    this.net.destroy();
    delete this.element.mskNetwork;
  }

  save() {
    if (!this.fitted) return;
    // The upper left corner, not the middle: the middle changes with the size, which is another one while
    // the style sheet is on its way, and none at all once the element is off the page.
    const corner = this.net.DOMtoCanvas({ x: 0, y: 0 });
    remember(this.graph, { positions: this.net.getPositions(), scale: this.net.getScale(), corner });
  }

  listen() {
    const { net, frame, element } = this;
    net.on("click", (event) => this.clicked(event));
    net.on("doubleClick", (event) => {
      const node = net.getNodeAt(event.pointer.DOM);
      if (node !== undefined) this.fire("expand", { id: node, element: "node" });
    });
    net.on("dragEnd", () => this.save());
    net.on("zoom", () => this.save());
    // The page must stay scrollable over the graph: the wheel zooms with Ctrl, or once the graph has focus.
    element.addEventListener("wheel", (event) => {
      if (!event.ctrlKey && !event.metaKey && !frame.matches(":focus")) event.stopPropagation();
    }, { capture: true, passive: true });
    frame.addEventListener("keydown", (event) => this.keyPressed(event));
    frame.addEventListener("blur", () => net.redraw());
    element.addEventListener("transitionend", (event) => {
      if (event.target === element) this.themeChanged(); // the style sheet gives theme colours a transition
    });
    for (const [name, act] of Object.entries({
      fit: () => this.fit(), in: () => this.zoom(1.25), out: () => this.zoom(0.8), png: () => this.savePng(),
    })) this.root.querySelector(`button[data-act=${name}]`).onclick = act;
    this.observer = new ResizeObserver(() => this.resized());
    this.observer.observe(element);
  }

  // --- data from Python

  update(data) {
    this.element.style.height = `${data.height}px`;
    this.filename = data.filename;
    this.kinds = data.kinds;
    this.selected = data.selected;
    this.lit = data.lit === null ? null : new Set(data.lit);
    this.frame.setAttribute("aria-label", data.label);
    this.canvas.setAttribute("aria-label", data.label);
    if (this.graph !== data.graph) {
      this.save();
      this.graph = data.graph;
      this.nodes.clear();
      this.edges.clear();
      this.drawn.clear();
      this.cursor = null;
      this.fitted = false;
    }
    this.putNodes(data.nodes);
    this.links = new Map(data.edges.map((edge) => [edge.id, edge]));
    this.putEdges();
    const present = new Set(data.nodes.map((node) => node.kind));
    this.legend.replaceChildren(
      ...(data.legend ? Object.keys(this.kinds).filter((kind) => present.has(kind)) : [])
        .map((kind) => legendItem(this.kinds[kind])));
    this.net.redraw();
    this.show();
  }

  putNodes(sent) {
    const kept = (memory.get(this.graph) || { positions: {} }).positions;
    const old = this.items;
    this.items = new Map();
    const changes = [];
    for (const { x, y, ...node } of sent) {
      const text = JSON.stringify(node);
      const known = this.nodes.get(node.id) !== null;
      const same = known && this.drawn.get(`n ${node.id}`) === text;
      this.items.set(node.id, same ? old.get(node.id)
        : measure(node, this.kinds[node.kind], this.theme.family));
      if (same) continue;
      this.drawn.set(`n ${node.id}`, text);
      const change = { id: node.id, label: node.label, title: node.title || undefined };
      // Python's place counts for a node that is new here; afterwards it never moves but by hand.
      if (!known) Object.assign(change, kept[node.id] || { x, y });
      changes.push(change);
    }
    this.nodes.remove(this.nodes.getIds().filter((id) => !this.items.has(id)));
    this.nodes.update(changes);
  }

  putEdges() {
    const bundles = new Map(); // two claims between the same two nodes must not hide each other
    const changes = [];
    for (const edge of this.links.values()) {
      const ends = [edge.source, edge.target].sort();
      const bundle = JSON.stringify(ends);
      const turn = bundles.get(bundle) || 0;
      bundles.set(bundle, turn + 1);
      const change = this.drawnEdge(edge, turn, ends[0] === edge.source);
      const text = JSON.stringify(change);
      if (this.drawn.get(`e ${edge.id}`) === text) continue;
      this.drawn.set(`e ${edge.id}`, text);
      changes.push(change);
    }
    this.edges.remove(this.edges.getIds().filter((id) => !this.links.has(id)));
    this.edges.update(changes);
  }

  drawnEdge(edge, turn, forward) {
    const lit = this.lit === null || this.lit.has(edge.id);
    const chosen = this.selected === edge.id;
    const { theme } = this;
    const line = chosen ? theme.text : lit ? theme.line : theme.dimLine;
    const way = (turn % 2 === 1) === forward ? "curvedCW" : "curvedCCW";
    return {
      id: edge.id, from: edge.source, to: edge.target, label: edge.label || undefined,
      dashes: edge.dashed ? [6, 5] : false,
      arrows: { to: { enabled: true, scaleFactor: 0.65 } },
      width: chosen ? 4 : lit && this.lit !== null ? 2.4 : 1.4,
      color: { color: line, hover: line, highlight: line, inherit: false },
      smooth: turn === 0 ? false : { enabled: true, type: way, roundness: 0.2 * Math.ceil(turn / 2) },
      font: {
        size: EDGE_FONT_SIZE, face: theme.family, color: lit ? theme.word : theme.dimWord,
        strokeWidth: 4, strokeColor: theme.back,
      },
    };
  }

  // --- theme

  readTheme() {
    const style = getComputedStyle(this.element);
    const text = style.color, back = style.backgroundColor;
    this.theme = {
      text, back, family: style.fontFamily,
      line: mix(text, back, 0.62), dimLine: mix(text, back, 0.16),
      word: mix(text, back, 0.88), dimWord: mix(text, back, 0.3),
    };
  }

  themeChanged() {
    const before = JSON.stringify(this.theme);
    this.readTheme();
    if (JSON.stringify(this.theme) === before) return;
    this.putEdges();
    this.net.redraw();
  }

  // --- drawing

  drawNode({ ctx, id, x, y, state }) {
    const item = this.items.get(id);
    if (!item) return { drawNode: () => {}, nodeDimensions: { width: 1, height: 1 } };
    const paint = () => {
      const { style } = item;
      const chosen = this.selected === id;
      const size = FONT_SIZE * this.scale();
      const dim = this.lit !== null && !this.lit.has(id);
      ctx.translate(x, y);
      if (dim) { // dimmed, but not transparent: no edge shines through
        ctx.fillStyle = this.theme.back;
        ctx.fill(item.path);
        ctx.globalAlpha = 0.25;
      }
      ctx.fillStyle = style.fill;
      ctx.strokeStyle = style.border;
      ctx.lineWidth = chosen ? 5 : state.hover ? 3 : 2;
      ctx.setLineDash(style.outline === "dashed" ? [6, 4] : []);
      ctx.fill(item.path);
      ctx.stroke(item.path);
      ctx.setLineDash([]);
      ctx.globalAlpha = 1;
      ctx.strokeStyle = this.theme.text; // it shows on every border colour
      ctx.lineWidth = Math.max(2, 1.5 / this.scale()); // and from afar
      if (chosen) frameAround(ctx, item, 6);
      if (this.cursor === id && this.frame.matches(":focus-visible")) {
        ctx.setLineDash([3, 3]);
        frameAround(ctx, item, 10);
        ctx.setLineDash([]);
      }
      if (size < SMALLEST_TEXT) return;
      ctx.font = `${FONT_SIZE}px ${this.theme.family}`;
      ctx.textAlign = "center";
      ctx.textBaseline = "middle";
      // Dimmed, little of the fill is left, and the label stands on the page's own colour.
      ctx.globalAlpha = dim ? 0.5 : 1;
      ctx.fillStyle = dim ? this.theme.text : style.text;
      const top = -((item.lines.length - 1) * LINE) / 2;
      item.lines.forEach((line, i) => ctx.fillText(line, 0, top + i * LINE + 1));
      if (item.badge) this.drawBadge(ctx, item);
    };
    return { drawNode: paint, nodeDimensions: { width: item.width, height: item.height } };
  }

  drawBadge(ctx, item) {
    ctx.font = `bold ${FONT_SIZE - 3}px ${this.theme.family}`;
    const width = ctx.measureText(item.badge).width + 10;
    const x = item.width / 2 - width / 2 + 6, y = -item.height / 2;
    ctx.beginPath();
    ctx.roundRect(x - width / 2, y - 8, width, 16, 8);
    ctx.fillStyle = this.theme.text;
    ctx.fill();
    ctx.fillStyle = this.theme.back;
    ctx.fillText(item.badge, x, y + 0.5);
  }

  scale() {
    return this.exporting || !this.net ? 1 : this.net.getScale();
  }

  // --- the window on the graph

  bounds() {
    let [left, top, right, bottom] = [Infinity, Infinity, -Infinity, -Infinity];
    for (const [id, { x, y }] of Object.entries(this.net.getPositions())) {
      const item = this.items.get(id);
      if (!item) continue;
      left = Math.min(left, x - item.width / 2);
      right = Math.max(right, x + item.width / 2);
      top = Math.min(top, y - item.height / 2);
      bottom = Math.max(bottom, y + item.height / 2);
    }
    for (const edge of this.edges.get()) { // an edge from a node to itself stands above it, with its label
      const item = edge.from === edge.to && this.items.get(edge.from);
      if (item) top = Math.min(top, this.net.getPosition(edge.from).y - item.height / 2 - LOOP);
    }
    if (left > right) return { x: 0, y: 0, width: 1, height: 1 };
    return { x: (left + right) / 2, y: (top + bottom) / 2, width: right - left + 40, height: bottom - top + 40 };
  }

  fit() {
    const { clientWidth, clientHeight } = this.element;
    const { x, y, width, height } = this.bounds();
    const scale = Math.min(MAX_SCALE, clientWidth / width, clientHeight / height);
    this.net.moveTo({ position: { x, y }, scale, animation: false });
    this.net.redraw();
    this.save();
  }

  /** First sight of a graph: where the reader left it, else all of it. Waits until there is room to draw. */
  show() {
    const { clientWidth, clientHeight } = this.element;
    if (this.fitted || !clientWidth || !clientHeight || !this.items.size) return;
    this.fitted = true;
    this.size = [clientWidth, clientHeight];
    this.net.setSize(`${clientWidth}px`, `${clientHeight}px`);
    const kept = memory.get(this.graph);
    if (kept) this.look(kept);
    else this.fit();
    this.net.redraw(); // once more: a custom shape knows its size, and so the ends of its edges, once drawn
  }

  resized() {
    const { clientWidth, clientHeight } = this.element;
    if (!clientWidth || !clientHeight) return;
    if (!this.fitted) return this.show();
    const [oldWidth, oldHeight] = this.size;
    if (oldWidth === clientWidth && oldHeight === clientHeight) return;
    // vis-network would rescale the picture. Keep the scale and the upper left corner instead, so that a
    // scroll bar coming or going moves no node; a real change of room (a turned phone) fits anew.
    const corner = this.net.DOMtoCanvas({ x: 0, y: 0 });
    const scale = this.net.getScale();
    this.size = [clientWidth, clientHeight];
    this.net.setSize(`${clientWidth}px`, `${clientHeight}px`);
    const change = Math.max(Math.abs(clientWidth / oldWidth - 1), Math.abs(clientHeight / oldHeight - 1));
    if (change > 0.3) return this.fit();
    this.look({ corner, scale });
    this.net.redraw();
  }

  look({ corner, scale }) {
    const [width, height] = this.size;
    const position = { x: corner.x + width / 2 / scale, y: corner.y + height / 2 / scale };
    this.net.moveTo({ position, scale, animation: false });
  }

  zoom(factor) {
    const scale = Math.min(4, Math.max(0.02, this.net.getScale() * factor));
    this.net.moveTo({ scale, animation: false });
    this.net.redraw();
    this.save();
  }

  // --- events

  clicked({ pointer }) {
    const node = this.net.getNodeAt(pointer.DOM);
    const edge = node === undefined ? this.net.getEdgeAt(pointer.DOM) : undefined;
    const id = node ?? edge;
    this.net.unselectAll();
    if (id === undefined) return;
    // A double click is two clicks: the first one selects at once, the second one would only repeat it.
    const now = performance.now();
    const again = this.lastClick.id === id && now - this.lastClick.time < DOUBLE_CLICK_MS;
    this.lastClick = { id, time: now };
    if (again) return;
    if (node !== undefined) this.cursor = id;
    this.choose(id, node === undefined ? "edge" : "node");
  }

  choose(id, element) {
    const edgesChange = this.links.has(id) || this.links.has(this.selected);
    this.selected = id; // shown at once; the answer from Python confirms or corrects it
    if (edgesChange) this.putEdges();
    this.net.redraw();
    this.fire("select", { id, element });
  }

  keyPressed(event) {
    const step = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (step) this.walk(step);
    else if (event.key === "Enter" && this.cursor !== null) {
      if (event.shiftKey) this.fire("expand", { id: this.cursor, element: "node" });
      else this.choose(this.cursor, "node");
    } else if (event.key === "+" || event.key === "=") this.zoom(1.25);
    else if (event.key === "-") this.zoom(0.8);
    else if (event.key === "0") this.fit();
    else if (event.key === "Escape") this.root.querySelector("button").focus();
    else return;
    event.preventDefault();
    event.stopPropagation(); // Streamlit listens on the document, too
  }

  /** To the nearest node in a direction; sideways distance counts double. */
  walk([dx, dy]) {
    const positions = this.net.getPositions();
    const here = positions[this.cursor];
    let best = null, least = Infinity;
    for (const [id, { x, y }] of Object.entries(positions)) {
      if (id === this.cursor) continue;
      const [ax, ay] = here ? [x - here.x, y - here.y] : [x, y];
      const ahead = ax * dx + ay * dy, aside = Math.abs(ax * dy) + Math.abs(ay * dx);
      if (here && ahead <= 0) continue;
      const far = here ? ahead + 2 * aside : x + y; // from nowhere: start at the upper left
      if (far < least) [best, least] = [id, far];
    }
    if (!here && this.selected in positions) best = this.selected;
    if (best === null) return;
    this.cursor = best;
    const spot = this.net.canvasToDOM(positions[best]);
    const { clientWidth, clientHeight } = this.element;
    if (spot.x < 40 || spot.y < 30 || spot.x > clientWidth - 40 || spot.y > clientHeight - 30) {
      this.net.moveTo({ position: positions[best], animation: false });
      this.save();
    }
    const item = this.items.get(best);
    const links = this.net.getConnectedEdges(best).length;
    this.status.textContent =
      `${item.lines.join(" ")}, ${item.style.name}, ${links} ${links === 1 ? "link" : "links"}`;
    this.net.redraw();
  }

  // --- picture

  /** The whole graph at twice its size, drawn out of sight on the page's background. */
  async savePng() {
    const { x, y, width, height } = this.bounds();
    const factor = Math.min(2, MAX_PNG_SIDE / Math.max(width, height));
    const ratio = window.devicePixelRatio || 1;
    const host = document.createElement("div");
    host.className = "offstage";
    host.style.width = `${(width * factor) / ratio}px`;
    host.style.height = `${(height * factor) / ratio}px`;
    this.root.append(host);
    const cursor = this.cursor;
    this.cursor = null;
    this.exporting = true;
    let net;
    try {
      net = new vis.Network(host, { nodes: this.nodes, edges: this.edges }, {
        autoResize: false, physics: false, layout: { improvedLayout: false }, interaction: { dragView: false },
        nodes: { shape: "custom", ctxRenderer: (call) => this.drawNode(call) },
        edges: { smooth: false, arrowStrikethrough: false },
      });
      net.moveTo({ position: { x, y }, scale: factor / ratio, animation: false });
      net.redraw();
      net.redraw();
      const drawn = host.querySelector("canvas");
      const sheet = document.createElement("canvas");
      sheet.width = drawn.width;
      sheet.height = drawn.height;
      const pen = sheet.getContext("2d");
      pen.fillStyle = this.theme.back;
      pen.fillRect(0, 0, sheet.width, sheet.height);
      pen.drawImage(drawn, 0, 0);
      const blob = await new Promise((done) => sheet.toBlob(done, "image/png"));
      const link = document.createElement("a");
      link.href = URL.createObjectURL(blob);
      link.download = this.filename;
      link.click();
      setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
    } finally {
      this.exporting = false;
      this.cursor = cursor;
      if (net) net.destroy();
      host.remove();
    }
  }
}

export default function ({ data, parentElement, setTriggerValue }) {
  let view = views.get(parentElement);
  if (!view) {
    view = new GraphView(parentElement);
    view.open(data);
    views.set(parentElement, view);
  }
  view.fire = (event, value) => setTriggerValue(event, value); // Streamlit gives a new one every time
  view.update(data);
  return () => {
    views.delete(parentElement);
    view.close();
  };
}
