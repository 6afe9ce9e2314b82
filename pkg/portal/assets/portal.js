// Copies text, fetches anew what is pending, and sends a form once. Every page works without it.
(() => {
  "use strict";
  const said = document.querySelector("#said");

  const offerCopies = (root) => {
    for (const button of root.querySelectorAll("button[data-copy]")) button.hidden = !navigator.clipboard;
  };

  document.addEventListener("click", async (event) => {
    const button = event.target.closest("button[data-copy]");
    if (!button) return;
    const text = document.getElementById(button.dataset.copy).textContent;
    let word = "Copied";
    try {
      await navigator.clipboard.writeText(text);
    } catch {
      word = "Not copied";
    }
    const label = button.textContent;
    button.textContent = word;
    said.textContent = word;
    setTimeout(() => { button.textContent = label; said.textContent = ""; }, 1500);
  });

  // A form is sent once: of two answers a browser shows the second, and a new key
  // is in the first.
  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (form.method !== "post") return;
    if (form.dataset.sent) event.preventDefault();
    form.dataset.sent = "1";
  });
  addEventListener("pageshow", () => {
    for (const form of document.forms) delete form.dataset.sent;
  });

  // What waits carries data-pending: its part of the page is fetched anew, ever
  // more seldom, until nothing in it does, or for half an hour.
  const began = Date.now();
  let wait = 1000;
  const refresh = async () => {
    const live = document.querySelector("#live");
    if (!live || !live.querySelector("[data-pending]") || Date.now() - began > 30 * 60 * 1000) return;
    if (!document.hidden && !live.contains(document.activeElement)) {
      try {
        const answer = await fetch(location.href, { headers: { Accept: "text/html" }, redirect: "error" });
        const next = answer.ok && new DOMParser().parseFromString(await answer.text(), "text/html").querySelector("#live");
        if (next && next.innerHTML !== live.innerHTML) {
          live.replaceWith(next);
          offerCopies(next);
          const news = next.querySelector("[data-news]");
          if (news) said.textContent = news.textContent;
          wait = 1000;
        }
      } catch { /* the next one may work */ }
    }
    wait = Math.min(wait * 1.3, 15000);
    setTimeout(refresh, wait);
  };

  offerCopies(document);
  setTimeout(refresh, wait);

  // A recovery goes on by itself.
  const more = document.querySelector("form[data-continue]");
  if (more) setTimeout(() => more.requestSubmit(), 400);
})();
