// Small help on the pages of people: tick a whole page and count, and watch a sync. Everything works without it.
(() => {
  "use strict";

  const form = document.querySelector("[data-people-form]");
  // Where everybody of the filter is chosen, there is nothing to tick.
  const all = form && form.querySelector("[data-people-all]");
  if (all) {
    const boxes = [...document.querySelectorAll("input[name=chosen]")];
    const count = form.querySelector("[data-people-count]");
    const show = () => {
      const chosen = boxes.filter((box) => box.checked).length;
      count.textContent = count.dataset.text.replace("{count}", chosen);
      count.hidden = chosen === 0;
    };
    all.addEventListener("click", (event) => {
      event.preventDefault();
      const tick = boxes.some((box) => !box.checked);
      boxes.forEach((box) => { box.checked = tick; });
      show();
    });
    boxes.forEach((box) => box.addEventListener("change", show));
    // Enter in a tick box would press the first button of the bar, for everybody who is ticked.
    boxes.forEach((box) => box.addEventListener("keydown", (event) => {
      if (event.key === "Enter") event.preventDefault();
    }));
    show();
  }

  const PAUSE = 1000;
  const run = () => document.querySelector("[data-run-url][data-run-open=yes]");

  async function look() {
    const shown = run();
    if (!shown) return;
    try {
      const answer = await fetch(shown.dataset.runUrl, { credentials: "same-origin" });
      if (!answer.ok) return;
      const fresh = new DOMParser().parseFromString(await answer.text(), "text/html").querySelector("[data-run-url]");
      if (!fresh) return;
      if (fresh.dataset.runOpen !== "yes") {
        window.location.reload();
        return;
      }
      shown.replaceWith(fresh);
    } catch {
      // A short break in the network: the next look may succeed.
    }
    setTimeout(look, PAUSE);
  }

  if (run()) setTimeout(look, PAUSE);
})();
