// Watches a delivery: renews the bar while it goes on, then loads the page with the new numbers.
(() => {
  const PAUSE = 1000;
  const box = () => document.querySelector(".app-run[data-run-open=yes]");

  async function look() {
    const shown = box();
    if (!shown) return;
    try {
      const answer = await fetch(shown.dataset.runUrl, { credentials: "same-origin" });
      if (!answer.ok) return;
      const fresh = new DOMParser().parseFromString(await answer.text(), "text/html").querySelector(".app-run");
      if (!fresh) return;
      if (fresh.dataset.runOpen !== "yes") {
        window.location.reload();
        return;
      }
      shown.replaceWith(document.adoptNode(fresh));
    } catch {
      // A short break in the network: the next look may succeed.
    }
    setTimeout(look, PAUSE);
  }

  if (box()) setTimeout(look, PAUSE);
})();
