{
  const dialog = document.querySelector("dialog.zoom");
  const stage = dialog.querySelector(".stage");
  const says = dialog.querySelector(".says");
  const pointers = new Map();
  let image = null;
  let fitted = { width: 0, height: 0 };
  let view = { scale: 1, x: 0, y: 0 };

  // the width is set, not a scale, so that the browser draws the figure anew and sharp
  const draw = () => {
    image.style.width = `${fitted.width * view.scale}px`;
    image.style.transform = `translate(${view.x}px, ${view.y}px)`;
  };
  const zoom = (factor, x = stage.clientWidth / 2, y = stage.clientHeight / 2) => {
    const scale = Math.min(20, Math.max(0.5, view.scale * factor));
    const change = scale / view.scale;
    view = { scale, x: x - (x - view.x) * change, y: y - (y - view.y) * change };
    draw();
  };
  const fit = () => {
    const ratio = (image.naturalWidth || 4) / (image.naturalHeight || 3);
    const width = Math.min(stage.clientWidth, stage.clientHeight * ratio);
    fitted = { width, height: width / ratio };
    view = {
      scale: 1,
      x: (stage.clientWidth - fitted.width) / 2,
      y: (stage.clientHeight - fitted.height) / 2,
    };
    draw();
  };
  const pan = (x, y) => {
    view = { ...view, x: view.x + x, y: view.y + y };
    draw();
  };
  const actions = {
    in: () => zoom(1.4),
    out: () => zoom(1 / 1.4),
    fit,
    close: () => dialog.close(),
  };
  const keys = {
    "+": actions.in, "=": actions.in, "-": actions.out, 0: fit,
    ArrowLeft: () => pan(60, 0), ArrowRight: () => pan(-60, 0),
    ArrowUp: () => pan(0, 60), ArrowDown: () => pan(0, -60),
  };

  for (const card of document.querySelectorAll("figure.figure button.card")) {
    card.disabled = false;
    card.title = "Enlarge";
    card.addEventListener("click", () => {
      image = card.querySelector("img").cloneNode();
      image.draggable = false;
      stage.replaceChildren(image);
      says.textContent = card.parentElement.querySelector("figcaption").textContent;
      dialog.showModal();
      stage.focus();
      fit();
    });
  }
  for (const button of dialog.querySelectorAll("[data-zoom]")) {
    button.addEventListener("click", actions[button.dataset.zoom]);
  }
  dialog.addEventListener("close", () => { pointers.clear(); stage.replaceChildren(); });
  dialog.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || !(event.key in keys)) return;
    event.preventDefault();
    keys[event.key]();
  });
  addEventListener("resize", () => { if (dialog.open) fit(); });

  const place = (event) => {
    const box = stage.getBoundingClientRect();
    return { x: event.clientX - box.left, y: event.clientY - box.top };
  };
  stage.addEventListener("wheel", (event) => {
    event.preventDefault();
    const { x, y } = place(event);
    zoom(Math.exp(-event.deltaY * (event.ctrlKey ? 0.01 : 0.002)), x, y);
  }, { passive: false });
  stage.addEventListener("dblclick", (event) => {
    const { x, y } = place(event);
    if (view.scale > 1) fit(); else zoom(2.5, x, y);
  });
  stage.addEventListener("pointerdown", (event) => {
    stage.setPointerCapture(event.pointerId);
    pointers.set(event.pointerId, place(event));
  });
  stage.addEventListener("pointermove", (event) => {
    const before = pointers.get(event.pointerId);
    if (!before) return;
    const now = place(event);
    const other = [...pointers].find(([id]) => id !== event.pointerId)?.[1];
    pointers.set(event.pointerId, now);
    if (!other) return void pan(now.x - before.x, now.y - before.y);
    const [middle, was] = [now, before].map((p) => ({ x: (p.x + other.x) / 2, y: (p.y + other.y) / 2 }));
    const apart = (p) => Math.max(1, Math.hypot(p.x - other.x, p.y - other.y));
    pan(middle.x - was.x, middle.y - was.y);
    zoom(apart(now) / apart(before), middle.x, middle.y);
  });
  for (const end of ["pointerup", "pointercancel"]) {
    stage.addEventListener(end, (event) => pointers.delete(event.pointerId));
  }
}
