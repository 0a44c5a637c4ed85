
"use strict";
// The page is complete without this script; it adds the filter, the theme and what printing needs.
(() => {
  const by = (id) => document.getElementById(id);
  const cards = [...document.querySelectorAll("#list > .finding")];
  const boxes = [...document.querySelectorAll('input[name="verdict"]')];
  const search = by("search"), severity = by("severity"), expand = by("expand");
  const texts = new Map(cards.map((card) => [card, card.textContent.toLowerCase()]));

  // The filter stands behind the # of the address, so that a filtered page can be linked and goes back and forth.
  const read = () => {
    const wanted = new URLSearchParams(location.hash.slice(1));
    if (location.hash && !["q", "verdict", "severity"].some((name) => wanted.has(name))) {
      const target = by(location.hash.slice(1));
      if (target?.matches("details")) target.open = true;
      return;
    }
    search.value = wanted.get("q") ?? "";
    severity.value = wanted.get("severity") ?? "";
    const verdicts = wanted.get("verdict");
    for (const box of boxes) box.checked = verdicts === null || verdicts.split(",").includes(box.value);
  };
  const write = () => {
    const kept = new URLSearchParams();
    if (search.value) kept.set("q", search.value);
    if (severity.value) kept.set("severity", severity.value);
    if (!boxes.every((box) => box.checked)) kept.set("verdict", boxes.filter((box) => box.checked).map((box) => box.value).join(","));
    history.replaceState(null, "", "#" + kept);
  };
  const apply = () => {
    const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    const verdicts = new Set(boxes.filter((box) => box.checked).map((box) => box.value));
    let shown = 0;
    for (const card of cards) {
      const { verdict, severity: weight } = card.dataset;
      const text = texts.get(card);
      card.hidden = !(verdicts.has(verdict) && (!severity.value || severity.value === weight) && words.every((word) => text.includes(word)));
      shown += card.hidden ? 0 : 1;
    }
    by("count").textContent = `${shown} of ${cards.length} controls shown`;
  };
  const changed = () => { write(); apply(); };

  by("filter").addEventListener("submit", (event) => event.preventDefault());
  search.addEventListener("input", changed);
  severity.addEventListener("change", changed);
  for (const box of boxes) box.addEventListener("change", changed);
  by("open-only").addEventListener("click", () => {
    const open = new Set(cards.filter((card) => "open" in card.dataset).map((card) => card.dataset.verdict));
    for (const box of boxes) box.checked = open.has(box.value);
    changed();
  });
  by("reset").addEventListener("click", () => {
    search.value = severity.value = "";
    for (const box of boxes) box.checked = true;
    changed();
  });
  expand.addEventListener("click", () => {
    const open = expand.getAttribute("aria-pressed") !== "true";
    expand.setAttribute("aria-pressed", open);
    for (const card of cards) card.open = open && !card.hidden;
  });
  addEventListener("hashchange", () => { read(); apply(); });

  const root = document.documentElement, theme = by("theme"), system = matchMedia("(prefers-color-scheme: dark)");
  const isDark = () => (root.dataset.theme ? root.dataset.theme === "dark" : system.matches);
  const label = () => { theme.setAttribute("aria-pressed", isDark()); theme.textContent = isDark() ? "Light" : "Dark"; };
  theme.addEventListener("click", () => { root.dataset.theme = isDark() ? "light" : "dark"; label(); });
  system.addEventListener("change", label);

  // On paper nothing can be opened: whatever is shown is printed in full, on white.
  let before = null;
  addEventListener("beforeprint", () => {
    before = { theme: root.dataset.theme, open: [...document.querySelectorAll("details")].map((one) => [one, one.open]) };
    root.dataset.theme = "light";
    for (const [one] of before.open) one.open = true;
  });
  addEventListener("afterprint", () => {
    for (const [one, open] of before?.open ?? []) one.open = open;
    if (before?.theme) root.dataset.theme = before.theme; else delete root.dataset.theme;
  });
  by("print").addEventListener("click", () => print());

  label();
  read();
  apply();
})();
