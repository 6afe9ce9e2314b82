// The page works without this. It keeps the theme and the language that were
// chosen, copies code, and writes this server's own address into it.
const kept = {
  get(name) { try { return localStorage.getItem(name); } catch { return null; } },
  set(name, value) { try { localStorage.setItem(name, value); } catch { /* not allowed here */ } },
};

const root = document.documentElement;
const theme = kept.get("hookline-theme");
if (theme) root.dataset.theme = theme;
document.getElementById("theme").addEventListener("click", () => {
  const system = matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
  root.dataset.theme = (root.dataset.theme || system) === "dark" ? "light" : "dark";
  kept.set("hookline-theme", root.dataset.theme);
});

const language = document.getElementById(kept.get("hookline-language") || "");
if (language) language.checked = true;
for (const input of document.querySelectorAll("input.language")) {
  input.addEventListener("change", () => kept.set("hookline-language", input.id));
}

// Code above may grow or shrink; the place that was clicked stays.
for (const label of document.querySelectorAll(".samples label")) {
  label.addEventListener("click", () => {
    const top = label.getBoundingClientRect().top;
    requestAnimationFrame(() => scrollBy({ top: label.getBoundingClientRect().top - top, behavior: "instant" }));
  });
}

const origin = "https://hookline.example";
for (const code of document.querySelectorAll(".samples code")) {
  const walker = document.createTreeWalker(code, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) walker.currentNode.data = walker.currentNode.data.replace(origin, location.origin);
}

for (const button of document.querySelectorAll("button.copy")) {
  button.addEventListener("click", async () => {
    const shown = [...button.closest(".box").querySelectorAll("pre")].find((pre) => pre.offsetParent);
    await navigator.clipboard.writeText(shown.textContent);
    button.textContent = "Copied";
    setTimeout(() => { button.textContent = "Copy"; }, 1500);
  });
}

// On a phone the contents would fill the first screen.
if (matchMedia("(max-width: 50rem)").matches) document.querySelector(".contents").open = false;
