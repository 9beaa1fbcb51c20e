// A run's report below the table.

import { $ } from "/static/asking.js";

let opener = null;

function open(button) {
  close();
  opener = button;
  button.setAttribute("aria-expanded", "true");
  $("report-name").textContent = button.dataset.run;
  $("report-frame").src = `/models/${encodeURIComponent(button.dataset.run)}/report`;
  $("report-frame").title = `Report of ${button.dataset.run}`;
  $("report").hidden = false;
  $("report-close").focus();
  $("report").scrollIntoView();
}

function close() {
  if (!opener) return;
  opener.setAttribute("aria-expanded", "false");
  $("report").hidden = true;
  $("report-frame").removeAttribute("src");
  opener.focus();
  opener = null;
}

for (const button of document.querySelectorAll(".show-report")) button.addEventListener("click", () => (opener === button ? close() : open(button)));
$("report-close")?.addEventListener("click", close);
