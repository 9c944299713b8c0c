"use strict";
// before the page is drawn, so that it is never drawn in the other colours first
try {
  const kept = localStorage.getItem("qnlr-report-theme");
  if (kept === "dark" || kept === "light") document.documentElement.dataset.theme = kept;
} catch { /* storage may be forbidden, as in some private windows */ }
