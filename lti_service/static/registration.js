// Closes the registration window inside Moodle: by its button, and by itself once there was time to read it.
"use strict";
(() => {
  const box = document.getElementById("closing");
  const opener = window.opener || (window.parent !== window ? window.parent : null);
  if (!box || !opener) return;
  const says = box.querySelector("[data-text]");
  let left = Number(box.dataset.seconds);

  const close = () => opener.postMessage({ subject: "org.imsglobal.lti.close" }, box.dataset.origin);
  const show = () => { says.textContent = says.dataset.text.replace("{n}", String(left)); };
  const tick = window.setInterval(() => {
    left -= 1;
    show();
    if (left <= 0) { window.clearInterval(tick); close(); }
  }, 1000);

  box.querySelector("[data-close]").addEventListener("click", close);
  box.querySelector("[data-keep]").addEventListener("click", (event) => {
    window.clearInterval(tick);
    says.textContent = "";
    event.currentTarget.classList.add("d-none");
  });
  box.classList.remove("d-none");
  show();
})();
