// Choose data, say what is wanted, and ask for a plan or a training.

import { $, ask, element, post, sentence } from "/static/asking.js";
import { optionsOf } from "/static/options.js";

let data = null; // what the server knows the chosen data by

function choose(entry) {
  data = entry.id;
  $("chosen").textContent = entry.name;
  $("ask-says").textContent = "";
}

const megabytes = (bytes) => (bytes < 1e6 ? `${Math.ceil(bytes / 1e3)} kB` : `${(bytes / 1e6).toFixed(1)} MB`);


function button(text, about, act) {
  const made = element("button", { type: "button", className: "small", textContent: text, onclick: act });
  made.append(element("span", { className: "hidden", textContent: ` ${about}` }));
  return made;
}

function showUploads(uploads) {
  $("uploads").replaceChildren(...uploads.map((one) => element("li", {},
    element("span", { className: "name", textContent: `${one.name}, ${one.files.toLocaleString("en")} files, ${megabytes(one.bytes)}` }),
    button("Use", one.name, () => choose(one)),
    button("Delete", one.name, () => remove(one)))));
}

async function remove(one) {
  if (!confirm(`Delete ${one.name}? Runs that were trained on it can no longer show their training images.`)) return;
  try {
    await ask(`/uploads/${one.key}`, { method: "DELETE" });
    $("upload-says").textContent = `${one.name} is deleted.`;
    if (data === one.id) {
      data = null;
      $("chosen").textContent = "nothing yet";
    }
  } catch (error) {
    $("upload-says").textContent = error.message;
  }
  showUploads((await ask("/data")).uploads);
  $("zip").focus(); // the button that was pressed is gone
}

function upload(file) {
  const most = Number($("zip").dataset.most);
  if (file.size > most) {
    $("upload-says").textContent = `${file.name} has ${megabytes(file.size)}; at most ${megabytes(most)} are taken. Zip fewer images.`;
    return;
  }
  const request = new XMLHttpRequest(); // fetch does not tell how far an upload is
  const bar = $("uploading");
  bar.hidden = false;
  bar.value = 0;
  $("upload-says").textContent = `Sending ${file.name}, ${megabytes(file.size)}`;
  request.upload.onprogress = (event) => {
    bar.value = event.loaded / event.total;
    if (event.loaded === event.total) $("upload-says").textContent = "The server checks it.";
  };
  const end = (text) => {
    bar.hidden = true;
    $("upload-says").textContent = text;
  };
  request.onerror = () => end("The upload broke off. Is the server still running?");
  request.onload = async () => {
    let body = {};
    try { body = JSON.parse(request.responseText); } catch { /* no JSON: the status says enough */ }
    if (request.status !== 201) {
      end(sentence(body.error || `The server answers with an error (${request.status}).`));
      return;
    }
    end(`${body.name} is here, with ${body.files.toLocaleString("en")} files.`);
    choose(body);
    showUploads((await ask("/data")).uploads);
  };
  request.open("POST", `/uploads?name=${encodeURIComponent(file.name)}`);
  request.setRequestHeader("Content-Type", "application/zip");
  request.send(file);
}

function back(name, act) {
  const made = element("button", { type: "button", className: "small", textContent: name, onclick: act });
  made.setAttribute("aria-label", `Back to ${name}`);
  return made;
}

const trail = []; // the folders that are open, from the top

async function openFolder(entry) {
  try {
    const { entries } = entry ? await ask(`/data/${entry.key}`) : await ask("/data");
    const place = trail.indexOf(entry);
    trail.splice(place < 0 ? trail.length : place, Infinity, ...(entry ? [entry] : []));
    showFolder(entries);
    ($("entries").querySelector("button") ?? $("trail").lastElementChild)?.focus(); // what was pressed is gone
  } catch (error) {
    $("folder-says").textContent = error.message;
  }
}

function showFolder(entries) {
  const links = trail.map((entry) => back(entry.name, () => openFolder(entry)));
  const all = back("all folders", () => { trail.length = 0; openFolder(null); });
  $("trail").replaceChildren(...(trail.length ? [all, ...links] : []));
  $("entries").replaceChildren(...entries.map((entry) => element("li", {},
    element("span", { className: "name", textContent: entry.folder ? `${entry.name}/` : entry.name }),
    ...(entry.folder ? [button("Open", entry.name, () => openFolder(entry))] : []),
    button("Use", entry.name, () => choose(entry)))));
  $("folder-says").textContent = entries.length ? "" : "There is no folder and no data set in it.";
}

async function submit(event) {
  event.preventDefault();
  const says = $("ask-says");
  says.textContent = "";
  if (!data) {
    says.textContent = "Choose a folder or a zip first.";
    return;
  }
  try {
    const job = await post("/jobs", { verb: event.submitter?.value ?? "plan", data, options: optionsOf(event.target) });
    location.assign(`/jobs/${job.id}`);
  } catch (error) {
    says.textContent = error.message;
  }
}

$("ask").addEventListener("submit", submit);
function uploadChosen() {
  const [file] = $("zip").files;
  if (file) upload(file);
  $("zip").value = "";
}

$("zip").addEventListener("change", uploadChosen);
uploadChosen(); // what was chosen before this script ran
ask("/data").then((there) => {
  showUploads(there.uploads);
  if ($("entries")) showFolder(there.entries);
}, (error) => { $("upload-says").textContent = error.message; });
