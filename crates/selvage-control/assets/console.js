// Keeps the page fresh: every five seconds its content is fetched and put in place. Without it the page works, unrefreshed.
"use strict";
const live = document.getElementById("live");
const refresh = async () => {
  // What is being filled in stays.
  if (document.hidden || !live || live.querySelector("details[open] form")) return;
  try {
    const answer = await fetch(location.pathname, { redirect: "manual", cache: "no-store" });
    if (!answer.ok) return;
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const fresh = page.getElementById("live");
    if (fresh) live.replaceChildren(...fresh.childNodes);
  } catch {
    // The node is away for a moment; the next round tries again.
  }
};
setInterval(refresh, 5000);
