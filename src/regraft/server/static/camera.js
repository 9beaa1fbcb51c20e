// The camera, where the browser lets a page have one: at localhost or over https.

import { $ } from "/static/asking.js";

const WHY = {
  NotAllowedError: "The browser does not let this page use the camera. Allow it beside the address.",
  NotFoundError: "This machine has no camera that the browser can see.",
  NotReadableError: "Another program uses the camera. Close it, and try again.",
};
let stream = null;

export function startCamera(taken) {
  $("camera").addEventListener("click", on);
  $("camera-off").addEventListener("click", off);
  $("shoot").addEventListener("click", () => shoot(taken));
}

async function on() {
  const says = $("camera-says");
  if (!navigator.mediaDevices?.getUserMedia) {
    says.textContent = "There is no camera here: browsers give it to pages at localhost or over https alone.";
    return;
  }
  try {
    stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment" }, audio: false });
  } catch (error) {
    says.textContent = WHY[error.name] ?? `The camera cannot be used: ${error.message}`;
    return;
  }
  says.textContent = "";
  $("video").srcObject = stream;
  await $("video").play();
  $("camera-panel").hidden = false;
  $("camera").hidden = true;
  $("shoot").focus();
}

function off() {
  for (const track of stream?.getTracks() ?? []) track.stop();
  stream = null;
  $("camera-panel").hidden = true;
  $("camera").hidden = false;
  $("camera").focus();
}

function shoot(taken) {
  const video = $("video");
  const canvas = document.createElement("canvas");
  canvas.width = video.videoWidth;
  canvas.height = video.videoHeight;
  canvas.getContext("2d").drawImage(video, 0, 0);
  const name = `camera ${new Date().toLocaleTimeString()}.png`;
  canvas.toBlob((blob) => taken(new File([blob], name, { type: "image/png" })), "image/png");
}
