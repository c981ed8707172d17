// Watches the reading of answers: renews the bar while it goes on, then loads the page with the new numbers.
(() => {
  const PAUSE = 1500;
  const box = () => document.querySelector(".surveys-run[data-run-open=yes]");

  async function look() {
    const shown = box();
    if (!shown) return;
    try {
      const answer = await fetch(shown.dataset.runUrl, { credentials: "same-origin", headers: { Accept: "text/html" } });
      if (!answer.ok) return;
      const fresh = new DOMParser().parseFromString(await answer.text(), "text/html").querySelector(".surveys-run");
      if (!fresh) return;
      if (fresh.dataset.runOpen !== "yes") {
        window.location.reload();
        return;
      }
      const bar = shown.querySelector("progress");
      const fill = fresh.querySelector("progress");
      if (fill.hasAttribute("value")) {
        bar.max = fill.max;
        bar.value = fill.value;
      }
    } catch {
      // A short break in the network: the next look may succeed.
    }
    setTimeout(look, PAUSE);
  }

  if (box()) setTimeout(look, PAUSE);
})();
