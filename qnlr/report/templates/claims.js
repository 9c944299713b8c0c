for (const block of document.querySelectorAll(".claims")) {
  const claims = [...block.querySelectorAll(".claim")];
  const buttons = [...block.querySelectorAll(".filters button")];
  const search = block.querySelector("input[type=search]");
  const shown = block.querySelector(".shown");
  let verdict = "";

  const update = () => {
    const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    let count = 0;
    for (const claim of claims) {
      const text = claim.textContent.toLowerCase();
      const fits = !verdict || claim.dataset.verdict === verdict;
      claim.hidden = !(fits && words.every((word) => text.includes(word)));
      if (!claim.hidden) count += 1;
    }
    shown.textContent = count < claims.length ? `${count} of ${claims.length} claims shown` : "";
  };
  for (const button of buttons) {
    button.disabled = false;
    button.addEventListener("click", () => {
      verdict = verdict === button.dataset.verdict ? "" : button.dataset.verdict;
      for (const other of buttons) {
        other.setAttribute("aria-pressed", String(other.dataset.verdict === verdict));
      }
      update();
    });
  }
  search.hidden = false;
  search.addEventListener("input", update);
  addEventListener("hashchange", () => {
    const asked = claims.find((claim) => `#${claim.id}` === location.hash);
    if (asked?.hidden) {
      search.value = "";
      buttons.find((button) => button.dataset.verdict === "").click();
    }
  });
}
