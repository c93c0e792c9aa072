// What every page needs. Pages work without it; it adds the time zone, copy buttons and live figures.

const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
const known = document.cookie.split("; ").find((each) => each.startsWith("hl_tz="))?.slice(6);
if (zone && decodeURIComponent(known ?? "") !== zone) {
  const secure = location.protocol === "https:" ? "; Secure" : "";
  document.cookie = `hl_tz=${encodeURIComponent(zone)}; Path=/; Max-Age=31536000; SameSite=Lax${secure}`;
  // Days begin elsewhere now: look again, once, where the page depends on it and the cookie was kept.
  const kept = document.cookie.includes(`hl_tz=${encodeURIComponent(zone)}`);
  if (kept && document.querySelector("[data-zone]")?.dataset.zone !== zone) location.reload();
}

document.addEventListener("click", async (event) => {
  const button = event.target.closest("button[data-copy]");
  if (!button) return;
  const label = button.textContent;
  try {
    await navigator.clipboard.writeText(button.dataset.copy);
    button.textContent = button.dataset.copied;
  } catch {
    // No clipboard here (plain http on a foreign host): mark the text, so that the keyboard can copy it.
    const text = button.parentElement.querySelector("code");
    if (text) getSelection().selectAllChildren(text);
    button.textContent = button.dataset.marked;
  }
  setTimeout(() => (button.textContent = label), 2000);
});

// A form that was sent is not sent twice.
document.addEventListener("submit", (event) => {
  const form = event.target;
  if (form.dataset.sent) return event.preventDefault();
  form.dataset.sent = "yes";
});
addEventListener("pageshow", () => {
  for (const form of document.forms) delete form.dataset.sent;
});

// Live figures: nothing is asked for while nobody looks, and a lost connection is said.
document.addEventListener("htmx:before:request", (event) => {
  if (document.hidden) event.preventDefault();
});
function lost() {
  const line = document.querySelector(".fresh");
  if (!line) return;
  line.classList.add("lost");
  line.textContent = line.dataset.lost;
}
document.addEventListener("htmx:error", lost);
document.addEventListener("htmx:response:error", lost);
