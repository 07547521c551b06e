// Colour scheme: the system's by default; the button goes round automatic, light, dark. Kept where storage is allowed.
"use strict";
(() => {
  const root = document.documentElement;
  const button = document.querySelector(".scheme");
  const order = ["auto", "light", "dark"];
  const words = { auto: "Colours: automatic", light: "Colours: light", dark: "Colours: dark" };
  const stored = () => { try { return localStorage.getItem("pgolf-scheme"); } catch { return null; } };
  const apply = (scheme) => {
    if (scheme === "auto") delete root.dataset.theme; else root.dataset.theme = scheme;
    button.textContent = words[scheme];
    button.dataset.scheme = scheme;
  };
  button.hidden = false;
  apply(order.includes(stored()) ? stored() : "auto");
  button.addEventListener("click", () => {
    const next = order[(order.indexOf(button.dataset.scheme) + 1) % order.length];
    apply(next);
    try { localStorage.setItem("pgolf-scheme", next); } catch { /* a page from disk may have no storage */ }
  });
})();
