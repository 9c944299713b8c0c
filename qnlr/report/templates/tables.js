// A head sorts its column: upwards, downwards, and back to the order of the page.
for (const table of document.querySelectorAll("figure.table table")) {
  const body = table.tBodies[0];
  const original = [...body.rows];
  const heads = [...table.tHead.rows[0].cells];

  const keys = (column) => {
    const cells = original.map((row) => row.cells[column]);
    const numeric = cells.some((cell) => cell.dataset.value);
    const key = (cell) => {
      if (!numeric) return cell.innerText.trim();
      return cell.dataset.value ? Number(cell.dataset.value) : null;
    };
    return new Map(original.map((row, index) => [row, key(cells[index])]));
  };
  const compare = (a, b) => {
    if (typeof a === "number") return a < b ? -1 : a > b ? 1 : 0;
    return a.localeCompare(b, "en", { numeric: true });
  };
  const sorted = (column, sign) => {
    const known = keys(column);
    return [...original].sort((a, b) => {
      const [left, right] = [known.get(a), known.get(b)];
      if (left === null || right === null) return (left === null) - (right === null);
      return sign * compare(left, right);
    });
  };

  heads.forEach((head, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...head.childNodes);
    head.append(button);
    head.setAttribute("aria-sort", "none");
    button.addEventListener("click", () => {
      const before = head.getAttribute("aria-sort");
      const next = { none: "ascending", ascending: "descending", descending: "none" }[before];
      for (const other of heads) other.setAttribute("aria-sort", "none");
      head.setAttribute("aria-sort", next);
      if (next === "none") body.append(...original);
      else body.append(...sorted(column, next === "ascending" ? 1 : -1));
    });
  });
}

// A faded edge says that there is more of a table to the right.
for (const box of document.querySelectorAll(".scroll")) {
  const mark = () => {
    box.classList.toggle("more", box.scrollLeft + box.clientWidth < box.scrollWidth - 4);
  };
  box.addEventListener("scroll", mark, { passive: true });
  new ResizeObserver(mark).observe(box);
}
