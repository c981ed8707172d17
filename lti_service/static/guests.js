// The address on an invitation carries the code behind the #, which no server and no log ever sees: put it into the
// form, and take it out of the address, so that the browser's history does not keep it.
"use strict";
(() => {
  const field = document.querySelector("[data-guest-door] [name=code]");
  const code = decodeURIComponent(location.hash.slice(1)).replace(/\D/g, "");
  if (!field || code.length !== 20) return;
  if (!field.value) field.value = code.replace(/(\d{4})(?=\d)/g, "$1 ");
  history.replaceState(null, "", location.pathname + location.search);
  const answer = document.querySelector("[data-guest-door] [name=answer]");
  if (answer) answer.focus();
})();
